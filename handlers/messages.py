"""Messages: sent through the engine, read from what is stored."""

from typing import Any
from uuid import uuid4

from engines import Engines, addresses, base
from handlers import shapes
from storage import messages, sessions
from storage.db import Database

Json = dict[str, Any]


def list_all(  # noqa: PLR0913 - the document has that many parameters
    db: Database, session_id: str, limit: int, offset: int, chat_id: str = "", from_: str = ""
) -> Json:
    """A session's messages, newest first, with the number that match."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
        rows, total = messages.page(tx, row.id, _neutral(chat_id), _neutral(from_), limit, offset)
    return {"messages": [shapes.message(found) for found in rows], "total": total}


def send_text(db: Database, engines: Engines, now: int, session_id: str, body: Json) -> tuple[Json, int]:
    """Send a text; 201 says that WhatsApp took it."""
    chat = addresses.parse(body["chatId"])
    with db.read() as tx:
        session = sessions.find(tx, session_id)
    engine = engines.live(session.id)
    content = base.Text(body["text"], tuple(addresses.parse(m) for m in body.get("mentions", ())))
    row = {
        "id": str(uuid4()), "chat_id": chat, "sender": _own(session), "recipient": chat, "body": content.body,
        "type": "text", "direction": "outgoing", "status": "pending", "timestamp": now // 1000,
        "metadata": {"mentionedIds": list(content.mentions)} if content.mentions else None,
    }  # fmt: skip
    with db.write() as tx:
        messages.add(tx, session.id, row, now)
    try:
        sent = engine.send(base.Outgoing(row["id"], chat, content))
    except base.OutcomeUnknown:
        raise
    except base.EngineError:
        with db.write() as tx:
            messages.mark_failed(tx, row["id"])
        raise
    with db.write() as tx:
        messages.mark_sent(tx, row["id"], sent.message_id, sent.timestamp)
    return {"messageId": sent.message_id, "timestamp": sent.timestamp}, 201


def _own(session: sessions.Session) -> str:
    return addresses.from_phone(session.phone) if session.phone else "me"


def _neutral(address: str) -> str | None:
    return addresses.parse(address) if address else None
