"""What the gateway was asked for and what it promised: kept on our side, and held against it at the end."""

import threading
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["sync", "async", "scheduled"]


@dataclass(slots=True)
class Asked:
    """One send that was asked for, as often as it took; its text is `token`, which no other has.

    `status` is that of the last answer, None while none came. `wa_id` is what a 201 said, `send_id` what a 202 said.
    """

    kind: Kind
    token: str
    session_id: str
    chat: str
    key: str | None
    status: int | None = None
    tries: int = 0
    wa_id: str | None = None
    send_id: str | None = None
    cancelled: bool = False


@dataclass(slots=True)
class Batch:
    """A batch that was accepted: `items` texts, token/0, token/1 and so on. `state` is how it ended.

    `doubtful` says that somebody asked to cancel it, `cancelled` that the answer was yes.
    """

    token: str
    session_id: str
    name: str
    items: int
    doubtful: bool = False
    cancelled: bool = False
    state: str | None = None


@dataclass(slots=True)
class Ledger:
    """Everything asked and answered so far; written by many threads."""

    sends: list[Asked] = field(default_factory=list)
    written: dict[str, set[str]] = field(default_factory=dict)  # session → ids of what contacts wrote, as answered
    batches: list[Batch] = field(default_factory=list)
    retried: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, asked: Asked) -> Asked:
        """Note a send before it is asked for."""
        with self._lock:
            self.sends.append(asked)
        return asked

    def batch(self, batch: Batch) -> Batch:
        """Note a batch that was accepted."""
        with self._lock:
            self.batches.append(batch)
        return batch

    def wrote(self, session_id: str, message_ids: list[str]) -> None:
        """The simulator answered that a contact wrote these."""
        with self._lock:
            self.written.setdefault(session_id, set()).update(message_ids)

    def again(self) -> None:
        """Something was asked again with the same key."""
        with self._lock:
            self.retried += 1
