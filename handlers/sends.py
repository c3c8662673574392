"""Sends as things to watch: queued, scheduled, in flight, and what became of them."""

from typing import Any

from handlers.sending import Sender, send_json
from storage import Conflict, sends, sessions
from storage.db import Database

Json = dict[str, Any]


def list_all(db: Database, session_id: str, limit: int, offset: int, status: list[str] | None = None) -> list[Json]:
    """A session's sends, newest first."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
        return [send_json(found) for found in sends.page(tx, row.id, status or (), limit, offset)]


def get(db: Database, session_id: str, id_: str) -> Json:
    """One send."""
    with db.read() as tx:
        return send_json(sends.get(tx, sessions.find(tx, session_id).id, id_))


def cancel(db: Database, sender: Sender, session_id: str, id_: str) -> Json:
    """Take back a send that has not been handed over yet. Raises Conflict where it has."""
    with db.read() as tx:
        row = sends.get(tx, sessions.find(tx, session_id).id, id_)
    if not sender.cancel(row.session_id, id_):
        raise Conflict("The send is no longer queued")
    return get(db, row.session_id, id_)
