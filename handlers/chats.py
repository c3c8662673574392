"""Chats as the account sees them, live from the engine."""

from typing import Any

from engines import Engines
from handlers.shapes import chat
from storage import sessions
from storage.db import Database


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> list[dict[str, Any]]:
    """The account's chats, the one written to last first."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
    found = sorted(engines.live(row.id).chats(), key=lambda one: one.timestamp, reverse=True)
    return [chat(one) for one in found[offset : offset + limit]]
