"""Lanes: where order is kept. What one endpoint has open of one chat goes out one by one, oldest first.

A lane has a row while something of it is open. It is leased as a whole, by moving `ready_at` to the end of the lease:
should its holder die, it is ready again by itself. A delivery that was set aside has a lane of its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import cache, partial
from typing import Any

from sqlalchemy import Row, Select, Text, bindparam, case, cast, delete, false, or_, select, true, update

from storage.db import Tx, literally, upsert
from storage.prepared import Prepared
from storage.tables import deliveries, events, lanes, webhooks

Endpoint = Row[Any]
Parcel = Row[Any]

_SOONEST = [
    select(lanes.c.ready_at)
    .where(lanes.c.webhook_id == webhooks.c.id, lanes.c.aside == aside)
    .order_by(lanes.c.ready_at)  # an EXISTS would be made a join, and read every lane
    .limit(1)
    .scalar_subquery()
    for aside in (false(), true())
]
_READY = Prepared(
    select(webhooks).where(
        webhooks.c.active,
        webhooks.c.paused_until <= bindparam("now"),
        or_(*(soonest <= bindparam("now") for soonest in _SOONEST)),
    )
)
_OLDEST = (
    select(lanes.c.row)
    .where(
        lanes.c.webhook_id == bindparam("of"),
        lanes.c.aside == bindparam("is_aside"),
        lanes.c.ready_at <= bindparam("now"),
    )
    .order_by(lanes.c.ready_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = Prepared(
    update(lanes)
    .where(lanes.c.row.in_(_OLDEST))
    .values(ready_at=bindparam("until"), lease=bindparam("by"))
    .returning(lanes.c.row)
)
_EVENT = (events.c.type, events.c.session_id, events.c.sequence, events.c.idempotency_key)


def open_(tx: Tx, named: Iterable[tuple[str, str]], ready_at: int, *, aside: bool = False, hurry: bool = False) -> None:
    """There is something to deliver in these lanes (webhook id and lane). `hurry`: at `ready_at`, not when it fails."""
    opened = _HURRY if hurry else _OPEN
    for webhook_id, lane in sorted(named):  # everybody locks lanes in one order
        opened.run(tx, webhook_id=webhook_id, lane=lane, aside=aside, ready_at=ready_at)


def ready(tx: Tx, now: int) -> list[Endpoint]:
    """Active webhooks that are not paused and have a lane to be worked on."""
    return _READY.all(tx, now=now)


def claim(tx: Tx, webhook_id: str, now: int, until: int, lease: str, most: int) -> list[int]:
    """Lease lanes of one endpoint that are ready, the longest ready first; at most a quarter of them set aside."""
    taken = _claim(tx, webhook_id, now, until, lease, most, aside=False)
    spare = max(most - len(taken), most // 4)
    return taken + (_claim(tx, webhook_id, now, until, lease, spare, aside=True) if spare else [])


def parcels(tx: Tx, rows: Collection[int], most: int) -> dict[int, list[Parcel]]:
    """What stands first in these lanes, at most so many in each, with what is needed to deliver it; by lane row."""
    found: dict[int, list[Parcel]] = defaultdict(list)
    if rows:
        for parcel in tx.execute(_first(tx.dialect.name), {"rows": list(rows), "most": most}):
            found[parcel.lane_row].append(parcel)
    return found


def release(tx: Tx, rows: Collection[int], lease: str) -> None:
    """Give leased lanes back: each is ready when its oldest delivery is due; one with nothing open is gone."""
    if not rows:
        return
    names: tuple[Any, ...] = (lanes.c.webhook_id, lanes.c.lane)
    if tx.dialect.name == "postgresql":  # in the order in which `open_` sorts them, whatever the database's language
        names = (lanes.c.webhook_id.collate("C"), lanes.c.lane.collate("C"))
    mine = select(lanes.c.row).where(lanes.c.row.in_(rows), lanes.c.lease == lease).order_by(*names)
    held = tx.execute(mine.with_for_update()).scalars().all()
    due = tx.execute(_heads(), {"rows": held}).all()
    empty = [row for row, at in due if at is None]
    if empty:
        tx.execute(delete(lanes).where(lanes.c.row.in_(empty)))
    waiting = [{"of": row, "at": at} for row, at in due if at is not None]
    if waiting:
        free = update(lanes).where(lanes.c.row == bindparam("of")).values(ready_at=bindparam("at"), lease=None)
        tx.execute(free, waiting)


def recover(tx: Tx, now: int) -> int:
    """At boot nobody holds a lease yet: what a dead process held is ready again; how many lanes."""
    held = update(lanes).where(lanes.c.lease.is_not(None))
    return tx.execute(held.values(lease=None, ready_at=now)).rowcount


def rejoin(tx: Tx, webhook_id: str, now: int, most: int) -> None:
    """The endpoint answers again: what was set aside need not wait for its time."""
    later = select(lanes.c.row).where(lanes.c.webhook_id == webhook_id, lanes.c.aside == true(), lanes.c.ready_at > now)
    later = later.where(lanes.c.lease.is_(None)).limit(most)
    rows = tx.execute(later).scalars().all()
    if rows:
        tx.execute(update(lanes).where(lanes.c.row.in_(rows)).values(ready_at=now))


def _claim(tx: Tx, webhook_id: str, now: int, until: int, lease: str, most: int, *, aside: bool) -> list[int]:
    taken = _CLAIM.all(tx, of=webhook_id, is_aside=aside, now=now, most=most, until=until, by=lease)
    return [lane.row for lane in taken]


@cache
def _first(dialect: str) -> Select[Any]:
    """The first deliveries of lanes, reading no more of a lane than that however long it is."""
    inner = deliveries.alias("first")
    first = select(inner).where(*_open(inner)).order_by(inner.c.row).limit(bindparam("most")).correlate(lanes)
    one: Any
    if dialect == "postgresql":
        one = first.lateral("one")
        joined = lanes.join(one, true())
    else:  # which has no LATERAL, but looks a list of rows up by key
        one = deliveries.alias("one")
        joined = lanes.join(one, one.c.row.in_(first.with_only_columns(inner.c.row).scalar_subquery()))
    columns = (
        lanes.c.row.label("lane_row"), one.c.row, one.c.id, one.c.webhook_id, one.c.attempts, one.c.next_at,
        one.c.queued_at, events.c.cursor, *_EVENT, events.c.created_at, cast(events.c.data, Text).label("data"),
    )  # fmt: skip
    query = select(*columns).select_from(joined.join(events, events.c.cursor == one.c.event_cursor))
    return query.where(lanes.c.row.in_(bindparam("rows", expanding=True))).order_by(one.c.row)


@cache
def _heads() -> Select[Any]:
    """Of these lanes, when the oldest delivery in each may be tried; null where there is none."""
    inner = deliveries.alias("oldest")
    oldest = select(inner.c.next_at).where(*_open(inner)).order_by(inner.c.row).limit(1).correlate(lanes)
    heads = select(lanes.c.row, oldest.scalar_subquery())
    return heads.where(lanes.c.row.in_(bindparam("rows", expanding=True)))


def _open(of: Any) -> tuple[Any, ...]:
    return (of.c.webhook_id == lanes.c.webhook_id, of.c.lane == lanes.c.lane, literally(of.c.state, "pending"))


def _opening(dialect: str, *, hurry: bool) -> Any:
    """A lane that is there already is locked all the same: nobody may find it empty and remove it meanwhile.

    In a hurry it is ready at once where nobody holds it; a leased one keeps the end of its lease.
    """
    made = upsert(dialect, lanes)
    sooner = case((lanes.c.lease.is_(None), made.excluded.ready_at), else_=lanes.c.ready_at)
    ready_at = sooner if hurry else lanes.c.ready_at
    return made.on_conflict_do_update(index_elements=["webhook_id", "lane"], set_={"ready_at": ready_at})


_COLUMNS = ("webhook_id", "lane", "aside", "ready_at")
_OPEN = Prepared(partial(_opening, hurry=False), _COLUMNS)
_HURRY = Prepared(partial(_opening, hurry=True), _COLUMNS)
