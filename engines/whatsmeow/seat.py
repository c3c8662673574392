"""A session's place in a worker process: the way of its questions, and how its stay ends."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

from engines import base
from engines.whatsmeow import frames

_MOST_ASKS = 64
_BUSY_SECONDS = 5.0


class Worker(Protocol):
    """What a seat needs of its process."""

    @property
    def pid(self) -> int: ...
    def alone(self) -> bool: ...
    def send(self, frame: frames.Inward) -> None: ...
    def kill(self) -> None: ...


class Seat:
    """One session in a worker. `on_report` gets its reports, from the process's thread."""

    def __init__(
        self, worker: Worker, session: str, on_report: Callable[[frames.Report], None], numbers: Iterator[int]
    ) -> None:
        self._worker, self._session, self._on_report, self._numbers = worker, session, on_report, numbers
        self._asks: dict[int, Future[frames.Answer]] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_MOST_ASKS)
        self._away = False
        self._code: Future[int] = Future()

    @property
    def pid(self) -> int:
        return self._worker.pid

    def serve(self) -> int:
        """Wait until the worker serves the session no more; how that ended."""
        return self._code.result()

    def ask(self, verb: str, seconds: float, arguments: dict[str, Any]) -> frames.Answer:
        """Have a verb done. Raises what the worker raised, OutcomeUnknown when it took too long."""
        if not self._room.acquire(timeout=min(seconds, _BUSY_SECONDS)):
            raise base.EngineError("The session is busy: too many requests at once")
        try:
            future: Future[frames.Answer] = Future()
            number = next(self._numbers)
            with self._lock:
                if self._away:
                    raise base.NotConnected("Session is not connected. The WhatsApp client is not ready.")
                self._asks[number] = future
            self._send(frames.Ask(self._session, number, verb, seconds, frames.pack(arguments)))
            try:
                return future.result(seconds)
            except TimeoutError as error:
                with self._lock:
                    self._asks.pop(number, None)
                raise base.OutcomeUnknown("WhatsApp did not answer in time") from error
        finally:
            self._room.release()

    def _send(self, frame: frames.Ask) -> None:
        try:
            self._worker.send(frame)
        except OSError as error:
            raise base.OutcomeUnknown("The WhatsApp engine does not respond") from error

    def committed(self, numbers: list[int]) -> None:
        """Tell that these reports arrived, unless the worker is gone."""
        with contextlib.suppress(OSError):
            self._worker.send(frames.Committed(self._session, numbers))

    def leave(self) -> None:
        """Ask the worker to end the session."""
        with contextlib.suppress(OSError):
            self._worker.send(frames.End(self._session))

    def end(self, seconds: float, *, at_once: bool = False) -> None:
        """See to it that the worker serves the session no more: a worker that does not let go in time is killed.

        `at_once` kills it without asking, where nobody else is served by it.
        """
        if at_once and self._worker.alone():
            self._worker.kill()
        self.leave()
        with contextlib.suppress(TimeoutError):
            self._code.result(seconds)
            return
        self._worker.kill()

    # --- what its process tells

    def take(self, frame: frames.Answer | frames.Failure | frames.Report) -> None:
        """A frame of the session."""
        if isinstance(frame, frames.Report):
            self._on_report(frame)
            return
        with self._lock:
            future = self._asks.pop(frame.id, None)
        if future is None:
            return  # nobody waits for it any more
        if isinstance(frame, frames.Answer):
            future.set_result(frame)
        else:
            future.set_exception(_raised(frame))

    def away(self) -> None:
        """Nobody serves the session any more: asks that were open have no known outcome."""
        with self._lock:
            self._away = True
            asks, self._asks = self._asks, {}
        for future in asks.values():
            future.set_exception(base.OutcomeUnknown("The WhatsApp engine went away while it worked on this"))

    def ended(self, code: int) -> None:
        """This is how it ended."""
        self._code.set_result(code)


def _raised(failure: frames.Failure) -> base.EngineError:
    kind = getattr(base, failure.error, base.EngineError)
    return base.Refused(failure.message, failure.reason or "refused") if kind is base.Refused else kind(failure.message)
