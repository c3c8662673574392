"""Webhook deliveries: one row per event and endpoint, written with the event, worked off lane by lane (`lanes`).

pending ──2xx──> done
   │ ^──failed: later again
   └── too long, or 410 ──> dead ──replay──> pending

An id is derived from endpoint and event: whatever is replayed, and however often, a receiver sees one id for one event.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select, update

from storage import NotFound, lanes
from storage.db import Tx, literally, upsert
from storage.filters import wants
from storage.prepared import Prepared
from storage.tables import attempts, deliveries, events, webhooks

Delivery = Row[Any]
Attempt = Row[Any]
_PENDING = literally(deliveries.c.state, "pending")
_INSERT = Prepared(
    insert(deliveries),
    ["id", "webhook_id", "event_cursor", "lane", "state", "attempts", "next_at", "queued_at", "created_at"],
)
_HOOKS = Prepared(
    select(webhooks.c.id, webhooks.c.events, webhooks.c.filters)
    .where(webhooks.c.session_id == bindparam("session_id"), webhooks.c.active)
    .order_by(webhooks.c.row)
)
_REPLAYED = (events.c.cursor, events.c.id, events.c.chat_id)
_MARGIN = 60_000  # events are in commit order, their times nearly so


class Waiting(NamedTuple):
    """How many deliveries are pending and dead, and since when the oldest pending one waits (epoch milliseconds)."""

    pending: int
    dead: int
    oldest: int | None


class Failed(NamedTuple):
    """What becomes of a delivery that failed: its next try, None for dead; whether its chat goes on without it."""

    row: int
    next_at: int | None
    aside: bool


def fan_out(tx: Tx, session_id: str, news: Iterable[Mapping[str, Any]], now: int) -> None:
    """A delivery row for each event and each active webhook of the session that wants it."""
    hooks = _HOOKS.all(tx, session_id=session_id)
    if hooks:
        rows = [
            _row(hook.id, event["cursor"], event["id"], event["chat_id"], now)
            for event in news
            for hook in hooks
            if wants(hook, event["type"], event["data"])
        ]
        if rows:
            _INSERT.many(tx, rows)
            lanes.open_(tx, {(row["webhook_id"], row["lane"]) for row in rows}, now)


def get(tx: Tx, webhook_id: str, delivery_id: str) -> Delivery:
    """One delivery of a webhook, with its event. Raises NotFound."""
    found = tx.execute(
        _with_event().where(deliveries.c.webhook_id == webhook_id, deliveries.c.id == delivery_id)
    ).first()
    if found is None:
        raise NotFound(f"Delivery with id '{delivery_id}' not found")
    return found


def page(tx: Tx, webhook_id: str, state: str | None, limit: int, offset: int) -> list[Delivery]:
    """A webhook's deliveries with their events, newest first; in one state, or in any."""
    query = _with_event().where(deliveries.c.webhook_id == webhook_id)
    query = query.order_by(deliveries.c.row.desc()).limit(limit).offset(offset)
    return list(tx.execute(query if state is None else query.where(literally(deliveries.c.state, state))))


def dead(tx: Tx, session_ids: Collection[str], limit: int, offset: int) -> list[Delivery]:
    """Dead deliveries of these sessions, or of all, newest first."""
    query = _with_event().where(literally(deliveries.c.state, "dead"))
    query = query.order_by(deliveries.c.row.desc()).limit(limit).offset(offset)
    return list(tx.execute(query.where(events.c.session_id.in_(session_ids)) if session_ids else query))


def waiting(tx: Tx) -> Waiting:
    """What is not delivered, at every endpoint."""
    pending = select(func.count(), func.min(deliveries.c.queued_at)).where(_PENDING)
    number, oldest = tx.execute(pending).one()
    dead_ = tx.execute(select(func.count()).select_from(deliveries).where(literally(deliveries.c.state, "dead")))
    return Waiting(int(number), int(dead_.scalar_one()), oldest)


def attempts_of(tx: Tx, rows: Collection[int]) -> dict[int, list[Attempt]]:
    """The recorded attempts of these deliveries, oldest first."""
    found: dict[int, list[Attempt]] = {row: [] for row in rows}
    query = select(attempts).where(attempts.c.delivery_row.in_(rows)).order_by(attempts.c.row)
    for attempt in tx.execute(query):
        found[attempt.delivery_row].append(attempt)
    return found


def record(tx: Tx, made: Collection[Mapping[str, Any]]) -> None:
    """Keep attempts (columns of `attempts`)."""
    if made:
        tx.execute(insert(attempts), list(made))


def mark_done(tx: Tx, rows: Collection[int], now: int) -> set[int]:
    """The endpoint took them, whatever else was thought of them meanwhile; those that are still there."""
    if not rows:
        return set()
    done = update(deliveries).where(deliveries.c.row.in_(rows))
    done = done.values(state="done", attempts=deliveries.c.attempts + 1, finished_at=now)
    return set(tx.execute(done.returning(deliveries.c.row)).scalars())


