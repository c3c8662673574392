"""How many workers may start at once: each costs half a second of a processor, and a restart brings all of them."""

import os
import threading

_PATIENCE = 0.25
_MOST = max(2, os.cpu_count() or 1)


class Starts:
    """Places of those that start; one is left when the worker is up, or gone."""

    def __init__(self, most: int = _MOST) -> None:
        self._room = threading.BoundedSemaphore(most)

    def enter(self, stopping: threading.Event) -> bool:
        """Wait for a place; False where `stopping` was set meanwhile."""
        while not stopping.is_set():
            if self._room.acquire(timeout=_PATIENCE):
                return True
        return False

    def leave(self) -> None:
        self._room.release()
