"""Messages: what was said on an account, both ways; a send is a row before the engine is asked.

An outgoing message's state only moves forward, whatever order receipts come in:

    pending ──> sent ──> delivered ──> read
       └─────────┴──> failed
"""

from collections import Counter
from collections.abc import Collection
from functools import cache
from typing import Any, cast

from sqlalchemy import Row, and_, bindparam, delete, func, literal_column, or_, select, update

from storage.db import Tx, upsert
from storage.prepared import Prepared
from storage.sessions import Session
from storage.tables import chats, messages, sessions

Message = Row[Any]
_BEFORE = {
    "sent": ("pending",),
    "delivered": ("pending", "sent"),
    "read": ("pending", "sent", "delivered"),
    "failed": ("pending", "sent"),
}


def _page(*, of_chat: bool, of_sender: bool, oldest_first: bool = False) -> Prepared:
    """A page statement, built once for each combination of filters."""
    query = select(messages).where(messages.c.session_id == bindparam("session_id"))
    if of_chat:
        query = query.where(messages.c.chat_id == bindparam("chat_id"))
    if of_sender:
        query = query.where(messages.c.sender == bindparam("sender"))
    order = messages.c.row if oldest_first else messages.c.row.desc()
    return Prepared(query.order_by(order).limit(bindparam("limit")).offset(bindparam("offset")), page=True)


_PAGES = {(chat, sender): _page(of_chat=chat, of_sender=sender) for chat in (False, True) for sender in (False, True)}
_LAST_PAGES = {chat: _page(of_chat=chat, of_sender=False, oldest_first=True) for chat in (False, True)}
_COUNT_OF_CHAT = Prepared(
    select(chats.c.message_count).where(
        chats.c.session_id == bindparam("session_id"), chats.c.chat_id == bindparam("chat_id")
    )
)
_GET = Prepared(select(messages).where(messages.c.id == bindparam("message_id")))
_MARK_SENT = Prepared(
    update(messages)
    .where(messages.c.id == bindparam("known_id"))
    .values(wa_message_id=bindparam("as_id"), timestamp=bindparam("at"), status="sent")
    .returning(messages)
)
_DELETE_ECHO = Prepared(
    delete(messages)
    .where(
        messages.c.session_id == bindparam("known_session"),
        messages.c.wa_message_id == bindparam("known_as"),
        messages.c.id != bindparam("known_id"),
    )
    .returning(messages.c.chat_id)
)
_COUNT_IN_SESSION = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("known_session"))
    .values(message_count=sessions.c.message_count + bindparam("more"), last_active_at=bindparam("now"))
)
_ADVANCE = {
    status: Prepared(
        update(messages)
        .where(
            messages.c.session_id == bindparam("known_session"),
            messages.c.wa_message_id == bindparam("known_as"),
            messages.c.status.in_([literal_column(f"'{before}'") for before in earlier]),
            messages.c.direction == "outgoing",
        )
        .values(status=status)
        .returning(messages)
    )
    for status, earlier in _BEFORE.items()
}
_EMPTY = {"wa_message_id": None, "body": None, "timestamp": None, "metadata": None}


@cache
def _insert(dialect: str) -> Any:
    made = upsert(dialect, messages).on_conflict_do_nothing(index_elements=["session_id", "wa_message_id"])
    return made.returning(messages.c.id)


@cache
def _count_in_chats(dialect: str) -> Any:
    made = upsert(dialect, chats)
    grown = {"message_count": chats.c.message_count + made.excluded.message_count}
    return made.on_conflict_do_update(index_elements=["session_id", "chat_id"], set_=grown)


_INSERT_ONE = Prepared(_insert, [column.name for column in messages.c if column.name != "row"])
_COUNT_IN_CHAT = Prepared(_count_in_chats, ["session_id", "chat_id", "message_count"])


def add(tx: Tx, session_id: str, rows: list[dict[str, Any]], now: int) -> set[str]:
    """Store messages (columns of the table, each with its id) and count them; the ids of those that are new.

    One whose WhatsApp id the session already has changes nothing.
    """
    if not rows:
        return set()
    whole = [{**_EMPTY, "session_id": session_id, "created_at": now, **row} for row in rows]
    if len(whole) == 1:  # twice as fast for one, half as fast for fifty
        new = {found.id for found in _INSERT_ONE.all(tx, **whole[0])}
    else:
        new = set(tx.execute(_insert(tx.dialect.name), whole).scalars())
    chat_counts = Counter(row["chat_id"] for row in rows if row["id"] in new)
    _count(tx, session_id, chat_counts, now)
    return new


def get(tx: Tx, message_id: str) -> Message:
    """One message by our id."""
    (found,) = _GET.all(tx, message_id=message_id)
    return cast("Message", found)


def find(tx: Tx, session_id: str, given: str) -> Message | None:
    """The session's message with this WhatsApp id or, failing that, with this id of ours."""
    by_either = or_(messages.c.wa_message_id == given, messages.c.id == given)
    rows = tx.execute(select(messages).where(messages.c.session_id == session_id, by_either)).all()
    return min(rows, key=lambda row: row.wa_message_id != given, default=None)


