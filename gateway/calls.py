"""Calls that nobody is to take: rejected as they come in, on sessions whose `config` says `autoRejectCalls`."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from engines import Engines
from engines.base import CallReceived, EngineError, Event
from storage.sessions import Session

log = logging.getLogger("openwa.calls")
_THREADS = 2


class Doorman:
    """Rejects calls in threads of its own: an engine that tells of a call waits until it is written down."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="calls")

    def heard(self, engines: Engines, session: Session, happened: Sequence[Event]) -> None:
        """Something happened on a session, and is committed."""
        if session.config.get("autoRejectCalls") is True:
            for event in happened:
                if isinstance(event, CallReceived):
                    self._pool.submit(_reject, engines, session.id, event.call_id)

    def stop(self) -> None:
        """Once no engine tells anything any more: what is to be rejected is, as far as engines still run."""
        self._pool.shutdown()


def _reject(engines: Engines, session_id: str, call_id: str) -> None:
    try:
        engines.live(session_id).reject_call(call_id)
    except EngineError as error:
        log.warning("a call of session %s still rings: %s", session_id, error)
