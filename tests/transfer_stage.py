"""A database with some of everything in it, for the tests of export and import."""

from typing import Any

from sqlalchemy import Select, func, insert, select

from storage import api_keys, audit, events, idempotency, sends, sessions, webhooks
from storage.db import Database, Tx
from storage.events import Draft
from storage.transfer import metadata
from tests.support import ADMIN, START


def fill(db: Database) -> str:
    """Some of everything the gateway keeps; the session's id."""
    with db.write() as tx:
        key = api_keys.create(tx, {"name": "an admin", "role": "admin"}, ADMIN, "", START)
        session = sessions.create(tx, {"name": "my-bot", "proxy_url": "http://user:password@proxy.example:8080"}, START)
        webhooks.create(tx, session.id, {"url": "https://example.com", "events": ["*"], "retry_count": 3,
                                         "secret": "whsec_1", "headers": {"Authorization": "Bearer 2"}},
                        START)  # fmt: skip
        row = {"chat_id": "1@c.us", "sender": "me", "recipient": "1@c.us", "body": "Grüße 👋", "type": "text",
               "timestamp": START // 1000, "metadata": {"mentionedIds": []}}  # fmt: skip
        made = sends.queue(tx, session.id, row, {"kind": "text"}, START, patient=True)
        sends.queue(tx, session.id, row, {"kind": "text"}, START, patient=True)
        sends.mark_finished(tx, made, "failed", START, error="no", code="refused_by_whatsapp")
        use = idempotency.use(key.id, "a-key", "messages.send_text", {})
        idempotency.keep(tx, use, START, status=202, message_id=made)
        audit.record(tx, "session_created", START, session_id=session.id, metadata={"id": 1})
        events.append(tx, session.id, [Draft("message.sent", f"k{n}", {"n": n}, "1@c.us") for n in range(3)], START)
        _fill_rest(tx, str(session.id), made)
    return str(session.id)


def _fill_rest(tx: Tx, session: str, message_id: str) -> None:
    """A row of each table that only a gateway at work fills."""
    of, at, told = {"session_id": session}, {"created_at": START}, {"chat_id": "1@c.us", "content": {}}
    pace = {"pause": 1, "delay": 1, "randomize": False, "stop_on_error": True, "total": 1, "next_item": 0}
    batch, delivery = (select(func.max(metadata.tables[name].c.row)) for name in ("batches", "deliveries"))
    rows: dict[str, dict[str, Any]] = {
        "batches": {"id": "a-batch", "state": "pending", **of, **pace, **at},
        "batch_items": {"batch_row": batch, "item": 0, "message": {}, **told},
        "identities": {"lid": "1@lid", "phone": "4412345@c.us", "merged": True, **of, **at},
        "templates": {"id": "a-template", "name": "Grüße", "body": "Hello", "updated_at": START, **of, **at},
        "media": {"name": "a-file", "message_id": message_id, "mimetype": "image/png", "size": 2**40, "sha256": "00",
                  "place": "local", **at},
        "early_receipts": {"wa_message_id": "early", "status": "read", **of, **at},
        "attempts": {"delivery_row": delivery, "at": START, "duration": 1},
    }  # fmt: skip
    for name, row in rows.items():
        values = {key: one.scalar_subquery() if isinstance(one, Select) else one for key, one in row.items()}
        tx.execute(insert(metadata.tables[name]).values(values))