def mark_sent(tx: Tx, session_id: str, message_id: str, wa_message_id: str, timestamp: int) -> Message:
    """WhatsApp took it: its id there, and its time in seconds; the message as it is now.

    Where the engine told of the message before it answered, the row made then gives way.
    """
    echo = _DELETE_ECHO.one(tx, known_session=session_id, known_as=wa_message_id, known_id=message_id)
    if echo is not None:
        _count(tx, session_id, Counter({echo.chat_id: -1}), timestamp * 1000)
    (row,) = _MARK_SENT.all(tx, known_id=message_id, as_id=wa_message_id, at=timestamp)
    return cast("Message", row)


def mark_failed(tx: Tx, message_id: str) -> None:
    """The engine said it did not send it."""
    tx.execute(
        update(messages)
        .where(and_(messages.c.id == message_id, messages.c.status == "pending"))
        .values(status="failed")
    )


def advance(tx: Tx, session_id: str, wa_message_ids: Collection[str], status: str) -> list[Message]:
    """Move messages forward to `status`; those that moved."""
    move = _ADVANCE[status]
    return [row for known_as in wa_message_ids for row in move.all(tx, known_session=session_id, known_as=known_as)]


def change_body(tx: Tx, session_id: str, wa_message_id: str, body: str) -> Message | None:
    """A message was edited: its new text; the message, None where it is not stored."""
    return _change(tx, session_id, wa_message_id, {"body": body})


def revoke(tx: Tx, session_id: str, wa_message_id: str) -> Message | None:
    """A message was deleted for everyone: its text goes, its row stays; the message, None where it is not stored."""
    return _change(tx, session_id, wa_message_id, {"body": "", "type": "revoked", "metadata": None})


def set_media(tx: Tx, message_id: str, media: dict[str, Any]) -> None:
    """What is known of a message's media now, within its metadata."""
    kept = tx.execute(select(messages.c.metadata).where(messages.c.id == message_id)).scalar_one() or {}
    tx.execute(update(messages).where(messages.c.id == message_id).values(metadata={**kept, "media": media}))


def react(
    tx: Tx, session_id: str, wa_message_id: str, sender: str, emoji: str, *, formerly: str | None = None
) -> dict[str, str]:
    """Somebody's reaction to a message, an empty one takes it back; all reactions by sender after that.

    `formerly` is what the sender was called before, whose earlier reaction this one replaces.
    """
    where = (messages.c.session_id == session_id, messages.c.wa_message_id == wa_message_id)
    row = tx.execute(select(messages.c.metadata).where(*where).with_for_update()).one_or_none()
    kept = dict(row.metadata or {}) if row else {}
    reactions = {**kept.get("reactions", {}), sender: emoji}
    reactions = {who: what for who, what in reactions.items() if what and who != formerly}
    if row:
        tx.execute(update(messages).where(*where).values(metadata={**kept, "reactions": reactions}))
    return reactions


def stored(tx: Tx, session_id: str, wa_message_ids: Collection[str]) -> set[str]:
    """Those of these WhatsApp ids that the session has a message for."""
    if not wa_message_ids:
        return set()
    query = select(messages.c.wa_message_id).where(messages.c.session_id == session_id)
    return set(tx.execute(query.where(messages.c.wa_message_id.in_(wa_message_ids))).scalars())


def page(
    tx: Tx, session: Session, chat_id: str | None, sender: str | None, limit: int, offset: int
) -> tuple[list[Message], int]:
    """A session's messages, newest first, and how many there are in all that match.

    What is nearer to the oldest is counted off from there, where the total is kept: a million need not be passed over.
    """
    wanted = {"session_id": session.id, "chat_id": chat_id, "sender": sender}
    total = _total(tx, session, chat_id, sender)
    left = total - offset
    if sender is None and offset > left:
        most, passed = max(min(limit, left), 0), max(left - limit, 0)
        rows = _LAST_PAGES[chat_id is not None].all(tx, **wanted, limit=most, offset=passed)
        return rows[::-1], total
    return _PAGES[chat_id is not None, sender is not None].all(tx, **wanted, limit=limit, offset=offset), total


def _total(tx: Tx, session: Session, chat_id: str | None, sender: str | None) -> int:
    """Totals without a sender are kept counts: a page costs the same at any size."""
    if sender is not None:
        query = select(func.count()).where(messages.c.session_id == session.id, messages.c.sender == sender)
        return int(
            tx.execute(query.where(messages.c.chat_id == chat_id) if chat_id is not None else query).scalar_one()
        )
    if chat_id is None:
        return int(session.message_count)
    return int(_COUNT_OF_CHAT.value(tx, session_id=session.id, chat_id=chat_id) or 0)


def _count(tx: Tx, session_id: str, chat_counts: Counter[str], now: int) -> None:
    """Keep the totals that pages tell: of each chat and of the session."""
    for chat, n in sorted(chat_counts.items()):  # everybody locks chats in one order
        _COUNT_IN_CHAT.run(tx, session_id=session_id, chat_id=chat, message_count=n)
    if chat_counts:
        _COUNT_IN_SESSION.run(tx, known_session=session_id, more=sum(chat_counts.values()), now=now)


def _change(tx: Tx, session_id: str, wa_message_id: str, values: dict[str, Any]) -> Message | None:
    where = (messages.c.session_id == session_id, messages.c.wa_message_id == wa_message_id)
    return tx.execute(update(messages).where(*where).values(values).returning(messages)).one_or_none()
