"""Sends: every message on its way out is a row here, from before the engine is asked until its outcome is known.

queued ──claim──> sending ──> sent
   │                 ├──────> failed     (the engine says it did not happen)
   │                 └──────> unknown    (nobody can say; never repeated by itself) ──evidence──> sent
   ├──> cancelled, expired
"""

from collections.abc import Collection
from typing import Any, NamedTuple, cast
from uuid import uuid4

from sqlalchemy import Row, bindparam, delete, func, insert, literal_column, or_, select, update

from storage import NotFound, identities, messages
from storage.db import Tx, literally, upsert
from storage.prepared import Prepared
from storage.sessions import hold
from storage.tables import early_receipts, sends, sessions
from storage.tables import messages as messages_table

Send = Row[Any]
_QUEUED = literally(sends.c.state, "queued")
_OPEN = sends.c.state.in_([literal_column("'queued'"), literal_column("'sending'")])  # see `literally`
FINISHED = ("sent", "failed", "unknown", "cancelled", "expired")


_INSERT = Prepared(
    insert(sends),
    ["message_id", "session_id", "chat_id", "content", "state", "due_at", "expires_at", "patient", "batch_row",
     "batch_item", "created_at"],
)  # fmt: skip
_SHOWN = select(sends, messages_table.c.wa_message_id, messages_table.c.timestamp).join(messages_table)
_GET = Prepared(
    _SHOWN.where(sends.c.message_id == bindparam("message_id"), sends.c.session_id == bindparam("session_id"))
)
_OLDEST_IN_LANE = (
    select(sends.c.row)
    .where(
        sends.c.session_id == bindparam("in_session"),
        sends.c.chat_id == bindparam("in_chat"),
        _OPEN,
        or_(sends.c.due_at <= bindparam("now"), sends.c.state == "sending", sends.c.code.is_not(None)),
        or_(sends.c.expires_at.is_(None), sends.c.expires_at > bindparam("now"), sends.c.state == "sending"),
    )
    .order_by(sends.c.state.desc(), sends.c.row)  # what is being sent comes first and bars the others; so does a retry
    .limit(1)
)
_CLAIM = Prepared(
    update(sends)
    .where(sends.c.row.in_(_OLDEST_IN_LANE), sends.c.state == "queued", sends.c.due_at <= bindparam("now"))
    .values(state="sending")
    .returning(sends)
)
_UNDER_WAY = sends.c.state.in_([literal_column("'sending'"), literal_column("'unknown'")])
_MARK_SENT = Prepared(
    update(sends)
    .where(sends.c.message_id == bindparam("known_id"), _UNDER_WAY)
    .values(state="sent", error=None, code=None, finished_at=bindparam("now"))
    .returning(sends.c.session_id)
)
_TAKE_EARLY = Prepared(
    delete(early_receipts)
    .where(
        early_receipts.c.session_id == bindparam("session_id"),
        early_receipts.c.wa_message_id == bindparam("wa_message_id"),
    )
    .returning(early_receipts.c.status)
)


_STATUS = select(sessions.c.status).where(sessions.c.id == sends.c.session_id).scalar_subquery()
_DUE_LANES = Prepared(  # from the few that are queued to their sessions, never through all that a session has sent
    select(sends.c.session_id, sends.c.chat_id)
    .where(_QUEUED, sends.c.due_at <= bindparam("now"), _STATUS == "ready")
    .group_by(sends.c.session_id, sends.c.chat_id)
    .order_by(func.min(sends.c.due_at))
    .limit(bindparam("most"))
)
_EXPIRED = Prepared(
    select(sends)
    .where(_QUEUED, sends.c.expires_at <= bindparam("now"))
    .order_by(sends.c.expires_at)
    .limit(bindparam("most"))
)


class Lane(NamedTuple):
    """Where order is kept: one chat of one session."""

    session_id: str
    chat_id: str


def queue(
    tx: Tx,
    session_id: str,
    message: dict[str, Any],
    content: dict[str, Any],
    now: int,
    *,
    due_at: int | None = None,
    expires_at: int | None = None,
    patient: bool = False,
    batch: tuple[int, int] | None = None,
) -> str:
    """A message (columns of `messages`, an id where it has one) and its send, due now or at `due_at`; the message's id.

    A `patient` send waits for a connection; another fails where there is none when its turn comes. `batch` says which
    item it is of which batch's row.
    """
    hold(tx, session_id)
    chat = identities.known(tx, session_id, message["chat_id"])
    if chat != message["chat_id"]:  # learnt since it was taken
        message = {**message, "chat_id": chat, "recipient": chat}
    message_id = message.get("id") or str(uuid4())
    batch_row, batch_item = batch or (None, None)
    messages.add(tx, session_id, [{**message, "id": message_id, "direction": "outgoing", "status": "pending"}], now)
    row = {
        "message_id": message_id, "session_id": session_id, "chat_id": message["chat_id"], "content": content,
        "state": "queued", "due_at": now if due_at is None else due_at, "expires_at": expires_at, "patient": patient,
        "batch_row": batch_row, "batch_item": batch_item, "created_at": now,
    }  # fmt: skip
    _INSERT.run(tx, **row)
    return message_id


