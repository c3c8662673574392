"""Webhooks: endpoints of a session, what they want, and how they are doing."""

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, func, insert, select, update

from storage import Conflict, NotFound
from storage.db import Tx, one_at_a_time
from storage.tables import webhooks

Webhook = Row[Any]
MOST = 100  # of one session: each event is weighed against every one of them
_WELL = {"failures": 0, "failing_since": None, "paused_until": 0, "disabled_reason": None}


def create(tx: Tx, session_id: str, values: dict[str, Any], now: int) -> Webhook:
    """A new active webhook. Raises Conflict where the session has as many as it may."""
    one_at_a_time(tx, f"webhooks {session_id}")
    query = select(func.count()).select_from(webhooks).where(webhooks.c.session_id == session_id)
    if tx.execute(query).scalar_one() >= MOST:
        raise Conflict(f"A session has at most {MOST} webhooks")
    row = {
        "id": str(uuid4()), "session_id": session_id, "secret": None, "headers": {}, "filters": None, "active": True,
        **_WELL, "created_at": now, "updated_at": now, **values,
    }  # fmt: skip
    return tx.execute(insert(webhooks).values(row).returning(webhooks)).one()


def page(tx: Tx, session_ids: Collection[str], limit: int, offset: int) -> list[Webhook]:
    """Webhooks of these sessions, or of all, newest first."""
    query = select(webhooks).order_by(webhooks.c.row.desc()).limit(limit).offset(offset)
    return list(tx.execute(query.where(webhooks.c.session_id.in_(session_ids)) if session_ids else query))


def get(tx: Tx, session_id: str, webhook_id: str) -> Webhook:
    """One webhook of the session. Raises NotFound, for another session's too."""
    query = select(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.session_id == session_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Webhook with id '{webhook_id}' not found")
    return row


def change(tx: Tx, session_id: str, webhook_id: str, values: dict[str, Any], now: int) -> Webhook:
    """Set the given columns. A new address, or being switched on again, is a new beginning: no failures, no pause."""
    get(tx, session_id, webhook_id)
    anew = _WELL if "url" in values or values.get("active") else {}
    changed = update(webhooks).where(webhooks.c.id == webhook_id).values({**anew, **values, "updated_at": now})
    return tx.execute(changed.returning(webhooks)).one()


def rotate(tx: Tx, session_id: str, webhook_id: str, secret: str, until: int, now: int) -> Webhook:
    """A new secret; the one there was signs along until then."""
    old = get(tx, session_id, webhook_id).secret
    values = {"secret": secret, "old_secret": old, "old_secret_until": until if old else None}
    return change(tx, session_id, webhook_id, values, now)


def remove(tx: Tx, session_id: str, webhook_id: str) -> None:
    """Delete a webhook with its deliveries. Raises NotFound."""
    get(tx, session_id, webhook_id)
    tx.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


def health(tx: Tx, webhook_ids: Collection[str]) -> dict[str, Webhook]:
    """How these endpoints are doing, by id, held until the transaction ends; a deleted one is not there."""
    query = select(webhooks).where(webhooks.c.id.in_(webhook_ids)).order_by(webhooks.c.row)
    query = query.with_for_update(key_share=True)  # which lets others write deliveries for it
    return {row.id: row for row in tx.execute(query)}


def note(tx: Tx, webhook_id: str, values: dict[str, Any]) -> None:
    """Write down how an endpoint is doing: failures, failing_since, paused_until, last_triggered_at, active."""
    tx.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))
