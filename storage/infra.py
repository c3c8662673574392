"""What is told of the database itself, and of the queues that are kept in it."""

from typing import Any, NamedTuple

from sqlalchemy import func, select

from storage.db import Database, Tx, literally
from storage.tables import deliveries, sends


class Place(NamedTuple):
    """Where the database is; of SQLite only its file is known. Never a password."""

    type: str
    host: str
    port: str
    username: str
    database: str
    password_set: bool
    encrypted: bool


def place(db: Database) -> Place:
    """Where this database is."""
    url = db.engine.url
    return Place(
        "sqlite" if db.is_sqlite else "postgres",
        url.host or "",
        str(url.port or ("" if db.is_sqlite else 5432)),
        url.username or "",
        url.database or "",
        bool(url.password),
        url.query.get("sslmode") in ("require", "verify-ca", "verify-full"),
    )


def open_sends(tx: Tx) -> int:
    """How many sends are queued or under way; reads the indexes of those only."""
    return sum(_count(tx, sends.c.row, literally(sends.c.state, state)) for state in ("queued", "sending"))


def deliveries_in(tx: Tx, state: str) -> int:
    """How many deliveries are in this state, of those that are kept; reads an index."""
    return _count(tx, deliveries.c.row, literally(deliveries.c.state, state))


def _count(tx: Tx, column: Any, where: Any) -> int:
    return int(tx.execute(select(func.count(column)).where(where)).scalar_one())
