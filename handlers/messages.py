"""Messages: sent through the engine, changed there afterwards, read from what is stored or live."""

import re
from typing import Any

from engines import Engines, base
from handlers import happenings, shapes
from handlers.asking import ask_once
from handlers.attachments import pack
from handlers.errors import BadRequest, NotAllowed
from handlers.identity import details, heard, known, phones_of
from handlers.media import Keeper, inline
from handlers.security import Caller
from handlers.sending import Desk, Parcel, own, send_operation
from handlers.variables import fill
from storage import media, messages, sessions, templates
from storage.db import Database
from storage.idempotency import use
from storage.sessions import Session

Json = dict[str, Any]
_MOST_SHALLOW = 100
_LONGEST_TEXT = 65_536
_FORWARDED = ("location", "contact", "poll", "mentionedIds")  # what a forwarded message keeps of the first one


def list_all(db: Database, session_id: str, limit: int, offset: int, chat_id: str = "", from_: str = "") -> Json:
    """A session's messages, newest first, with the number that match."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
        chat, sender = (known(tx, row.id, one) if one else None for one in (chat_id, from_))
        rows, total = messages.page(tx, row, chat, sender, limit, offset)
        phones = phones_of(tx, row.id, details(rows))
    return {"messages": [shapes.message(found, phones) for found in rows], "total": total}


# --- sent: what each operation makes of its body ---------------------------------------------------


@send_operation
def send_text(desk: Desk, session: Session, body: Json) -> Parcel:
    """A text."""
    mentions = _mentions(desk.db, session.id, body)
    return Parcel("text", body["text"], base.Text(body["text"], mentions), _mentioned(mentions))


@send_operation
def send_template(desk: Desk, session: Session, body: Json) -> Parcel:
    """A template, filled in. Raises NotFound, BadRequest."""
    with desk.db.read() as tx:
        match body:
            case {"templateId": str(known_as)}:
                row = templates.get(tx, session.id, known_as)
            case {"templateName": str(name)}:
                row = templates.named(tx, session.id, name)
            case _:
                raise BadRequest("Either templateId or templateName must be provided")
    parts = (fill(part, body.get("vars", {})) for part in (row.header, row.body, row.footer) if part)
    text = "\n\n".join(part for part in parts if part)
    if not text or len(text) > _LONGEST_TEXT:
        rule = f"be shorter than or equal to {_LONGEST_TEXT} characters" if text else "not be empty"
        raise BadRequest(f"text must {rule} once its variables are filled in")
    return Parcel("text", text, base.Text(text), {"template": row.name})


@send_operation
def send_image(desk: Desk, session: Session, body: Json) -> Parcel:
    """A picture."""
    return _media(desk, session, "image", body)


@send_operation
def send_video(desk: Desk, session: Session, body: Json) -> Parcel:
    """A video."""
    return _media(desk, session, "video", body)


@send_operation
def send_audio(desk: Desk, session: Session, body: Json) -> Parcel:
    """Sound, or a voice note."""
    kind: base.MediaKind = "voice" if body.get("ptt") else "audio"
    return _media(desk, session, kind, body)


@send_operation
def send_document(desk: Desk, session: Session, body: Json) -> Parcel:
    """A file."""
    return _media(desk, session, "document", body)


@send_operation
def send_sticker(desk: Desk, session: Session, body: Json) -> Parcel:
    """A sticker."""
    return _media(desk, session, "sticker", body)


@send_operation
def send_location(_desk: Desk, _session: Session, body: Json) -> Parcel:
    """A point on the map."""
    place = {name: body[name] for name in ("latitude", "longitude", "description", "address") if name in body}
    shown = f"📍 {body.get('description') or 'Location'}"
    return Parcel("location", shown, base.Location(**place), {"location": place})


@send_operation
def send_contact(_desk: Desk, _session: Session, body: Json) -> Parcel:
    """A contact card."""
    name, number = body["contactName"], re.sub(r"[^0-9]", "", body["contactNumber"])
    card = {"contact": {"name": name, "number": number}}
    return Parcel("contact", f"📇 {name}", base.ContactCard(name, number), card)


@send_operation
def send_poll(_desk: Desk, _session: Session, body: Json) -> Parcel:
    """A question with options."""
    poll = base.Poll(body["name"], tuple(body["options"]), body.get("allowMultipleAnswers", False))
    asked = {"name": poll.name, "options": list(poll.options), "allowMultipleAnswers": poll.multiple}
    return Parcel("poll", poll.name, poll, {"poll": asked})


@send_operation
def reply(desk: Desk, session: Session, body: Json) -> Parcel:
    """A text that answers a message of the chat. Raises NotOnAccount where that is not known."""
    known_as = body["quotedMessageId"]
    with desk.db.read() as tx:
        chat = known(tx, session.id, body["chatId"])
        quoted = messages.find(tx, session.id, known_as)
    if quoted is None or quoted.wa_message_id is None or quoted.chat_id != chat:
        raise base.NotOnAccount(f"Message {known_as} not found in {chat}")
    quote = base.Quote(quoted.wa_message_id, quoted.sender, quoted.body or "")
    metadata = {"quotedMessage": {"id": quote.message_id, "body": quote.body}}
    return Parcel("text", body["text"], base.Text(body["text"]), metadata, quote)


@send_operation
def forward(desk: Desk, session: Session, body: Json) -> Parcel:
    """A message passed on; one that is not stored is forwarded all the same, if the account knows it."""
    with desk.db.read() as tx:
        chat = known(tx, session.id, body["fromChatId"])
        original = messages.find(tx, session.id, body["messageId"])
    if original is None or original.chat_id != chat:
        return Parcel("unknown", "[Forwarded]", base.Forward(chat, body["messageId"]), {"forwarded": True})
    stored = original.metadata or {}
    kept: Json = {name: value for name, value in stored.items() if name in _FORWARDED}
    if "media" in stored:
        kept["media"] = {name: value for name, value in stored["media"].items() if name != "url"}
    passed_on = base.Forward(chat, original.wa_message_id or body["messageId"])
    return Parcel(original.type, original.body, passed_on, {**kept, "forwarded": True}, shares=original.id)


# --- changed: the engine first, and then the books as if it had told -------------------------------


def react(
    db: Database, engines: Engines, now: int, caller: Caller, session_id: str, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Put an emoji on a message, or take it back. Raises NotOnAccount."""
    session, chat, message_id = _target(db, session_id, body)

    def work() -> tuple[Json, int]:
        engines.live(session.id).react(chat, message_id, body["emoji"])
        event = base.ReactionReceived(message_id, chat, own(session.phone), body["emoji"], *divmod(now, 1000))
        engines.record(session.id, [event])
        return {"success": True}, 200

    return ask_once(db, now, use(caller.key_id, idempotency_key, "messages.react", body, session_id=session.id), work)


