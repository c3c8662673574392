"""How WhatsApp is reached: the engines that run, by session."""

import threading
from collections.abc import Callable, Sequence
from typing import cast

from engines.base import (
    Account,
    Engine,
    EngineError,
    EngineFactory,
    Event,
    NotStarted,
    NotSupported,
    StateChanged,
    WrongState,
)
from engines.capabilities import CAPABILITIES
from engines.verbs import Everything


class _Slot:
    """One session's place among the running: taken before its engine exists, so that two starts cannot both run."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.engine: Engine | None = None
        self.doing = "starting"
        self.failed = False


class Engines:
    """The engines of one gateway. `record` takes what happens on a session, as a Sink does, with the session's id.

    What a handler did through an engine it tells `record` itself, since engines do not report what they were asked.
    """

    def __init__(
        self,
        kind: str,
        factory: EngineFactory,
        record: Callable[[str, Sequence[Event]], None],
        *,
        most: int = 0,
        forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.kind = kind
        self.capabilities = CAPABILITIES[kind]
        self._factory = factory
        self.record = record
        self._most = most
        self._forget = forget
        self._guard = threading.Lock()
        self._slots: dict[str, _Slot] = {}

    def live(self, session_id: str) -> Everything:
        """The session's running engine, to be asked what the operation's `x-capability` says. Raises NotStarted."""
        slot = self._slots.get(session_id)
        if slot is None or slot.engine is None:
            raise NotStarted("Session is not started")
        return cast("Everything", slot.engine)

    def require(self, capability: str) -> None:
        """Refuse what engines of this kind cannot do at all. Raises NotSupported, which names it."""
        if capability not in self.capabilities:
            raise NotSupported(f"The {self.kind} engine does not support {capability.replace('_', ' ')}")

    def running(self) -> list[str]:
        """The ids of the sessions whose engines run."""
        return list(self._slots)

    def start(self, session_id: str, load: Callable[[], Account]) -> None:
        """Start the session's engine; `load` says which account, and raises where the session is gone meanwhile.

        One that has failed for good makes room. Raises WrongState where it runs or starts already, or too many do.
        """
        earlier = self._slots.get(session_id)
        if earlier is not None and earlier.failed:
            self.stop(session_id, lambda engine: engine.kill())
        slot = _Slot()
        with slot.lock:  # before anybody sees it: a stop waits until the start is over
            self._take(session_id, slot)
            try:
                engine = self._factory(load(), lambda events: self._pass_on(session_id, slot, events))
                slot.engine = engine
                engine.start()
                slot.doing = "started"
            except BaseException:
                self._release(session_id, slot)
                raise

    def stop(self, session_id: str, how: Callable[[Engine], None] = lambda engine: engine.stop()) -> bool:
        """End the session's engine by `how` (stop, kill, logout), which may still tell things; says whether one ran."""
        with self._guard:
            slot = self._slots.get(session_id)
        if slot is None:
            return False
        with slot.lock:  # a start under way ends first
            engine, slot.engine, slot.doing = slot.engine, None, "stopping"
            try:
                if engine is not None:
                    how(engine)
            finally:
                self._release(session_id, slot)
            return engine is not None

    def remove(self, session_id: str) -> None:
        """End the engine of a session that is deleted, unlinking its device if it can, and forget the account."""
        self.stop(session_id, _unlink)
        self._forget(session_id)

    def stop_all(self) -> None:
        """Stop every engine, side by side, as the gateway ends."""
        threads = [threading.Thread(target=self.stop, args=(session_id,), daemon=True) for session_id in self.running()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    def _take(self, session_id: str, slot: _Slot) -> None:
        with self._guard:
            taken = self._slots.get(session_id)
            if taken is not None:
                raise WrongState(f"Session is already {taken.doing}")
            if self._most and len(self._slots) >= self._most:
                raise WrongState(f"{self._most} sessions are running, which is MAX_CONCURRENT_SESSIONS")
            self._slots[session_id] = slot

    def _pass_on(self, session_id: str, slot: _Slot, events: Sequence[Event]) -> None:
        if self._slots.get(session_id) is not slot:
            raise RuntimeError("this engine was replaced")  # so that it keeps what it could not tell
        self.record(session_id, events)
        for event in events:
            if isinstance(event, StateChanged):
                slot.failed = event.state == "failed"

    def _release(self, session_id: str, slot: _Slot) -> None:
        with self._guard:
            if self._slots.get(session_id) is slot:
                del self._slots[session_id]


def _unlink(engine: Engine) -> None:
    try:
        engine.logout()
    except EngineError:  # not connected: the phone keeps a dead device, which it shows as such
        engine.stop()
