"""How long to wait before a worker is started again."""

import random
from collections import deque

_QUICK = 5
_MINUTE = 60.0


class Pauses:
    """Short after a worker that had connected, unless that happens often; else longer each time, with jitter."""

    def __init__(self, first: float, cap: float) -> None:
        self._first, self._cap = first, cap
        self._next = first
        self._quick: deque[float] = deque(maxlen=_QUICK)

    def after(self, now: float, *, was_ready: bool) -> float:
        """Seconds to wait; `now` is in seconds of a monotonic clock."""
        often = len(self._quick) == _QUICK and now - self._quick[0] < _MINUTE
        if was_ready and not often:
            self._quick.append(now)
            self._next = self._first
        pause, self._next = self._next, min(self._next * 2, self._cap)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def forget(self) -> None:
        """It ended as it should: begin anew."""
        self._next = self._first
