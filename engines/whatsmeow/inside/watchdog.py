"""Deadlines that someone must meet: what was promised by when, and what its lateness means."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alarm:
    """A promise that was not kept: how the worker ends (its exit code), and the reason it reports."""

    name: str
    code: int
    reason: str


class Watchdog:
    """Named deadlines. Time is an argument (seconds of a monotonic clock)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[str, tuple[float, Alarm]] = {}

    def expect(self, name: str, by: float, code: int, reason: str) -> None:
        """Something named must happen by then; a later expectation of the same name replaces the earlier."""
        with self._lock:
            self._deadlines[name] = (by, Alarm(name, code, reason))

    def expect_once(self, name: str, by: float, code: int, reason: str) -> None:
        """As `expect`, but an expectation that stands already stays as it is."""
        with self._lock:
            self._deadlines.setdefault(name, (by, Alarm(name, code, reason)))

    def met(self, *names: str) -> None:
        """It happened, or matters no more."""
        with self._lock:
            for name in names:
                self._deadlines.pop(name, None)

    def overdue(self, now: float) -> Alarm | None:
        """The first promise that was not kept."""
        with self._lock:
            late = [(by, alarm) for by, alarm in self._deadlines.values() if by <= now]
        return min(late, key=lambda each: each[0])[1] if late else None
