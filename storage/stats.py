"""Counts of what was said: by hour from `message_hours`, which triggers keep, so that they cost the same at any size.

`sent` is what was written on the account and did not fail, `received` what others wrote. Times are epoch milliseconds.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, case, func, select

from storage.db import Tx
from storage.tables import chats, message_hours, messages, sessions

HOUR = 3_600_000
_EVER = message_hours.c.hour == 0
_TOP = 10


class Totals(NamedTuple):
    """How many messages were sent, received, and failed to be sent."""

    sent: int
    received: int
    failed: int


def _sum(**where: Any) -> Any:
    matches = and_(*(message_hours.c[name] == value for name, value in where.items()))
    return func.coalesce(func.sum(case((matches, message_hours.c.count), else_=0)), 0)


_SENT, _RECEIVED = _sum(direction="outgoing", failed=False), _sum(direction="incoming")
_TOTALS = (_SENT, _RECEIVED, _sum(direction="outgoing", failed=True))


def totals(tx: Tx, only: Collection[str] = (), since: int | None = None) -> Totals:
    """Of these sessions, or of all where none is given; of all time, or since the hour that begins then."""
    when = _EVER if since is None else _since(since)
    return Totals(*map(int, tx.execute(_of(select(*_TOTALS).where(when), only)).one()))


def series(tx: Tx, since: int, step: int, only: Collection[str] = ()) -> list[tuple[int, int, int]]:
    """Buckets of `step` hours since then in which there was something, oldest first: its beginning, sent, received."""
    bucket = message_hours.c.hour - message_hours.c.hour % step
    query = select(bucket, _SENT, _RECEIVED).where(_since(since)).group_by(bucket).order_by(bucket)
    return [(int(hour) * HOUR, int(sent), int(got)) for hour, sent, got in tx.execute(_of(query, only))]


def by_type(tx: Tx, since: int, only: Collection[str] = ()) -> dict[str, int]:
    """How many messages of each type there were since then."""
    number = func.sum(message_hours.c.count)
    query = select(message_hours.c.type, number).where(_since(since)).group_by(message_hours.c.type)
    return {kind: int(n) for kind, n in tx.execute(_of(query.order_by(message_hours.c.type), only)) if n}


def by_session(tx: Tx, since: int, only: Collection[str] = ()) -> list[tuple[str, str, int, int]]:
    """Sessions with something since then, the busiest first: id, name, sent, received."""
    one, number = (sessions.c.id, sessions.c.name), func.sum(message_hours.c.count)
    query = select(*one, _SENT, _RECEIVED).join(sessions, sessions.c.id == message_hours.c.session_id)
    query = query.where(_since(since)).group_by(*one).having(number > 0).order_by(number.desc(), sessions.c.name)
    return [(key, name, int(sent), int(received)) for key, name, sent, received in tx.execute(_of(query, only))]


def top_chats(tx: Tx, since: int, only: Collection[str] = ()) -> list[tuple[str, int]]:
    """The ten chats with most messages since then; reads an index of that time, nothing older."""
    number = func.count().label("number")
    query = select(messages.c.chat_id, number).where(messages.c.created_at >= since).group_by(messages.c.chat_id)
    if only:
        query = query.where(messages.c.session_id.in_(only))
    return [(chat, int(n)) for chat, n in tx.execute(query.order_by(number.desc(), messages.c.chat_id).limit(_TOP))]


def top_chats_of(tx: Tx, session_id: str) -> list[Row[Any]]:
    """A session's ten chats with most messages of all: chat_id, message_count and when there was the last one."""
    top = (
        select(chats.c.chat_id, chats.c.message_count)
        .where(chats.c.session_id == session_id, chats.c.message_count > 0)
        .order_by(chats.c.message_count.desc(), chats.c.chat_id)
        .limit(_TOP)
        .subquery()
    )
    last = (
        select(messages.c.created_at)
        .where(messages.c.session_id == session_id, messages.c.chat_id == top.c.chat_id)
        .order_by(messages.c.row.desc())
        .limit(1)
        .correlate(top)
    )
    query = select(top, last.scalar_subquery().label("last_at"))
    return list(tx.execute(query.order_by(top.c.message_count.desc(), top.c.chat_id)))


def _since(moment: int) -> Any:
    return message_hours.c.hour >= max(1, moment // HOUR)


def _of(query: Select[Any], only: Collection[str]) -> Select[Any]:
    return query.where(message_hours.c.session_id.in_(only)) if only else query
