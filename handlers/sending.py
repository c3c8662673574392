"""The road every send takes, whatever its kind: a row first, then the engine, then the answer that the row tells."""

from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from engines import Engines, addresses, base, contents
from handlers.security import Caller
from handlers.shapes import milliseconds, moment
from storage import Conflict, idempotency, sends, sessions
from storage.db import Database

Json = dict[str, Any]
_PATIENCE = 30.0  # seconds a request waits for its turn in a chat before it is told to watch the send instead


class Sender(Protocol):
    """What handlers need of gateway.sender."""

    def lane(self, lane: sends.Lane, patience: float) -> AbstractContextManager[bool]: ...
    def work_off(self, lane: sends.Lane, claimed: sends.Send | None, until: str) -> None: ...
    def wake(self) -> None: ...
    def cancel(self, session_id: str, message_id: str) -> bool: ...


class Desk(NamedTuple):
    """What a send handler was given of the house and of the request."""

    db: Database
    engines: Engines
    sender: Sender
    now: int
    caller: Caller


class Parcel(NamedTuple):
    """One message to send: how it is stored, and what the engine is handed."""

    type: str
    body: str | None
    content: base.Content
    metadata: Json | None = None
    quote: base.Quote | None = None


class How(NamedTuple):
    """How the caller wants it: its idempotency key, its Prefer header, and whether only to look."""

    key: str
    prefer: str
    preflight: bool


def send(desk: Desk, operation: str, session_id: str, body: Json, parcel: Parcel, how: How) -> tuple[Json, int]:
    """Send, queue or only check `parcel`; 201 with what WhatsApp answered, 202 with the send to watch, 200 for a check.

    Raises NotStarted, NotConnected where the message would have to go now; what the engine raised; KeyReused; Conflict
    while a first use of the same idempotency key is in flight.
    """
    with desk.db.read() as tx:
        session = sessions.find(tx, session_id)
    chat = addresses.parse(body["chatId"])
    due, expires = milliseconds(body.get("sendAt")), milliseconds(body.get("expiresAt"))
    later = "respond-async" in how.prefer or (due is not None and due > desk.now)
    if how.preflight:
        return _preflight(desk, session, chat, parcel, due), 200
    once = idempotency.use(desk.caller.key_id, how.key, operation, session.id, body)
    if not later:
        _require_ready(desk, session, once)
    lane = sends.Lane(session.id, chat)
    with desk.sender.lane(lane, 0 if later else _PATIENCE) as ours:
        with desk.db.write() as tx:
            kept = idempotency.begin(tx, once)
            if kept is not None:
                message_id = kept.message_id or ""
            else:
                row = {
                    "chat_id": chat, "sender": own(session.phone), "recipient": chat, "body": parcel.body,
                    "type": parcel.type, "timestamp": desk.now // 1000, "metadata": parcel.metadata,
                }  # fmt: skip
                message_id = sends.queue(
                    tx, session.id, row, contents.dump(parcel.content, parcel.quote), desk.now,
                    due_at=due, expires_at=expires, patient=later,
                )  # fmt: skip
                idempotency.keep(tx, once, desk.now, status=202 if later else None, message_id=message_id)
            claimed = sends.claim(tx, lane, desk.now) if ours and not later and kept is None else None
        desk.sender.work_off(lane, claimed, until=message_id)
    desk.sender.wake()
    return _answer(desk.db, session.id, message_id, kept, watch=later or not ours)


def send_json(row: sends.Send) -> Json:
    """Send: where one send stands."""
    return {
        "id": row.message_id,
        "sessionId": row.session_id,
        "chatId": row.chat_id,
        "status": row.state,
        "sendAt": moment(row.due_at),
        "expiresAt": moment(row.expires_at),
        "messageId": row.wa_message_id,
        "timestamp": row.timestamp if row.state == "sent" else None,
        "code": row.code,
        "error": row.error,
        "createdAt": moment(row.created_at),
        "finishedAt": moment(row.finished_at),
    }


def _require_ready(desk: Desk, session: sessions.Session, once: idempotency.Use) -> None:
    """A message that has to go now needs a connection, unless it went already under the same key."""
    if session.status == "ready":
        return
    if once.key:
        with desk.db.write() as tx:
            if idempotency.begin(tx, once) is not None:
                return
    if session.id not in desk.engines.running():
        raise base.NotStarted(f"Session '{session.id}' is not active. Start the session first.")
    raise base.NotConnected("Session is not connected. The WhatsApp client is not ready.")


def _answer(
    db: Database, session_id: str, message_id: str, kept: idempotency.Kept | None, *, watch: bool
) -> tuple[Json, int]:
    with db.read() as tx:
        row = sends.get(tx, session_id, message_id)
    if watch or (kept is not None and kept.status == 202):
        return send_json(row), 202
    if row.state == "sent":
        return {"messageId": row.wa_message_id, "timestamp": row.timestamp}, 201
    if row.state in ("cancelled", "expired"):
        raise Conflict(row.error)
    if row.state in sends.FINISHED:
        raise base.error_of(row.code, row.error)
    if kept is not None:
        raise Conflict("A request with this Idempotency-Key is still in flight")
    return send_json(row), 202


def _preflight(desk: Desk, session: sessions.Session, chat: str, parcel: Parcel, due: int | None) -> Json:
    problem = None
    if session.status != "ready":
        problem = "not_connected" if session.id in desk.engines.running() else "not_started"
    exists = None
    number = addresses.phone(chat)
    if problem is None and number and base.Capability.CONTACTS in desk.engines.capabilities:
        (check,) = desk.engines.live(session.id).check_numbers([number])
        exists = check.exists
        problem = None if exists else "not_on_whatsapp"
    return {
        "chatId": chat,
        "type": parcel.type,
        "wouldSend": problem is None,
        "exists": exists,
        "problem": problem,
        "heldUntil": moment(due) if due is not None and due > desk.now else None,
    }


def own(phone: str | None) -> str:
    """Who writes what a session sends: its own address, "me" where that is not known yet."""
    return addresses.from_phone(phone) if phone else "me"
