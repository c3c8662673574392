"""Threads that do slow things while the dispatcher goes on; those that are stuck do not count against the rest."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

_STUCK = 4  # times as many threads as are busy at most, the rest being slow ones


class Workers:
    """`most` runs at once, not counting those that have lasted `slow` seconds already. Threads come as needed."""

    def __init__(self, most: int, slow: float) -> None:
        self.most = most
        self._slow = slow
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[int, Callable[[], Any], Callable[[], None]] | None] = SimpleQueue()
        self._running: dict[int, tuple[str, float]] = {}  # number → whose, since
        self._finished: list[Any] = []
        self._threads = 0
        self._numbers = 0
        self._ended = threading.Condition(self._lock)

    def room(self) -> int:
        """How many more runs may be submitted now."""
        late = time.monotonic() - self._slow
        with self._lock:
            quick = sum(since > late for _, since in self._running.values())
            return min(self.most - quick, self.most * _STUCK - len(self._running))

    def busy(self) -> Counter[str]:
        """How many runs are under way, by whose they are."""
        with self._lock:
            return Counter(whose for whose, _ in self._running.values())

    def submit(self, whose: str, work: Callable[[], Any], then: Callable[[], None]) -> None:
        """Do `work` in a thread, keep its result for `finished`, and call `then`. `work` does not raise."""
        with self._lock:
            self._numbers += 1
            self._running[self._numbers] = (whose, time.monotonic())
            if len(self._running) > self._threads:
                self._threads += 1
                threading.Thread(target=self._loop, name=f"delivery-{self._threads}", daemon=True).start()
            self._waiting.put((self._numbers, work, then))

    def finished(self) -> list[Any]:
        """The results since the last time."""
        with self._lock:
            finished, self._finished = self._finished, []
            return finished

    def stop(self, grace: float) -> None:
        """Wait up to `grace` seconds for what is under way, and let the threads go."""
        with self._lock:
            self._ended.wait_for(lambda: not self._running, grace)
            for _ in range(self._threads):
                self._waiting.put(None)

    def _loop(self) -> None:
        while True:
            item = self._waiting.get()
            if item is None:
                return
            number, work, then = item
            result = work()
            with self._lock:
                del self._running[number]
                self._finished.append(result)
                self._ended.notify_all()
            then()
