"""Idempotency keys: the first answer to a key is kept with the work it answers, in one transaction, and repeated.

A send keeps no answer but its message's id: the send's own row tells the answer, also after a crash.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from storage import StorageError
from storage.db import Tx, one_at_a_time
from storage.tables import idempotency


class KeyReused(StorageError):
    """The key was used for another request."""


class Use(NamedTuple):
    """One use of an idempotency key: which API key used it, the key ('' for none), for what, on which session."""

    api_key_id: str
    key: str
    request: str
    session_id: str | None = None


class Kept(NamedTuple):
    """What the first use came to: an answer with its status (none where nobody knows), or a send's message id.

    Where there is neither, it is under way. `since` is when it came, epoch milliseconds.
    """

    status: int | None
    answer: Any
    message_id: str | None
    since: int


def use(api_key_id: str, key: str, *request: Any, session_id: str | None = None) -> Use:
    """A use of `key`; `request` is all that makes the request what it is (operation, path, body).

    What is no JSON in there counts by its `str`. The answer is forgotten with the session that it belongs to.
    """
    whole = [*request, session_id]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest() if key else ""
    return Use(api_key_id, key, digest, session_id)


def begin(tx: Tx, once: Use) -> Kept | None:
    """What the key was used for before, None where this is the first use. Raises KeyReused.

    The caller keeps its own answer in this transaction. Of two at one moment the second waits and finds the first's.
    """
    if once.key:
        one_at_a_time(tx, f"idempotency {once.api_key_id} {once.key}")
    return find(tx, once)


def find(tx: Tx, once: Use) -> Kept | None:
    """What the key was used for, as far as that is committed; None for no key or a new one. Raises KeyReused."""
    if not once.key:
        return None
    row = tx.execute(select(idempotency).where(*_is(once))).one_or_none()
    if row is None:
        return None
    if row.request != once.request:
        raise KeyReused("This Idempotency-Key was used for a different request")
    return Kept(row.status, row.answer, row.message_id, row.created_at)


def keep(
    tx: Tx, once: Use, now: int, *, status: int | None = None, answer: Any = None, message_id: str | None = None
) -> None:
    """Keep the answer of a first use, in the transaction of its work."""
    if once.key:
        row = {"status": status, "answer": answer, "message_id": message_id, "created_at": now, **once._asdict()}
        tx.execute(insert(idempotency).values(row))


def settle(tx: Tx, once: Use, status: int | None, answer: Any) -> None:
    """What was under way came to this answer; without a status nobody knows what it came to, as the answer says."""
    tx.execute(update(idempotency).where(*_is(once)).values(status=status, answer=answer))


def forget(tx: Tx, once: Use) -> None:
    """What was under way did not happen: the key is free again."""
    tx.execute(delete(idempotency).where(*_is(once)))


def once(tx: Tx, use_: Use, now: int, work: Callable[[], tuple[Any, int]]) -> tuple[Any, int]:
    """Do `work` and keep its (answer, status), or repeat what it came to the first time. Raises KeyReused."""
    kept = begin(tx, use_)
    if kept is not None:
        return kept.answer, kept.status or 200
    answer, status = work()
    keep(tx, use_, now, status=status, answer=answer)
    return answer, status


def give_to(tx: Tx, use_: Use, session_id: str) -> None:
    """What is kept belongs to a session that came of it, and is forgotten with it."""
    if use_.key:
        tx.execute(update(idempotency).where(*_is(use_)).values(session_id=session_id))


def prune(tx: Tx, before: int) -> int:
    """Forget what was kept before that moment; how many."""
    return tx.execute(delete(idempotency).where(idempotency.c.created_at < before)).rowcount


def _is(once: Use) -> tuple[Any, ...]:
    return (idempotency.c.api_key_id == once.api_key_id, idempotency.c.key == once.key)
