"""The way of events to one session's sink: in order, in batches, one call at a time, holding no lock meanwhile."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engines.base import Event, Sink
from engines.simulator.clock import Clock

log = logging.getLogger(__name__)
_BATCH = 100
_FIRST_RETRY = 0.1
_LAST_RETRY = 5.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event under way. `number` is what the world calls it until the sink took it; 0 for what nobody keeps.

    `blob` names the stored media of the message: a fresh file of it is made for each attempt to hand it over.
    """

    event: Event
    number: int = 0
    blob: str | None = None


class Dispatcher:
    """Hands parcels to one sink until it takes them. A sink that raises gets the same parcels again, later."""

    def __init__(
        self,
        clock: Clock,
        sink: Sink,
        unpack: Callable[[Parcel], Event],
        acknowledge: Callable[[Sequence[int]], None],
    ) -> None:
        self._clock = clock
        self._sink = sink
        self._unpack = unpack
        self._acknowledge = acknowledge
        self._queue: deque[Parcel] = deque()
        self._changed = threading.Condition()
        self._runner: int | None = None
        self._scheduled = False
        self._closed = False
        self._pause = _FIRST_RETRY

    def push(self, parcels: Sequence[Parcel]) -> None:
        """Queue parcels behind those that wait; returns at once."""
        with self._changed:
            if self._closed:
                return
            self._queue.extend(parcels)
            if self._scheduled or self._runner is not None:
                return
            self._scheduled = True
        self._clock.spawn(self._run)

    def flush(self, seconds: float) -> bool:
        """Hand over what is queued, in this thread if no other does it; whether all of it was taken in time."""
        if not self._run():
            self._wait(seconds, lambda: not self._queue)
        with self._changed:
            return not self._queue

    def close(self, seconds: float) -> None:
        """Call the sink no more. Waits at most `seconds` for a call that runs, unless it is this very thread's."""
        with self._changed:
            self._closed = True
            self._queue.clear()
        self._wait(seconds, lambda: self._runner is None)

    def _wait(self, seconds: float, until: Callable[[], bool]) -> None:
        with self._changed:
            if self._runner != threading.get_ident():
                self._changed.wait_for(lambda: until() or self._runner is None, seconds)

    def _run(self) -> bool:
        """Hand over until nothing is left or the sink refuses; False when another thread does so already."""
        with self._changed:
            self._scheduled = False
            if self._runner is not None:
                return False
            self._runner = threading.get_ident()
        taken = True
        try:
            while taken and (batch := self._next()):
                taken = self._hand_over(batch)
        finally:
            self._leave(retry=not taken)
        return True

    def _next(self) -> list[Parcel]:
        with self._changed:
            return [self._queue[index] for index in range(min(_BATCH, len(self._queue)))]

    def _hand_over(self, batch: list[Parcel]) -> bool:
        try:
            self._sink([self._unpack(parcel) for parcel in batch])
        except Exception:
            log.exception("the sink took none of %d events; they will be offered again", len(batch))
            return False
        with self._changed:
            self._pause = _FIRST_RETRY
            for _ in range(min(len(batch), len(self._queue))):
                self._queue.popleft()
        numbers = [parcel.number for parcel in batch if parcel.number]
        if numbers:
            self._acknowledge(numbers)
        return True

    def _leave(self, *, retry: bool) -> None:
        with self._changed:
            self._runner = None
            self._changed.notify_all()
            again = bool(self._queue) and not self._closed and not self._scheduled
            self._scheduled = self._scheduled or again
            pause = self._pause if retry else 0.0
            if retry:
                self._pause = min(self._pause * 2, _LAST_RETRY)
        if again and pause:
            self._clock.call_later(pause, lambda: self._clock.spawn(self._run))
        elif again:
            self._clock.spawn(self._run)
