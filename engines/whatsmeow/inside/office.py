"""Where asks are answered: threads as they are needed, a bounded queue, arguments checked against the verb's own."""

import contextlib
import inspect
import logging
import queue
import threading
import time
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from engines import base
from engines.whatsmeow import frames
from engines.whatsmeow.inside.refusals import typed

log = logging.getLogger(__name__)

_THREADS = 8
_WAITING = 64
_IDLE_SECONDS = 10.0
_Send = Callable[[frames.Answer | frames.Failure], None]


class Office:
    """Answers asks with the public methods of these objects."""

    def __init__(self, session: str, desks: list[Any], send: _Send) -> None:
        self._session, self._send = session, send
        self._verbs = {name: (verb, _arguments(name, verb)) for desk in desks for name, verb in _public(desk)}
        self._asks: queue.Queue[tuple[frames.Ask, float]] = queue.Queue(_WAITING)
        self._lock = threading.Lock()
        self._open = self._threads = 0

    def take(self, ask: frames.Ask, now: float) -> None:
        """Queue an ask that came now; refuse it where too many wait."""
        try:
            self._asks.put_nowait((ask, now + ask.seconds))
        except queue.Full:
            self._send(self._failure(ask.id, base.EngineError("The session is busy: too many requests at once")))
            return
        with self._lock:
            self._open += 1
            more = self._threads < min(self._open, _THREADS)
            self._threads += more
        if more:
            threading.Thread(target=self._work, name="verb", daemon=True).start()

    def _work(self) -> None:
        """Answer until there was nothing to do for a while: a session that is idle needs no threads."""
        while True:
            try:
                ask, until = self._asks.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._open < self._threads:
                        self._threads -= 1
                        return
                continue
            with contextlib.suppress(OSError):  # nobody listens: the worker is about to end
                self._send(self._answer(ask, until))
            with self._lock:
                self._open -= 1

    def _answer(self, ask: frames.Ask, until: float) -> frames.Answer | frames.Failure:
        if time.monotonic() > until:
            return self._failure(ask.id, base.EngineError("The request waited too long and was dropped"))
        try:
            verb, arguments = self._verbs[ask.verb]
            values = msgspec.structs.asdict(frames.unpack(ask.args, arguments))
            return frames.Answer(self._session, ask.id, frames.pack(verb(**values)))
        except Exception as error:
            wrong = typed(error)
            if type(wrong) is base.EngineError:
                log.warning("%s failed", ask.verb, exc_info=error)
            return self._failure(ask.id, wrong)

    def _failure(self, number: int, error: base.EngineError) -> frames.Failure:
        reason = error.reason if isinstance(error, base.Refused) else None
        kind = next(kind for kind in type(error).__mro__ if getattr(base, kind.__name__, None) is kind)
        return frames.Failure(self._session, number, kind.__name__, str(error), reason)


def _public(desk: Any) -> list[tuple[str, Callable[..., Any]]]:
    return [(name, verb) for name, verb in inspect.getmembers(desk, inspect.ismethod) if not name.startswith("_")]


def _arguments(name: str, verb: Callable[..., Any]) -> type[msgspec.Struct]:
    hints = typing.get_type_hints(verb)
    fields = [(parameter, hints[parameter]) for parameter in inspect.signature(verb).parameters]
    return msgspec.defstruct(f"{name}_arguments", fields, forbid_unknown_fields=True)
