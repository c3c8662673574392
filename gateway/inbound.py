"""From engine event to rows: everything of a batch in one transaction, and only then is the engine told it may forget."""

from collections.abc import Callable, Sequence

from engines import base
from storage import messages, sessions
from storage.db import Database, Tx


class Inbound:
    """Records what happens on sessions."""

    def __init__(self, db: Database, now: Callable[[], int]) -> None:
        self._db = db
        self._now = now

    def record(self, session_id: str, events: Sequence[base.Event]) -> None:
        """Commit the events of one session, in order; the same event twice changes nothing."""
        now = self._now()
        with self._db.write() as tx:
            for event in events:
                _apply(tx, session_id, event, now)


def _apply(tx: Tx, session_id: str, event: base.Event, now: int) -> None:
    match event:
        case base.StateChanged(state, reason, phone, push_name):
            sessions.mark(tx, session_id, now, status=state, reason=reason, phone=phone, push_name=push_name)
        case base.MessageReceived(message):
            messages.add(tx, session_id, _row(message), now)
        case base.ReceiptReceived(ids, _, receipt):
            messages.advance(tx, session_id, ids, receipt)
        case _:
            pass


def _row(message: base.Message) -> dict[str, object]:
    metadata: dict[str, object] = {}
    if message.push_name:
        metadata["pushName"] = message.push_name
    if message.mentions:
        metadata["mentionedIds"] = list(message.mentions)
    if message.quote:
        metadata["quotedMessage"] = {"id": message.quote.message_id, "body": message.quote.body}
    if message.media:
        metadata["media"] = {"mimetype": message.media.mimetype, "filename": message.media.filename}
    return {
        "wa_message_id": message.id,
        "chat_id": message.chat,
        "sender": message.sender,
        "recipient": message.recipient or message.chat,
        "body": message.body,
        "type": message.type,
        "direction": "outgoing" if message.from_me else "incoming",
        "status": "sent",
        "timestamp": message.timestamp,
        "metadata": metadata or None,
    }
