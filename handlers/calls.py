"""Calls that ring on the account."""

from typing import Any

from engines import Engines
from handlers.asking import live
from storage.db import Database


def reject(db: Database, engines: Engines, session_id: str, call_id: str) -> dict[str, Any]:
    """Do not take a call."""
    live(db, engines, session_id).reject_call(call_id)
    return {"success": True}
