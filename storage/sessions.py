"""Sessions: one row per WhatsApp account, addressed by id or by unique name."""

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from storage import Conflict, NotFound
from storage.db import Tx
from storage.prepared import Prepared
from storage.tables import idempotency, messages, sessions

Session = Row[Any]
_SHOWN = [column for column in sessions.c if column.name not in ("config", "proxy_url", "proxy_type", "wanted")]
_PAGE = select(*_SHOWN).order_by(sessions.c.row.desc()).limit(bindparam("limit")).offset(bindparam("offset"))
_PAGE_OF = _PAGE.where(sessions.c.id.in_(bindparam("only", expanding=True)))
_PAGE_OF_ALL = Prepared(_PAGE, page=True)
_FIND = Prepared(
    select(sessions).where(or_(sessions.c.id == bindparam("given"), sessions.c.name == bindparam("given")))
)
LIVE = ("initializing", "qr_ready", "authenticating", "ready")

_WANTED = select(sessions).where(sessions.c.wanted, sessions.c.status != "failed").order_by(sessions.c.row)
_HOLD = Prepared(select(sessions.c.id).where(sessions.c.id == bindparam("session_id")).with_for_update(key_share=True))


def create(tx: Tx, values: dict[str, Any], now: int) -> Session:
    """A new session in state `created`. Raises Conflict where the name is taken."""
    row = {
        "id": str(uuid4()), "status": "created", "wanted": False, "config": {}, "message_count": 0, "event_sequence": 0,
        "created_at": now, "updated_at": now, **values,
    }  # fmt: skip
    try:
        return tx.execute(insert(sessions).values(row).returning(sessions)).one()
    except IntegrityError:
        raise Conflict(f"Session with name '{values['name']}' already exists") from None


def find(tx: Tx, given: str) -> Session:
    """The session with this id or, failing that, this name. Raises NotFound."""
    rows = _FIND.all(tx, given=given)
    if not rows:
        raise NotFound(f"Session '{given}' not found")
    found: Session = min(rows, key=lambda row: row.id != given)
    return found


def hold(tx: Tx, session_id: str) -> None:
    """Until the transaction ends, nobody else writes what belongs to the session.

    Comes first in a transaction that writes several such rows: two that took them in different orders would wait for
    each other. SQLite's writers queue anyway.
    """
    if tx.dialect.name == "postgresql":
        _HOLD.all(tx, session_id=session_id)


def page(tx: Tx, only: Collection[str], limit: int, offset: int) -> list[Session]:
    """Sessions, newest first, without their settings; `only` these ids, or all where it is empty."""
    wanted = {"limit": limit, "offset": offset}
    if only:
        return list(tx.execute(_PAGE_OF, {**wanted, "only": list(only)}).all())
    return _PAGE_OF_ALL.all(tx, **wanted)


def counts(tx: Tx, only: Collection[str] = ()) -> dict[str, int]:
    """How many sessions there are in each status that occurs."""
    query = select(sessions.c.status, func.count()).group_by(sessions.c.status)
    rows = tx.execute(query.where(sessions.c.id.in_(only)) if only else query)
    return {str(status): int(n) for status, n in rows}


def want(tx: Tx, session_id: str, now: int, *, running: bool) -> None:
    """Remember whether the session should be running; a restart of the gateway brings back those that should."""
    tx.execute(update(sessions).where(sessions.c.id == session_id).values(wanted=running, updated_at=now))


def mark(
    tx: Tx, session_id: str, now: int, *, status: str, reason: str | None, phone: str | None, push_name: str | None
) -> bool:
    """The session is now in `status`; says whether the row was there and changed."""
    values: dict[str, Any] = {"status": status, "updated_at": now, "last_error": reason if status == "failed" else None}
    if status == "ready":
        values |= {"connected_at": now, "last_active_at": now}
    if phone is not None:
        values["phone"] = phone
    if push_name is not None:
        values["push_name"] = push_name
    return tx.execute(update(sessions).where(sessions.c.id == session_id).values(values)).rowcount == 1


def rename(tx: Tx, session_id: str, push_name: str, now: int) -> None:
    """The account calls itself something else."""
    tx.execute(update(sessions).where(sessions.c.id == session_id).values(push_name=push_name, updated_at=now))


def reset_live(tx: Tx, now: int) -> list[str]:
    """At boot no engine runs: live sessions become disconnected; their ids."""
    reset = update(sessions).where(sessions.c.status.in_(LIVE)).values(status="disconnected", updated_at=now)
    return list(tx.execute(reset.returning(sessions.c.id)).scalars())


def wanted(tx: Tx) -> list[Session]:
    """The sessions that should be running and have not failed for good, oldest first."""
    return list(tx.execute(_WANTED).all())


def remove(tx: Tx, given: str) -> Session:
    """Delete the session and, by foreign keys, all that belongs to it; what it was.

    Raises NotFound, also where somebody else deletes it at the same moment.
    """
    row = find(tx, given)
    said = select(messages.c.id).where(messages.c.id == idempotency.c.message_id, messages.c.session_id == row.id)
    tx.execute(delete(idempotency).where(idempotency.c.message_id.is_not(None), said.exists()))
    if tx.execute(delete(sessions).where(sessions.c.id == row.id)).rowcount == 0:
        raise NotFound(f"Session '{given}' not found")
    return row
