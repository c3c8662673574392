"""Messages: what was said on an account, both ways; a send is a row before the engine is asked.

An outgoing message's state only moves forward, whatever order receipts come in:

    pending ──> sent ──> delivered ──> read
       └─────────┴──> failed
"""

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, and_, delete, func, select, update

from storage.db import Tx, upsert
from storage.tables import chats, messages, sessions

Message = Row[Any]
_BEFORE = {
    "sent": ("pending",),
    "delivered": ("pending", "sent"),
    "read": ("pending", "sent", "delivered"),
    "failed": ("pending", "sent"),
}
_NEWEST_FIRST = (messages.c.row.desc(),)


def add(tx: Tx, session_id: str, values: dict[str, Any], now: int) -> str | None:
    """Store a message and count it in its chat; its id, or None where the session already has that WhatsApp id."""
    row = {"id": str(uuid4()), "session_id": session_id, "created_at": now, **values}

    known = upsert(tx, messages).values(row).on_conflict_do_nothing(index_elements=["session_id", "wa_message_id"])
    if tx.execute(known).rowcount == 0:
        return None
    _count(tx, session_id, values["chat_id"], 1, now)
    return str(row["id"])


def get(tx: Tx, message_id: str) -> Message:
    """One message by our id."""
    return tx.execute(select(messages).where(messages.c.id == message_id)).one()


def mark_sent(tx: Tx, session_id: str, message_id: str, wa_message_id: str, timestamp: int) -> Message:
    """WhatsApp took it: its id there, and its time in seconds; the message as it is now.

    Where the engine told of the message before it answered, the row made then gives way.
    """
    same = (messages.c.session_id == session_id, messages.c.wa_message_id == wa_message_id, messages.c.id != message_id)
    for chat_id in tx.execute(delete(messages).where(*same).returning(messages.c.chat_id)).scalars().all():
        _count(tx, session_id, chat_id, -1, timestamp * 1000)
    values = {"wa_message_id": wa_message_id, "timestamp": timestamp, "status": "sent"}
    return tx.execute(update(messages).where(messages.c.id == message_id).values(values).returning(messages)).one()


def mark_failed(tx: Tx, message_id: str) -> None:
    """The engine said it did not send it."""
    tx.execute(
        update(messages)
        .where(and_(messages.c.id == message_id, messages.c.status == "pending"))
        .values(status="failed")
    )


def advance(tx: Tx, session_id: str, wa_message_ids: Collection[str], status: str) -> list[Message]:
    """Move messages forward to `status`; those that moved."""
    moved = (
        update(messages)
        .where(
            messages.c.session_id == session_id,
            messages.c.wa_message_id.in_(wa_message_ids),
            messages.c.status.in_(_BEFORE[status]),
            messages.c.direction == "outgoing",
        )
        .values(status=status)
        .returning(messages)
    )
    return list(tx.execute(moved))


def change_body(tx: Tx, session_id: str, wa_message_id: str, body: str) -> Message | None:
    """A message was edited: its new text; the message, None where it is not stored."""
    return _change(tx, session_id, wa_message_id, {"body": body})


def revoke(tx: Tx, session_id: str, wa_message_id: str) -> Message | None:
    """A message was deleted for everyone: its text goes, its row stays; the message, None where it is not stored."""
    return _change(tx, session_id, wa_message_id, {"body": "", "type": "revoked", "metadata": None})


def react(tx: Tx, session_id: str, wa_message_id: str, sender: str, emoji: str) -> dict[str, str]:
    """Somebody's reaction to a message, an empty one takes it back; all reactions by sender after that."""
    where = (messages.c.session_id == session_id, messages.c.wa_message_id == wa_message_id)
    row = tx.execute(select(messages.c.metadata).where(*where).with_for_update()).one_or_none()
    kept = dict(row.metadata or {}) if row else {}
    reactions = {**kept.get("reactions", {}), sender: emoji}
    reactions = {who: what for who, what in reactions.items() if what}
    if row:
        tx.execute(update(messages).where(*where).values(metadata={**kept, "reactions": reactions}))
    return reactions


def page(
    tx: Tx, session_id: str, chat_id: str | None, sender: str | None, limit: int, offset: int
) -> tuple[list[Message], int]:
    """A session's messages, newest first, and how many there are in all that match."""
    query = select(messages).where(messages.c.session_id == session_id)
    if chat_id is not None:
        query = query.where(messages.c.chat_id == chat_id)
    if sender is not None:
        query = query.where(messages.c.sender == sender)
    rows = tx.execute(query.order_by(*_NEWEST_FIRST).limit(limit).offset(offset)).all()
    return list(rows), _total(tx, session_id, chat_id, sender)


def counts(tx: Tx) -> dict[tuple[str, str], int]:
    """How many messages there are by (direction, status)."""
    query = select(messages.c.direction, messages.c.status, func.count()).group_by(
        messages.c.direction, messages.c.status
    )
    return {(direction, status): n for direction, status, n in tx.execute(query)}


def _total(tx: Tx, session_id: str, chat_id: str | None, sender: str | None) -> int:
    """Totals without a sender are kept counts: a page costs the same at any size."""
    if sender is not None:
        query = select(func.count()).where(messages.c.session_id == session_id, messages.c.sender == sender)
        return int(
            tx.execute(query.where(messages.c.chat_id == chat_id) if chat_id is not None else query).scalar_one()
        )
    if chat_id is not None:
        kept = select(chats.c.message_count).where(chats.c.session_id == session_id, chats.c.chat_id == chat_id)
    else:
        kept = select(sessions.c.message_count).where(sessions.c.id == session_id)
    return int(tx.execute(kept).scalar() or 0)


def _count(tx: Tx, session_id: str, chat_id: str, n: int, now: int) -> None:
    """Keep the totals that pages tell: of the chat and of the session."""
    counted = upsert(tx, chats).values(session_id=session_id, chat_id=chat_id, message_count=n)
    grown = {"message_count": chats.c.message_count + n}
    tx.execute(counted.on_conflict_do_update(index_elements=["session_id", "chat_id"], set_=grown))
    told = {"message_count": sessions.c.message_count + n, "last_active_at": now}
    tx.execute(update(sessions).where(sessions.c.id == session_id).values(told))


def _change(tx: Tx, session_id: str, wa_message_id: str, values: dict[str, Any]) -> Message | None:
    where = (messages.c.session_id == session_id, messages.c.wa_message_id == wa_message_id)
    return tx.execute(update(messages).where(*where).values(values).returning(messages)).one_or_none()
