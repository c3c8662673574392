"""How WhatsApp is reached: the engines that run, by session."""

import threading
from collections.abc import Callable, Sequence

from engines.base import Account, Capability, Engine, EngineFactory, Event, NotStarted, NotSupported, WrongState


class _Slot:
    """One session's place among the running: taken before its engine exists, so that two starts cannot both run."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.engine: Engine | None = None


class Engines:
    """The engines of one gateway. `record` takes what happens on a session, as a Sink does, with the session's id."""

    def __init__(
        self,
        kind: str,
        factory: EngineFactory,
        capabilities: frozenset[Capability],
        record: Callable[[str, Sequence[Event]], None],
        *,
        most: int = 0,
    ) -> None:
        self.kind = kind
        self.capabilities = capabilities
        self._factory = factory
        self._record = record
        self._most = most
        self._guard = threading.Lock()
        self._slots: dict[str, _Slot] = {}

    def live(self, session_id: str) -> Engine:
        """The session's running engine. Raises NotStarted."""
        slot = self._slots.get(session_id)
        if slot is None or slot.engine is None:
            raise NotStarted("Session is not started. Call POST /sessions/{sessionId}/start first.")
        return slot.engine

    def able(self, session_id: str, capability: Capability) -> Engine:
        """The session's running engine, if its kind can do that. Raises NotSupported, NotStarted."""
        if capability not in self.capabilities:
            raise NotSupported(f"The {self.kind} engine does not support {capability.replace('_', ' ')}")
        return self.live(session_id)

    def running(self) -> list[str]:
        """The ids of the sessions whose engines run."""
        return list(self._slots)

    def start(self, session_id: str, load: Callable[[], Account]) -> None:
        """Start the session's engine; `load` says which account, and raises where the session is gone meanwhile.

        Raises WrongState where it runs or starts already, or too many do.
        """
        with self._guard:
            slot = self._slots.get(session_id)
            if slot is not None:
                raise WrongState("Session is already started" if slot.engine else "Session is already starting")
            if self._most and len(self._slots) >= self._most:
                raise WrongState(f"{self._most} sessions are running, which is MAX_CONCURRENT_SESSIONS")
            slot = self._slots[session_id] = _Slot()
        with slot.lock:
            try:
                engine = self._factory(load(), lambda events: self._pass_on(session_id, slot, events))
                slot.engine = engine
                engine.start()
            except BaseException:
                self._release(session_id, slot)
                raise

    def stop(self, session_id: str, how: Callable[[Engine], None] = lambda engine: engine.stop()) -> bool:
        """End the session's engine by `how` (stop, kill, logout); says whether one ran. Late events of it are dropped."""
        with self._guard:
            slot = self._slots.get(session_id)
        if slot is None:
            return False
        with slot.lock:  # a start under way ends first
            self._release(session_id, slot)
            if slot.engine is None:
                return False
            how(slot.engine)
            return True

    def stop_all(self) -> None:
        """Stop every engine, side by side, as the gateway ends."""
        threads = [threading.Thread(target=self.stop, args=(session_id,), daemon=True) for session_id in self.running()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    def _pass_on(self, session_id: str, slot: _Slot, events: Sequence[Event]) -> None:
        if self._slots.get(session_id) is slot:
            self._record(session_id, events)

    def _release(self, session_id: str, slot: _Slot) -> None:
        with self._guard:
            if self._slots.get(session_id) is slot:
                del self._slots[session_id]
