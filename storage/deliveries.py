"""Webhook deliveries: one row per event and endpoint, written with the event, leased by the delivery loop.

pending ──claim──> leased ──2xx──> done
   ^                  │
   └── failed, or the lease ran out      too often, too long, or 410 ──> dead ──replay──> pending
"""

from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select

from storage.db import Tx
from storage.tables import deliveries, webhooks


def fan_out(tx: Tx, session_id: str, events: list[dict[str, Any]], now: int) -> None:
    """A delivery row for each event and each active webhook of the session that wants it."""
    hooks = tx.execute(
        select(webhooks.c.id, webhooks.c.events).where(webhooks.c.session_id == session_id, webhooks.c.active)
    ).all()
    rows = [
        {
            "id": f"dlv_{uuid4()}",
            "webhook_id": hook.id,
            "event_cursor": event["cursor"],
            "lane": event["chat_id"] or "",
            "state": "pending",
            "attempts": 0,
            "aside": False,
            "next_at": now,
            "created_at": now,
        }
        for event in events
        for hook in hooks
        if event["type"] in hook.events or "*" in hook.events
    ]
    if rows:
        tx.execute(insert(deliveries), rows)
