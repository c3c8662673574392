"""The audit log: who changed keys, sessions, webhooks and data, who was refused, and from where."""

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, func, insert, select

from storage.db import Database, Tx
from storage.tables import audit_logs

Entry = Row[Any]
_WIDTHS = {"user_agent": 500, "path": 500, "ip_address": 45, "method": 10}
_MINUTE = 60_000
_MOST_OF_ONE, _MOST_OF_ALL = 10, 600  # refusals kept of a minute: the log must not be the flood


def record(tx: Tx, action: str, now: int, **details: Any) -> None:
    """One line, in the transaction of what it tells. `details` are columns of the table; severity defaults to info."""
    tx.execute(insert(audit_logs).values(_row(action, now, details)))


def page(tx: Tx, filters: Mapping[str, str], only: Collection[str], limit: int, offset: int) -> tuple[list[Entry], int]:
    """Lines whose columns have these values, newest first, and how many in all; of these sessions, or of all."""
    where = [audit_logs.c[name] == value for name, value in filters.items()]
    if only:
        where.append(audit_logs.c.session_id.in_(only))
    rows = tx.execute(select(audit_logs).where(*where).order_by(audit_logs.c.row.desc()).limit(limit).offset(offset))
    total = tx.execute(select(func.count()).select_from(audit_logs).where(*where)).scalar_one()
    return list(rows), int(total)


def prune(tx: Tx, before: int, most: int) -> int:
    """Forget up to `most` lines older than `before` (epoch milliseconds); how many."""
    old = select(audit_logs.c.row).where(audit_logs.c.created_at < before).order_by(audit_logs.c.created_at)
    return tx.execute(delete(audit_logs).where(audit_logs.c.row.in_(old.limit(most)))).rowcount


class Refusals:
    """Keeps a sample of refused requests in memory and writes it now and then, so that a flood costs no writes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._seen: Counter[tuple[str, str | None]] = Counter()
        self._rows: list[dict[str, Any]] = []

    def note(self, action: str, now: int, **details: Any) -> None:
        """One refusal at `now`; the first ten a minute of one address are kept."""
        address = details.get("ip_address")
        with self._lock:
            if now // _MINUTE != self._minute:
                self._minute, self._seen = now // _MINUTE, Counter()
            if self._seen[action, address] < _MOST_OF_ONE and self._seen.total() < _MOST_OF_ALL:
                self._seen[action, address] += 1
                self._rows.append(_row(action, now, {"severity": "warn", **details}))

    def flush(self, db: Database) -> None:
        """Write what was kept since the last time; nothing kept, nothing written."""
        with self._lock:
            rows, self._rows = self._rows, []
        if rows:
            with db.write() as tx:
                for row in rows:
                    tx.execute(insert(audit_logs).values(row))


def _row(action: str, now: int, details: Mapping[str, Any]) -> dict[str, Any]:
    fitted = {name: value[: _WIDTHS[name]] if name in _WIDTHS and value else value for name, value in details.items()}
    return {"id": str(uuid4()), "action": action, "severity": "info", "created_at": now, **fitted}
