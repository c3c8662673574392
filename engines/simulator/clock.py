"""Time, so that the simulator can be run by the clock on the wall or by a test's hand."""

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

log = logging.getLogger(__name__)
_SINK_THREADS = 64

Job = Callable[[], object]


class Timer:
    """A job for later; `cancel` makes it never run unless it runs already."""

    __slots__ = ("job",)

    def __init__(self, job: Job) -> None:
        self.job: Job | None = job

    def cancel(self) -> None:
        self.job = None

    def run(self) -> None:
        """Run the job once, at most; what it raises is logged, since nobody waits for it."""
        job, self.job = self.job, None
        if job is not None:
            try:
                job()
            except Exception:
                log.exception("a simulator job failed")


class Clock(Protocol):
    """What the simulator needs of time. `call_later` runs short jobs, `spawn` those that may wait for a sink."""

    def now(self) -> int: ...
    def call_later(self, seconds: float, job: Job) -> Timer: ...
    def spawn(self, job: Job) -> None: ...
    def sleep(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class _Agenda:
    """Timers, the earliest first, those of one moment in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def add(self, due: float, job: Job) -> Timer:
        timer = Timer(job)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def due(self) -> float | None:
        """When the earliest timer is due, None without one."""
        while self._heap and self._heap[0][2].job is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Timer:
        return heapq.heappop(self._heap)[2]


class RealClock:
    """The clock on the wall: one timer thread, a bounded pool for what may wait; both start when needed."""

    def __init__(self) -> None:
        self._agenda = _Agenda()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(_SINK_THREADS, thread_name_prefix="simulator")
        self._closed = False

    def now(self) -> int:
        """Epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def call_later(self, seconds: float, job: Job) -> Timer:
        """Run `job` in the timer thread, `seconds` from now."""
        with self._changed:
            timer = self._agenda.add(time.monotonic() + seconds, job)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="simulator-timers", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def spawn(self, job: Job) -> None:
        """Run `job` soon, in a thread of the pool; nothing happens after `close`."""
        with self._changed:
            if not self._closed:
                self._pool.submit(Timer(job).run)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        """Run no further timer; jobs that run already end by themselves."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while (timer := self._next()) is not None:
            timer.run()

    def _next(self) -> Timer | None:
        with self._changed:
            while not self._closed:
                due = self._agenda.due()
                wait = None if due is None else due - time.monotonic()
                if wait is not None and wait <= 0:
                    return self._agenda.pop()
                self._changed.wait(wait)
        return None


class ManualClock:
    """A clock that a test moves: nothing happens between two calls of `advance`, and then all of it in order."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = float(now)
        self._agenda = _Agenda()
        self._ready: deque[Timer] = deque()
        self._lock = threading.Lock()

    def now(self) -> int:
        """Epoch milliseconds, as far as this clock has been moved."""
        return int(self._now)

    def call_later(self, seconds: float, job: Job) -> Timer:
        """Run `job` within the `advance` that passes `seconds` from now."""
        with self._lock:
            return self._agenda.add(self._now + seconds * 1000, job)

    def spawn(self, job: Job) -> None:
        """Run `job` within the next `advance`."""
        self._ready.append(Timer(job))

    def sleep(self, seconds: float) -> None:
        """Whoever would wait moves the clock instead."""
        self.advance(seconds)

    def advance(self, seconds: float = 0.0) -> None:
        """Move the clock, running in order everything that becomes due on the way."""
        target = self._now + seconds * 1000
        while (job := self._next(target)) is not None:
            job.run()

    def close(self) -> None:
        """Nothing to end: no thread was started."""

    def _next(self, target: float) -> Timer | None:
        if self._ready:
            return self._ready.popleft()
        with self._lock:
            due = self._agenda.due()
            if due is None or due > target:
                self._now = max(self._now, target)
                return None
            self._now = max(self._now, due)
            return self._agenda.pop()