def get(tx: Tx, session_id: str, message_id: str) -> Send:
    """One send of the session with its message's WhatsApp id and time. Raises NotFound."""
    row = _GET.one(tx, message_id=message_id, session_id=session_id)
    if row is None:
        raise NotFound(f"Send '{message_id}' not found")
    return cast("Send", row)


def page(tx: Tx, session_id: str, states: Collection[str], limit: int, offset: int) -> list[Send]:
    """A session's sends, newest first, in these states or in any."""
    query = _SHOWN.where(sends.c.session_id == session_id).order_by(sends.c.row.desc()).limit(limit).offset(offset)
    return list(tx.execute(query.where(sends.c.state.in_(states)) if states else query))


def claim(tx: Tx, lane: Lane, now: int) -> Send | None:
    """Take the lane's oldest due send that is not too late, unless one is under way or waits to be tried again."""
    return _CLAIM.one(tx, in_session=lane.session_id, in_chat=lane.chat_id, now=now)


def due_lanes(tx: Tx, now: int, most: int) -> list[Lane]:
    """Lanes with a queued send that is due, of sessions that are ready, the longest waiting first."""
    return [Lane(*row) for row in _DUE_LANES.all(tx, now=now, most=most)]


def open_counts(tx: Tx) -> dict[str, int]:
    """How many sends wait, and how many are under way."""
    open_ = select(sends.c.state, func.count()).where(_OPEN).group_by(sends.c.state)
    return {"queued": 0, "sending": 0} | {str(state): int(n) for state, n in tx.execute(open_)}


def mark_sent(tx: Tx, message_id: str, wa_message_id: str, timestamp: int, now: int) -> messages.Message | None:
    """WhatsApp took it; its message as it is now, None where that is no news. Receipts that came early are taken up."""
    session_id = _MARK_SENT.value(tx, known_id=message_id, now=now)
    if session_id is None:
        return None
    row = messages.mark_sent(tx, session_id, message_id, wa_message_id, timestamp)
    early = _TAKE_EARLY.all(tx, session_id=session_id, wa_message_id=wa_message_id)
    for (status,) in sorted(early):  # "delivered" before "read"
        row = next(iter(messages.advance(tx, session_id, [wa_message_id], status)), row)
    return row


def mark_finished(tx: Tx, message_id: str, ending: str, now: int, *, error: str, code: str) -> messages.Message | None:
    """It ended without being known as sent (failed, unknown, cancelled, expired); its message, None if no news."""
    before = ("queued",) if ending in ("cancelled", "expired") else ("queued", "sending")
    moved = update(sends).where(sends.c.message_id == message_id, sends.c.state.in_(before))
    if tx.execute(moved.values(state=ending, error=error, code=code, finished_at=now)).rowcount == 0:
        return None
    if ending != "unknown":
        messages.mark_failed(tx, message_id)
    return messages.get(tx, message_id)


def refill(tx: Tx, message_id: str, content: dict[str, Any]) -> None:
    """What is to be sent, more exactly than before: its media is here now."""
    tx.execute(update(sends).where(sends.c.message_id == message_id).values(content=content))


def put_back(tx: Tx, message_id: str, due_at: int, *, error: str, code: str) -> None:
    """The engine was not reachable and was asked nothing: the send is tried again from `due_at` on.

    Until then its `code` says why it waits, and nothing behind it in its lane overtakes it.
    """
    mine = update(sends).where(sends.c.message_id == message_id, sends.c.state == "sending")
    tx.execute(mine.values(state="queued", due_at=due_at, error=error, code=code))


def take_expired(tx: Tx, now: int, most: int) -> list[Send]:
    """Queued sends whose time is over."""
    return _EXPIRED.all(tx, now=now, most=most)


def left_sending(tx: Tx) -> list[Send]:
    """Sends that a process has handed over, or was about to."""
    in_order = (sends.c.session_id, sends.c.chat_id, sends.c.row)
    return list(tx.execute(select(sends).where(_OPEN, sends.c.state == "sending").order_by(*in_order)))


def keep_early(tx: Tx, session_id: str, wa_message_ids: Collection[str], status: str, now: int) -> None:
    """Keep a receipt for messages that are not stored yet, while the session has sends whose ids are not known yet."""
    open_ = (
        select(sends.c.row).where(sends.c.session_id == session_id, sends.c.state.in_(("sending", "unknown"))).limit(1)
    )
    if tx.execute(open_).first() is None:
        return
    known = select(messages_table.c.wa_message_id).where(
        messages_table.c.session_id == session_id, messages_table.c.wa_message_id.in_(wa_message_ids)
    )
    missing = set(wa_message_ids) - set(tx.execute(known).scalars())
    for wa_message_id in sorted(missing):
        row = {"session_id": session_id, "wa_message_id": wa_message_id, "status": status, "created_at": now}
        tx.execute(upsert(tx.dialect.name, early_receipts).values(row).on_conflict_do_nothing())


def prune(tx: Tx, before: int, most: int) -> int:
    """Forget up to `most` sends that ended before then, but for those of batches, which go with their batch; how many.

    Their messages stay.
    """
    over = select(sends.c.row).where(sends.c.finished_at < before, sends.c.batch_row.is_(None)).limit(most)
    return tx.execute(delete(sends).where(sends.c.row.in_(over))).rowcount


def prune_early(tx: Tx, before: int) -> None:
    """Forget early receipts that nothing was sent for."""
    tx.execute(delete(early_receipts).where(early_receipts.c.created_at < before))
