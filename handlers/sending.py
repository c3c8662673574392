"""The road every send takes, whatever its kind: a row first, then the engine, then the answer that the row tells."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from engines import Engines, addresses, base, contents
from handlers.errors import of_url
from handlers.identity import known
from handlers.media import Keeper
from handlers.security import Caller
from handlers.shapes import media as shape_media
from handlers.shapes import milliseconds, moment
from handlers.uploads import Upload
from storage import Conflict, idempotency, media, sends, sessions
from storage.db import Database, Tx

Json = dict[str, Any]
_PATIENCE = 30.0  # seconds a request waits for its turn in a chat before it is told to watch the send instead


class Sender(Protocol):
    """What handlers need of gateway.sender."""

    def lane(self, lane: sends.Lane, patience: float) -> AbstractContextManager[bool]: ...
    def work_off(self, lane: sends.Lane, claimed: sends.Send | None, until: str) -> None: ...
    def wake(self) -> None: ...
    def cancel(self, session_id: str, message_id: str) -> bool: ...


class Desk(NamedTuple):
    """What a send was given of the house and of the request: idempotency key, Prefer header, whether only to look."""

    db: Database
    engines: Engines
    sender: Sender
    keeper: Keeper
    now: int
    caller: Caller
    key: str
    prefer: str
    preflight: bool


class Parcel(NamedTuple):
    """One message to send: how it is stored, and what the engine is handed."""

    type: str
    body: str | None
    content: base.Content
    metadata: Json | None = None
    quote: base.Quote | None = None
    upload: Upload | None = None
    shares: str | None = None  # our id of the message whose media it carries as well


class When(NamedTuple):
    """When a message goes out: now, or `later`; epoch milliseconds."""

    due: int | None
    expires: int | None
    later: bool


Pack = Callable[[Desk, sessions.Session, Json], Parcel]
"""Makes a message of a request's body, for a session; raises what is wrong with it."""


def send_operation(
    pack: Pack, *, chat: str | None = None, shape: Callable[[Json], Json] = lambda sent: sent
) -> Callable[..., tuple[Json, int]]:
    """The handler of an operation that sends what `pack`, which has the operation's name, makes of the body.

    It goes to `chat` where the body names none; `shape` makes an answer of its own of what WhatsApp answered.
    """
    operation = f"{pack.__module__.removeprefix('handlers.')}.{pack.__name__}"

    def handler(
        db: Database,
        engines: Engines,
        sender: Sender,
        keeper: Keeper,
        now: int,
        caller: Caller,
        session_id: str,
        body: Json,
        x_preflight: bool,  # noqa: FBT001 - a header
        idempotency_key: str = "",
        prefer: str = "",
    ) -> tuple[Json, int]:
        desk = Desk(db, engines, sender, keeper, now, caller, idempotency_key, prefer, x_preflight)
        answer, status = send(desk, operation, session_id, {**body, "chatId": chat} if chat else body, pack)
        return (shape(answer), status) if status == 201 else (answer, status)

    handler.__name__, handler.__doc__, handler.__module__ = pack.__name__, pack.__doc__, pack.__module__
    return handler


def send(desk: Desk, operation: str, session_id: str, body: Json, pack: Pack) -> tuple[Json, int]:
    """Send, queue or only check a message; 201 with what WhatsApp answered, 202 with the send to watch, 200 for a look.

    Raises what `pack` does; NotStarted, NotConnected where the message would have to go now; what the engine raised;
    KeyReused; Conflict while a first use of the same idempotency key is in flight.
    """
    with desk.db.read() as tx:
        session = sessions.find(tx, session_id)
        chat = known(tx, session.id, body["toChatId" if "toChatId" in body else "chatId"])
        once = idempotency.use(desk.caller.key_id, "" if desk.preflight else desk.key, operation, session.id, body)
        kept = idempotency.find(tx, once)
    lane = sends.Lane(session.id, chat)
    due, expires = milliseconds(body.get("sendAt")), milliseconds(body.get("expiresAt"))
    when = When(due, expires, "respond-async" in desk.prefer or (due is not None and due > desk.now))
    if desk.preflight:
        return _preflight(desk, session, lane.chat_id, pack(desk, session, body), due), 200
    parcel = None
    if kept is None:  # what was asked before needs neither a connection nor its media once more
        if not when.later:
            _require_ready(desk, session)
        parcel = pack(desk, session, body)
    with desk.sender.lane(lane, 0 if when.later else _PATIENCE) as ours:
        claimed = None
        if parcel is not None:
            with desk.db.write() as tx:
                kept = idempotency.begin(tx, once)
                if kept is None:
                    message_id = _queue(tx, session, lane, parcel, when, desk.now)
                    idempotency.keep(tx, once, desk.now, status=202 if when.later else None, message_id=message_id)
                    claimed = sends.claim(tx, lane, desk.now) if ours and not when.later else None
            if parcel.upload is not None and kept is None:
                parcel.upload.keep()
        if kept is not None:
            message_id = kept.message_id or ""
        desk.sender.work_off(lane, claimed, until=message_id)
    watch = when.later or not ours
    if watch:
        desk.sender.wake()
    return _answer(desk.db, session.id, message_id, kept, watch=watch)


def _queue(tx: Tx, session: sessions.Session, lane: sends.Lane, parcel: Parcel, when: When, now: int) -> str:
    row = {
        "chat_id": lane.chat_id, "sender": own(session.phone), "recipient": lane.chat_id, "body": parcel.body,
        "type": parcel.type, "timestamp": now // 1000, "metadata": parcel.metadata,
    }  # fmt: skip
    shared = None
    if parcel.shares is not None:
        sessions.hold(tx, session.id)  # first, as whoever deletes a message does
        shared = media.to_share(tx, parcel.shares)
    if parcel.upload is not None:
        row["id"] = parcel.upload.name
    if shared is not None:
        row["id"] = new_id = str(uuid4())
        told = shape_media(session.id, new_id, shared.mimetype, shared.filename, shared.size)
        row["metadata"] = {**(parcel.metadata or {}), "media": told}
    content = contents.dump(parcel.content, parcel.quote)
    message_id = sends.queue(
        tx, session.id, row, content, now, due_at=when.due, expires_at=when.expires, patient=when.later
    )
    if parcel.upload is not None:
        media.add(tx, parcel.upload.carried(parcel.content), now, message_id=message_id)
    if shared is not None:
        media.share(tx, shared, message_id, now)
    return message_id


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


def _require_ready(desk: Desk, session: sessions.Session) -> None:
    """A message that has to go now needs a connection."""
    if session.status == "ready":
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
        raise of_url(row.code, row.error) or base.error_of(row.code, row.error)
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
