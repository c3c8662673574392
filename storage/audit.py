"""The audit log: who changed keys, sessions, webhooks and settings, and from where."""

from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from storage.db import Tx
from storage.tables import audit_logs


def record(tx: Tx, action: str, now: int, **details: Any) -> None:
    """One line, in the transaction of what it tells. `details` are columns of the table; severity defaults to info."""
    tx.execute(
        insert(audit_logs).values(
            {"id": str(uuid4()), "action": action, "severity": "info", "created_at": now, **details}
        )
    )
