"""The event log: one growing cursor over all that happens, written in the transaction of what happened.

Cursors are given out by a counter row that a transaction holds until it commits: so they follow the order of commits
and have no gaps, and a reader who has seen cursor n will never find a smaller one appear later. An event's id is
derived from what happened: the same happening twice is one event.
"""

import hashlib
import itertools
import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, insert, select, true, union_all, update

from storage import deliveries
from storage.db import Tx, upsert
from storage.prepared import Prepared
from storage.tables import counters, events, sessions

Event = Row[Any]
_WALKS = 100  # in one statement; SQLite takes no more than 500 in a union


_INSERT = Prepared(insert(events), [column.name for column in events.c])
_IS_KNOWN = Prepared(select(events.c.id).where(events.c.id == bindparam("given")))
_SEQUENCE = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"))
    .values(event_sequence=sessions.c.event_sequence + bindparam("more"))
    .returning(sessions.c.event_sequence)
)


class Draft(NamedTuple):
    """An event to be. `key` is OpenWA's idempotency key: what happened, to what, on which session."""

    type: str
    key: str
    data: dict[str, Any]
    chat_id: str | None = None


def append(tx: Tx, session_id: str, drafts: Sequence[Draft], now: int) -> int:
    """Write events of one session, in order, each with its webhook deliveries; how many were new.

    Last in its transaction, since it makes other writers of events wait for the commit.
    """
    fresh = {str(id_of(draft.key)): draft for draft in drafts}
    if not fresh:
        return 0
    last = _number(tx, session_id, len(fresh))
    if last is None:  # the session was deleted meanwhile, and its events with it
        return 0
    cursor = _take(tx, len(fresh))
    known = {given for given in fresh if _IS_KNOWN.value(tx, given=given)}
    if known:
        _give_back(tx, len(known))
        _number(tx, session_id, -len(known))
        cursor -= len(known)
        last -= len(known)
    new = [(event_id, draft) for event_id, draft in fresh.items() if event_id not in known]
    if not new:
        return 0
    rows = [
        {
            "cursor": cursor - len(new) + n,
            "id": event_id,
            "session_id": session_id,
            "sequence": last - len(new) + n,
            "type": draft.type,
            "chat_id": draft.chat_id,
            "idempotency_key": draft.key,
            "data": draft.data,
            "created_at": now,
        }
        for n, (event_id, draft) in enumerate(new, start=1)
    ]
    _INSERT.many(tx, rows)
    deliveries.fan_out(tx, session_id, rows, now)
    return len(rows)


def page(
    tx: Tx,
    after: int,
    limit: int,
    *,
    sessions_in: Collection[str] = (),
    types: Collection[str] = (),
    chats: Collection[str] = (),
    without: Collection[str] = (),
) -> list[Event]:
    """Events behind the cursor `after`, oldest first; of these sessions, types and chats where given, `without` types.

    Costs the same at any size of the log: every filter is a walk along an index, several are walked side by side.
    """
    columns, query = events.c, select(events).order_by(events.c.cursor)
    behind = [columns.cursor > after]
    if without:
        behind.append(columns.type.not_in(without))
    if chats:
        # A chat is few events, so its index is the one to walk: concatenated, the other columns offer none.
        others = [(columns.session_id, sessions_in), (columns.type, types)]
        behind += [column.concat("").in_(given) for column, given in others if given]
        of_chats = [columns.chat_id == chat for chat in sorted(chats)]
        if len(of_chats) > 1:
            return _merged(tx, _walk(tx, behind, limit, [of_chats]))
        return list(tx.execute(query.where(*behind, *of_chats).limit(limit)))
    if len(sessions_in) <= 1 and len(types) <= 1:
        behind += [columns.session_id == session for session in sessions_in] + [columns.type == one for one in types]
        return list(tx.execute(query.where(*behind).limit(limit)))
    of_sessions = [columns.session_id == session for session in sorted(sessions_in)] or [true()]
    of_types = [columns.type == type_ for type_ in sorted(types)] or [true()]
    return _merged(tx, _walk(tx, behind, limit, [of_sessions, of_types]))


def _merged(tx: Tx, found: Sequence[int]) -> list[Event]:
    query = select(events).where(events.c.cursor.in_(found)).order_by(events.c.cursor)
    return list(tx.execute(query)) if found else []


def _walk(tx: Tx, behind: Sequence[Any], limit: int, of: Sequence[Sequence[Any]]) -> list[int]:
    """The cursors of a page of several chats, sessions, types: each walked along its index for a page, then merged."""
    found: list[int] = []
    pairs = list(itertools.product(*of))
    for start in range(0, len(pairs), _WALKS):
        some = pairs[start : start + _WALKS]
        walks = [select(events.c.cursor).where(*behind, *one).order_by(events.c.cursor).limit(limit) for one in some]
        found += tx.execute(union_all(*(select(walk.subquery().c.cursor) for walk in walks))).scalars()
    return sorted(found)[:limit]


def newest(tx: Tx) -> int:
    """The cursor of the newest event, 0 before there is one."""
    return int(tx.execute(select(counters.c.value).where(counters.c.name == "events")).scalar() or 0)


def oldest(tx: Tx) -> int:
    """The cursor of the oldest event still kept, 0 where there is none."""
    return int(tx.execute(select(events.c.cursor).order_by(events.c.cursor).limit(1)).scalar() or 0)


def prune(tx: Tx, before: int, most: int) -> int:
    """Forget up to `most` events older than `before` (epoch milliseconds), with their deliveries; how many."""
    old = select(events.c.cursor).where(events.c.created_at < before).order_by(events.c.created_at).limit(most)
    return tx.execute(delete(events).where(events.c.cursor.in_(old))).rowcount


def digest(value: Any) -> str:
    """The first 12 hex digits of SHA-256 over the JSON of `value`, as OpenWA's idempotency keys have it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def id_of(key: str) -> UUID:
    """The id of the event with this idempotency key."""
    return UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=5)


def _number(tx: Tx, session_id: str, more: int) -> int | None:
    """The last of so many new numbers within the session, None where there is none. Holds the session."""
    return _SEQUENCE.value(tx, session_id=session_id, more=more)


def _take(tx: Tx, n: int) -> int:
    """The last of `n` new cursors; nobody else gets one before this transaction ends."""
    return int(_TAKE.value(tx, name="events", value=n) or 0)


def _give_back(tx: Tx, n: int) -> None:
    tx.execute(update(counters).where(counters.c.name == "events").values(value=counters.c.value - n))


def _take_cursors(dialect: str) -> Any:
    made = upsert(dialect, counters)
    grown = {"value": counters.c.value + made.excluded.value}
    return made.on_conflict_do_update(index_elements=["name"], set_=grown).returning(counters.c.value)


_TAKE = Prepared(_take_cursors, ["name", "value"])
