"""The way of reports to the sink: in order, in batches, again until the sink took them; only then acknowledged."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from engines import base

log = logging.getLogger(__name__)

_BATCH = 100
_FIRST_RETRY = 0.1
_LAST_RETRY = 5.0


class Delivery:
    """One thread and one queue. `acknowledge` gets the numbers whose events are committed."""

    def __init__(self, name: str, sink: base.Sink, acknowledge: Callable[[list[int]], None]) -> None:
        self._sink, self._acknowledge = sink, acknowledge
        self._queue: deque[tuple[int, list[base.Event]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"delivery-{name}", daemon=True)
        self._thread.start()

    def push(self, number: int, events: Sequence[base.Event]) -> None:
        """Queue the events of a report (0: of none). The worker's window bounds how many there are."""
        with self._changed:
            self._queue.append((number, list(events)))
            self._changed.notify_all()

    def drop_reports(self) -> None:
        """The worker is gone and will report again what was not acknowledged; what has no number stays."""
        with self._changed:
            self._queue = deque(entry for entry in self._queue if entry[0] == 0)

    def close(self, seconds: float, *, farewell: bool) -> None:
        """Deliver what has no number any more (or nothing), then call the sink no more."""
        if not farewell:
            with self._changed:
                self._queue.clear()
        self.drop_reports()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)

    def _run(self) -> None:
        delay = _FIRST_RETRY
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                batch, final = self._head(), self._closed
                if not batch:
                    return
            try:
                self._sink([event for _, events in batch for event in events])
            except Exception:
                log.exception("the sink did not take %d reports", len(batch))
                if final:
                    return  # it was the attempt after the end
                self._pause(delay)
                delay = min(delay * 2, _LAST_RETRY)
                continue
            delay = _FIRST_RETRY
            self._done(batch)

    def _head(self) -> list[tuple[int, list[base.Event]]]:
        batch: list[tuple[int, list[base.Event]]] = []
        size = 0
        for entry in self._queue:
            size += len(entry[1])
            if batch and size > _BATCH:
                break
            batch.append(entry)
        return batch

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _done(self, batch: list[tuple[int, list[base.Event]]]) -> None:
        with self._changed:
            for each in batch:
                if self._queue and self._queue[0] is each:
                    self._queue.popleft()
        numbers = [number for number, _ in batch if number]
        if numbers:
            self._acknowledge(numbers)
