"""Batches: up to a hundred messages of one session, queued one after the other, each when the one before has ended.

pending ──first item──> processing ──> completed, failed
   └────────────────────────┴──> cancelled

A batch says which item is next and nothing of those before: what became of them stands in `sends`, and nowhere else.
An item is queued in the transaction that moves `next_item` on, so no crash repeats or skips one.
"""

from typing import Any, NamedTuple

from sqlalchemy import Integer, Row, and_, case, cast, delete, func, insert, or_, select, update

from storage import NotFound
from storage.db import Tx, upsert
from storage.tables import batch_items, batches, messages, sends, sessions

Batch = Row[Any]
_FAILED = ("failed", "unknown", "expired")
_OPEN = batches.c.completed_at.is_(None)


class Pace(NamedTuple):
    """Milliseconds between the end of an item and the next, whether more are added by chance, when to give up."""

    delay: int
    randomize: bool
    stop_on_error: bool


class Item(NamedTuple):
    """A message as it will be queued: columns of `messages` without sender and timestamp; what the engine is handed."""

    message: dict[str, Any]
    content: dict[str, Any]


class Step(NamedTuple):
    """An open batch with no item under way: what its next step is made of, and when it is due (epoch milliseconds)."""

    row: int
    session_id: str
    phone: str | None
    next_item: int
    total: int
    pace: Pace
    stopped: bool
    due: int


def create(tx: Tx, session_id: str, batch_id: str, items: list[Item], pace: Pace, now: int) -> Batch | None:
    """A batch of these items; None where the session has one of that id."""
    row = {
        "id": batch_id, "session_id": session_id, "state": "pending", "total": len(items), "next_item": 0, "pause": 0,
        "created_at": now, **pace._asdict(),
    }  # fmt: skip
    made = upsert(tx.dialect.name, batches).values(row).on_conflict_do_nothing(index_elements=["session_id", "id"])
    batch = tx.execute(made.returning(batches)).one_or_none()
    if batch is not None:
        rows = [
            {"batch_row": batch.row, "item": n, "chat_id": item.message["chat_id"], **item._asdict()}
            for n, item in enumerate(items)
        ]
        tx.execute(insert(batch_items), rows)
    return batch


def get(tx: Tx, session_id: str, batch_id: str) -> Batch:
    """One batch of the session. Raises NotFound."""
    query = select(batches).where(batches.c.session_id == session_id, batches.c.id == batch_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Batch '{batch_id}' not found")
    return row


def results(tx: Tx, batch_row: int) -> list[Row[Any]]:
    """The chat of each item in order, and where it was queued its send's state, error, code, end and WhatsApp id."""
    its_send = and_(sends.c.batch_row == batch_items.c.batch_row, sends.c.batch_item == batch_items.c.item)
    query = (
        select(
            batch_items.c.chat_id,
            sends.c.state,
            sends.c.error,
            sends.c.code,
            sends.c.finished_at,
            messages.c.wa_message_id,
        )
        .select_from(batch_items)
        .outerjoin(sends, its_send)
        .outerjoin(messages, messages.c.id == sends.c.message_id)
        .where(batch_items.c.batch_row == batch_row)
        .order_by(batch_items.c.item)
    )
    return list(tx.execute(query))


def agenda(tx: Tx, most: int) -> list[Step]:
    """Open batches with no item under way, those due first in front; also those whose pause is not over."""
    stopped = and_(batches.c.stop_on_error, sends.c.state.in_(_FAILED))
    due = case((sends.c.row.is_(None), batches.c.created_at), (stopped, 0), else_=sends.c.finished_at + batches.c.pause)
    last = and_(sends.c.batch_row == batches.c.row, sends.c.batch_item == batches.c.next_item - 1)
    query = (
        select(
            batches.c.row, batches.c.session_id, sessions.c.phone, batches.c.next_item, batches.c.total,
            batches.c.delay, batches.c.randomize, batches.c.stop_on_error,
            func.coalesce(cast(stopped, Integer), 0).label("stopped"), due.label("due"),
        )
        .join(sessions, sessions.c.id == batches.c.session_id)
        .outerjoin(sends, last)
        .where(_OPEN, or_(sends.c.row.is_(None), sends.c.finished_at.is_not(None)))
        .order_by(due, batches.c.row)
        .limit(most)
    )  # fmt: skip
    return [
        Step(r.row, r.session_id, r.phone, r.next_item, r.total, Pace(r.delay, r.randomize, r.stop_on_error),
             bool(r.stopped), r.due)
        for r in tx.execute(query)
    ]  # fmt: skip


def take(tx: Tx, step: Step, pause: int, now: int) -> Item | None:
    """Move on to the step's item, to be queued in this transaction; None where the batch ended or moved meanwhile."""
    values = {
        "next_item": step.next_item + 1, "pause": pause, "state": "processing",
        "started_at": func.coalesce(batches.c.started_at, now),
    }  # fmt: skip
    moved = update(batches).where(batches.c.row == step.row, batches.c.next_item == step.next_item, _OPEN)
    if tx.execute(moved.values(values)).rowcount == 0:
        return None
    query = select(batch_items.c.message, batch_items.c.content)
    return Item(
        *tx.execute(query.where(batch_items.c.batch_row == step.row, batch_items.c.item == step.next_item)).one()
    )


def conclude(tx: Tx, step: Step, now: int) -> None:
    """All items have ended, or one went wrong and that was to be the end: failed or completed, unless cancelled."""
    counted = select(sends.c.state, func.count()).where(sends.c.batch_row == step.row).group_by(sends.c.state)
    states = {state for state, _ in tx.execute(counted)}
    failed = step.stopped or ("sent" not in states and bool(states & set(_FAILED)))
    ended = update(batches).where(batches.c.row == step.row, batches.c.next_item == step.next_item, _OPEN)
    tx.execute(ended.values(state="failed" if failed else "completed", completed_at=now))


def cancel(tx: Tx, session_id: str, batch_id: str, now: int) -> list[Row[Any]] | None:
    """Queue nothing more; the sends still queued, for the caller to take back. None where the batch had ended."""
    ended = update(batches).where(batches.c.session_id == session_id, batches.c.id == batch_id, _OPEN)
    row = tx.execute(ended.values(state="cancelled", completed_at=now).returning(batches.c.row)).scalar()
    if row is None:
        return None
    return list(tx.execute(select(sends).where(sends.c.batch_row == row, sends.c.state == "queued")))


def is_cancelled(tx: Tx, batch_row: int) -> bool:
    """Whether the batch was cancelled; true to the transaction's end where it holds the session, as cancelling does."""
    return tx.execute(select(batches.c.state).where(batches.c.row == batch_row)).scalar() == "cancelled"


def prune(tx: Tx, before: int, most: int) -> int:
    """Forget up to `most` batches that were completed before then, with their items and sends; how many."""
    over = select(batches.c.row).where(batches.c.completed_at < before).limit(most)
    return tx.execute(delete(batches).where(batches.c.row.in_(over))).rowcount