def mark_failed(tx: Tx, failed: Collection[Failed], now: int) -> set[int]:
    """They were tried once more in vain; those that were still pending.

    One that is set aside leaves its chat's lane for one of its own.
    """
    pending = set()
    for row, next_at, aside in failed:
        values: dict[str, Any] = {"attempts": deliveries.c.attempts + 1}
        values |= {"next_at": next_at} if next_at is not None else {"state": "dead", "finished_at": now}
        if aside:
            values["lane"] = deliveries.c.id
        moved = update(deliveries).where(deliveries.c.row == row, _PENDING).values(values)
        left = tx.execute(moved.returning(deliveries.c.webhook_id, deliveries.c.lane)).one_or_none()
        if left is not None:
            pending.add(row)
            if aside and next_at is not None:
                lanes.open_(tx, {(left.webhook_id, left.lane)}, next_at, aside=True)
    return pending


def expire(tx: Tx, before: int, now: int, most: int) -> int:
    """Pending deliveries that were queued before then are dead; at most so many at once, how many."""
    over = select(deliveries.c.row).where(_PENDING, deliveries.c.queued_at < before)
    over = over.order_by(deliveries.c.queued_at).limit(most)
    ended = update(deliveries).where(deliveries.c.row.in_(over))
    return tx.execute(ended.values(state="dead", finished_at=now)).rowcount


def prune(tx: Tx, before: int, most: int) -> int:
    """Forget up to `most` deliveries that ended before then, with their attempts; how many."""
    old = select(deliveries.c.row).where(deliveries.c.finished_at < before, deliveries.c.finished_at.is_not(None))
    old = old.order_by(deliveries.c.finished_at).limit(most)
    return tx.execute(delete(deliveries).where(deliveries.c.row.in_(old))).rowcount


def replay(tx: Tx, webhook_id: str, again: Collection[Row[Any]], now: int) -> int:
    """Deliver these events to the webhook (again), under the ids they had or would have had; how many."""
    rows = [_row(webhook_id, event.cursor, event.id, event.chat_id, now) for event in again]
    if rows:
        queued = upsert(tx.dialect.name, deliveries)
        fresh = {name: queued.excluded[name] for name in ("lane", "state", "attempts", "next_at", "queued_at")}
        tx.execute(queued.on_conflict_do_update(index_elements=["id"], set_={**fresh, "finished_at": None}), rows)
        lanes.open_(tx, {(row["webhook_id"], row["lane"]) for row in rows}, now, hurry=True)
    return len(rows)


def failures(tx: Tx, webhook_id: str, most: int) -> list[Row[Any]]:
    """Events whose deliveries to the webhook are dead, oldest first."""
    query = select(*_REPLAYED).join(deliveries, deliveries.c.event_cursor == events.c.cursor)
    query = query.where(deliveries.c.webhook_id == webhook_id, deliveries.c.state == "dead")
    return list(tx.execute(query.order_by(deliveries.c.row).limit(most)))


def window(tx: Tx, since: int, until: int) -> tuple[int, int]:
    """The cursors between which the events of that time stand: behind the first, before the second."""

    def at(moment: int) -> int | None:
        later = select(events.c.cursor).where(events.c.created_at >= moment).order_by(events.c.created_at).limit(1)
        return tx.execute(later).scalar()

    first, last = at(since - _MARGIN), at(until + _MARGIN)
    return (first or 0) - 1, last or 2**62


def happened(tx: Tx, session_id: str, after: int, before: int, most: int) -> list[Row[Any]]:
    """Events of a session between two cursors, oldest first, at most so many."""
    query = select(*_REPLAYED, events.c.type, events.c.data, events.c.created_at)
    query = query.where(events.c.session_id == session_id, events.c.cursor > after, events.c.cursor < before)
    return list(tx.execute(query.order_by(events.c.cursor).limit(most)))


def wanted(hook: Row[Any], found: Iterable[Row[Any]], since: int, until: int) -> list[Row[Any]]:
    """Those of these events that are of that time and that the webhook wants."""
    return [row for row in found if since <= row.created_at < until and wants(hook, row.type, row.data)]


def event_of(tx: Tx, webhook_id: str, delivery_id: str) -> list[Row[Any]]:
    """The event of a delivery, alone in a list, to be replayed. Raises NotFound."""
    found = get(tx, webhook_id, delivery_id)
    return list(tx.execute(select(*_REPLAYED).where(events.c.cursor == found.event_cursor)))


def _row(webhook_id: str, cursor: int, event_id: str, chat_id: str | None, now: int) -> dict[str, Any]:
    name = hashlib.sha256(f"{webhook_id} {event_id}".encode()).digest()
    return {
        "id": f"dlv_{UUID(bytes=name[:16], version=5)}", "webhook_id": webhook_id, "event_cursor": cursor,
        "lane": chat_id or "", "state": "pending", "attempts": 0, "next_at": now, "queued_at": now, "created_at": now,
    }  # fmt: skip


def _with_event() -> Select[Any]:
    told = (
        events.c.type,
        events.c.idempotency_key,
        events.c.session_id,
        events.c.sequence,
        events.c.id.label("event_id"),
    )
    return select(deliveries, *told, events.c.chat_id).join(events, events.c.cursor == deliveries.c.event_cursor)