def delete(
    db: Database,
    engines: Engines,
    keeper: Keeper,
    now: int,
    caller: Caller,
    session_id: str,
    body: Json,
    idempotency_key: str = "",
) -> tuple[Json, int]:
    """Delete a message, for everyone unless asked otherwise. Raises NotOnAccount."""
    session, chat, message_id = _target(db, session_id, body)

    def work() -> tuple[Json, int]:
        if body.get("forEveryone", True):
            engines.live(session.id).revoke(chat, message_id)
            event = base.MessageRevoked(message_id, chat, own(session.phone), now // 1000, from_me=True)
            engines.record(session.id, [event])
        else:
            engines.require(base.Capability.DELETE_FOR_ME)
            engines.live(session.id).revoke(chat, message_id, for_everyone=False)
            with db.write() as tx:
                sessions.hold(tx, session.id)
                row = messages.revoke(tx, session.id, message_id)
                if row is not None:
                    media.let_go(tx, row.id)
        keeper.tidy()
        return {"success": True}, 200

    return ask_once(db, now, use(caller.key_id, idempotency_key, "messages.delete", body, session_id=session.id), work)


def edit(
    db: Database, engines: Engines, now: int, caller: Caller, session_id: str, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Give an own message a new text. Raises NotAllowed where WhatsApp does not take it, NotOnAccount."""
    session, chat, message_id = _target(db, session_id, body)

    def work() -> tuple[Json, int]:
        try:
            sent = engines.live(session.id).edit(chat, message_id, body["body"])
        except base.Refused as refused:
            raise NotAllowed(str(refused)) from None
        event = base.MessageEdited(message_id, chat, own(session.phone), body["body"], now // 1000)
        engines.record(session.id, [event])
        return {"messageId": sent.message_id, "timestamp": sent.timestamp}, 200

    return ask_once(db, now, use(caller.key_id, idempotency_key, "messages.edit", body, session_id=session.id), work)


# --- read live -------------------------------------------------------------------------------------


def history(
    db: Database,
    engines: Engines,
    keeper: Keeper,
    session_id: str,
    chat_id: str,
    limit: int,
    include_media: bool,  # noqa: FBT001 - a query parameter
    deep: bool,  # noqa: FBT001
) -> list[Json]:
    """A chat's newest messages, oldest first, as the account has them, with their media if that is asked for."""
    with db.read() as tx:
        session = sessions.find(tx, session_id)
        chat = known(tx, session.id, chat_id)
    told = engines.live(session.id).history(chat, limit if deep else min(limit, _MOST_SHALLOW))
    with db.read() as tx:
        found = heard(tx, session.id, told)
        kept = media.of_messages(tx, session.id, [message.id for message in found])
    inside = (
        inline(keeper, [kept[one.id] for one in reversed(found) if one.id in kept])
        if include_media and not deep
        else {}
    )
    links = {known_as: shapes.media_url(session.id, row.message_id) for known_as, row in kept.items()}
    return [
        happenings.message_data(one, own(session.phone), link=links.get(one.id), data=inside.get(one.id))
        for one in found
    ]


def reactions(db: Database, engines: Engines, session_id: str, chat_id: str, message_id: str) -> list[Json]:
    """Who put which emoji on a message, by emoji. Raises NotOnAccount."""
    session, chat, known_as = _target(db, session_id, {"chatId": chat_id, "messageId": message_id})
    by_emoji: dict[str, list[Json]] = {}
    for found in engines.live(session.id).reactions(chat, known_as):
        sender = {"senderId": found.sender, "emoji": found.emoji, "timestamp": found.timestamp}
        by_emoji.setdefault(found.emoji, []).append(sender)
    return [{"emoji": emoji, "senders": senders} for emoji, senders in by_emoji.items()]


def _target(db: Database, session_id: str, body: Json) -> tuple[Session, str, str]:
    """The session, the chat and the WhatsApp id of the message that `body` names, by that id or by ours."""
    with db.read() as tx:
        session = sessions.find(tx, session_id)
        chat = known(tx, session.id, body["chatId"])
        stored = messages.find(tx, session.id, body["messageId"])
    return session, chat, (stored and stored.wa_message_id) or body["messageId"]


def _media(desk: Desk, session: Session, kind: base.MediaKind, body: Json) -> Parcel:
    return pack(desk.keeper.check, session.id, kind, body, mentions=_mentions(desk.db, session.id, body))


def _mentions(db: Database, session_id: str, body: Json) -> tuple[str, ...]:
    with db.read() as tx:
        return tuple(known(tx, session_id, mention) for mention in body.get("mentions", ()))


def _mentioned(mentions: tuple[str, ...]) -> Json | None:
    return {"mentionedIds": list(mentions)} if mentions else None
