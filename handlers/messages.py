"""Messages: sent through the engine, read from what is stored."""

from typing import Any

from engines import Engines, addresses, base
from handlers import shapes
from handlers.security import Caller
from handlers.sending import Desk, How, Parcel, Sender, send
from storage import messages, sessions
from storage.db import Database

Json = dict[str, Any]


def list_all(db: Database, session_id: str, limit: int, offset: int, chat_id: str = "", from_: str = "") -> Json:
    """A session's messages, newest first, with the number that match."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
        rows, total = messages.page(tx, row.id, _neutral(chat_id), _neutral(from_), limit, offset)
    return {"messages": [shapes.message(found) for found in rows], "total": total}


def send_text(
    db: Database,
    engines: Engines,
    sender: Sender,
    now: int,
    caller: Caller,
    session_id: str,
    body: Json,
    x_preflight: bool,  # noqa: FBT001 - a header
    idempotency_key: str = "",
    prefer: str = "",
) -> tuple[Json, int]:
    """Send a text."""
    mentions = tuple(addresses.parse(mention) for mention in body.get("mentions", ()))
    parcel = Parcel(
        "text", body["text"], base.Text(body["text"], mentions), {"mentionedIds": list(mentions)} if mentions else None
    )
    desk = Desk(db, engines, sender, now, caller)
    return send(desk, "messages.send_text", session_id, body, parcel, How(idempotency_key, prefer, x_preflight))


def _neutral(address: str) -> str | None:
    return addresses.parse(address) if address else None
