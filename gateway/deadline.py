"""One end for a whole exchange, however many steps it has."""

import time


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left. Raises TimeoutError where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def shorten(self, seconds: float) -> None:
        """End in so many seconds, if not sooner."""
        self._end = min(self._end, time.monotonic() + seconds)
