"""What happened, as an event of the log: OpenWA's payload and idempotency key, and the chat it belongs to.

Pure functions from what an engine reports, or what is stored, to `storage.events.Draft`. Reported again, a happening
gives the same key, and so the same event. Typing and presence are no events: they are over before anyone reads them.
"""

from typing import Any

from engines import addresses, base
from handlers.shapes import moment
from storage.events import Draft, digest
from storage.messages import Message

Json = dict[str, Any]
_ACK = {"failed": -1, "pending": 0, "sent": 1, "delivered": 2, "read": 3}
_REMEDIES = {
    "outdated": "outdated: WhatsApp takes this version of the engine no more; upgrade the gateway",
    "replaced": "replaced: the same device was connected somewhere else; start the session to take it back",
    "logged_out": "logged_out: the device was unlinked; start the session and link it anew",
    "engine_missing": "engine_missing: the engine's packages are not installed or cannot be loaded",
    "store_damaged": "store_damaged: the session's credentials cannot be read; delete the session and link it anew",
}
_MEDIA = ("image", "video", "audio", "voice", "document", "sticker")


def message_received(session_id: str, message: base.Message, *, own: str = "", link: str | None = None) -> Draft:
    """Somebody wrote to the account, whose address is `own`; `link` is where its media is fetched."""
    return _message(session_id, "message.received", heard(message, own, link=link))


def message_sent(session_id: str, message: base.Message, *, own: str = "", link: str | None = None) -> Draft:
    """The account wrote a message on another of its devices: what engines report with `from_me`."""
    return _message(session_id, "message.sent", heard(message, own, link=link))


def own_send(session_id: str, row: Message, wa_message_id: str, timestamp: int) -> Draft:
    """A send of ours was taken by WhatsApp under that id; its echo from the engine is the same event."""
    stored = row.metadata or {}
    shown: Json = {
        "id": wa_message_id,
        "from": row.sender,
        "to": row.recipient,
        "chatId": row.chat_id,
        "body": row.body or "",
        "type": row.type,
        "timestamp": timestamp,
        "fromMe": True,
        **_place(row.chat_id),
    }
    for name in ("mentionedIds", "quotedMessage", "location"):
        if stored.get(name):
            shown[name] = stored[name]
    if stored.get("media"):
        shown["media"] = {**_named(stored["media"]), "omitted": True}
    return _message(session_id, "message.sent", shown)


def receipt(session_id: str, row: Message) -> list[Draft]:
    """A message of ours moved to the status its row now has: an ack, and for a failure the failure as well."""
    ack = {"id": row.wa_message_id, "messageId": row.wa_message_id, "status": row.status, "ack": _ACK[row.status]}
    drafts = [Draft("message.ack", f"ack_{session_id}_{row.wa_message_id}_{row.status}", ack, row.chat_id)]
    return [*drafts, message_failed(session_id, row)] if row.status == "failed" else drafts


def message_failed(session_id: str, row: Message, error: str | None = None, code: str | None = None) -> Draft:
    """A send certainly did not happen, or WhatsApp says so later. Known by our own id where it never got another."""
    known_as = row.wa_message_id or row.id
    data: Json = {"id": known_as, "messageId": known_as, "status": "failed", "ack": _ACK["failed"]}
    data |= _given(error=error, code=code)
    return Draft("message.failed", f"failed_{session_id}_{known_as}_failed", data, row.chat_id)


def message_unknown(session_id: str, row: Message, error: str | None = None) -> Draft:
    """Nobody can say whether this send happened; it is not repeated. `id` is our own, WhatsApp's is not known."""
    data = {"id": row.id, "chatId": row.chat_id, "type": row.type, "status": "unknown", **_given(error=error)}
    return Draft("message.unknown", f"unknown_{session_id}_{row.id}", data, row.chat_id)


def message_edited(session_id: str, event: base.MessageEdited, row: Message | None, *, own: str = "") -> Draft:
    """A message has a new text; `row` is the message where it is stored: what it was, and whose."""
    from_me = row.direction == "outgoing" if row else event.sender == own
    place = _place(event.chat)
    data: Json = {
        "messageId": event.message_id,
        "chatId": event.chat,
        "body": event.body,
        "senderId": event.sender,
        "from": event.chat if place["isGroup"] and not from_me else event.sender,
        "to": event.chat if from_me else row.recipient if row else own or event.chat,
        "fromMe": from_me,
        "isGroup": place["isGroup"],
        "type": row.type if row else "text",
        "hasMedia": row is not None and row.type in _MEDIA,
        "timestamp": event.timestamp,
    }
    if place["isGroup"]:
        data["author"] = event.sender
    return _other(session_id, "message.edited", data, event.chat)


def message_revoked(session_id: str, event: base.MessageRevoked, *, own: str = "") -> Draft:
    """A message was deleted for everyone. `id` is the message's, so that whoever looks by it finds what is gone."""
    data = {
        "id": event.message_id,
        "revokedId": event.message_id,
        "chatId": event.chat,
        "from": event.sender,
        "to": event.chat if event.from_me else own or event.chat,
        "type": "revoked",
        "body": "",
        "timestamp": event.timestamp,
    }
    return Draft("message.revoked", f"rev_{session_id}_{event.message_id}", data, event.chat)


def message_reaction(session_id: str, event: base.ReactionReceived, reactions: dict[str, str]) -> Draft:
    """Somebody put an emoji on a message or took it back; `reactions` are all of them after that, by sender."""
    data = {
        "messageId": event.message_id,
        "chatId": event.chat,
        "reaction": event.emoji,
        "senderId": event.sender,
        "reactions": reactions,
    }
    at = moment(event.timestamp * 1000)  # WhatsApp's time, not ours: the same reaction reported twice is one
    return Draft("message.reaction", f"react_{session_id}_{event.message_id}_{event.sender}_{at}", data, event.chat)


def session_changed(session_id: str, event: base.StateChanged, now: int) -> list[Draft]:
    """The session is in another state: its status, and what that means: authenticated, or disconnected."""
    drafts = [session_status(session_id, event.state, event.reason, now, until=event.until)]
    if event.state == "ready":
        drafts.append(session_authenticated(session_id, event.phone, event.push_name, now))
    elif event.state in ("disconnected", "failed"):
        drafts.append(session_disconnected(session_id, event.reason, now))
    return drafts


def why(event: base.StateChanged) -> str | None:
    """The reason for people who look at the session: the stable word, and what it takes to get out of it."""
    if event.reason == "banned" and event.until:
        return f"banned until {moment(event.until * 1000)}"
    return _REMEDIES.get(event.reason or "", event.reason)


def session_status(session_id: str, status: str, reason: str | None, now: int, *, until: int | None = None) -> Draft:
    """The session's status; `reason` is a stable word where there is one, `until` (epoch seconds) ends a ban."""
    ends = moment(until * 1000) if until else None
    data = {"sessionId": session_id, "status": status, **_given(reason=reason, until=ends)}
    return Draft("session.status", f"sess_{session_id}_{status}_{moment(now)}", data)


def session_authenticated(session_id: str, phone: str | None, push_name: str | None, now: int) -> Draft:
    """The account is linked and connected."""
    data = {"sessionId": session_id, "phone": phone, "pushName": push_name}
    return Draft("session.authenticated", f"auth_{session_id}_{digest(data)}_{moment(now)}", data)


def session_disconnected(session_id: str, reason: str | None, now: int) -> Draft:
    """The connection is gone: stopped, lost, or ended by WhatsApp."""
    reason = reason or "stopped"
    data = {"sessionId": session_id, "reason": reason}
    return Draft("session.disconnected", f"disc_{session_id}_{digest(reason)}_{moment(now)}", data)


def session_qr(session_id: str, picture: str) -> Draft:
    """There is a new code to scan; `picture` is its PNG data URL, as `handlers.sessions.png` makes it."""
    return Draft("session.qr", f"qr_{session_id}_{digest(picture)}", {"sessionId": session_id, "qr": picture})


def group_changed(session_id: str, event: base.GroupChanged) -> Draft:
    """People came to a group or left it, or its face or its admins changed; `changes` says what, in an update."""
    data: Json = {
        "groupId": event.chat,
        "kind": event.change,
        "participantIds": list(event.participants),
        "timestamp": event.timestamp,
        **_given(actorId=event.author, changes=event.details or None),
    }
    return _other(session_id, f"group.{event.change}", data, event.chat)


def call_received(session_id: str, event: base.CallReceived) -> Draft:
    """Somebody calls; the call can be refused while it rings."""
    data = {
        "callId": event.call_id,
        "from": event.caller,
        "isVideo": event.video,
        "isGroup": event.group,
        "timestamp": event.timestamp,
    }
    return _other(session_id, "call.received", data, event.caller)


def contact_linked(session_id: str, event: base.AddressesLinked) -> Draft:
    """A hidden address turned out to belong to a phone number: from now on the person is known by the latter."""
    return _other(session_id, "contact.linked", {"lid": event.lid, "phone": event.phone}, event.phone)


def webhook_disabled(session_id: str, webhook_id: str, url: str, reason: str, now: int) -> Draft:
    """We no longer deliver to an endpoint: it is gone (410), or has failed for too long."""
    data = {"webhookId": webhook_id, "url": url, "reason": reason, "disabledAt": moment(now)}
    return _other(session_id, "webhook.disabled", data, None)


def _message(session_id: str, kind: str, data: Json) -> Draft:
    return Draft(kind, f"msg_{session_id}_{data['id']}", data, data["chatId"])


def _other(session_id: str, kind: str, data: Json, chat_id: str | None) -> Draft:
    """Events without a key of their own form. The session is hashed along: two in one group are told the same."""
    return Draft(kind, f"evt_{kind.replace('.', '_')}_{digest({**data, 'sessionId': session_id})}", data, chat_id)


def heard(message: base.Message, own: str, *, link: str | None = None, data: str | None = None) -> Json:
    """MessageData: a message as an engine tells it; `data` is its media in base64 where that is to be inside."""
    place = _place(message.chat)
    shared = message.chat != message.sender and (place["isGroup"] or place["isStatusBroadcast"])
    shown: Json = {
        "id": message.id,
        "from": message.chat if shared and not message.from_me else message.sender,
        "to": message.chat if message.from_me else message.recipient or own or message.chat,
        "chatId": message.chat,
        "body": message.body,
        "type": message.type,
        "timestamp": message.timestamp,
        "fromMe": message.from_me,
        **place,
    }
    if shared:
        shown["author"] = message.sender
    if message.mentions:
        shown["mentionedIds"] = list(message.mentions)
    if message.sender.endswith("@lid"):
        shown["isLidSender"] = True
    if message.push_name:
        shown["contact"] = {"pushName": message.push_name}
    if message.media:
        media = {"mimetype": message.media.mimetype, **_given(filename=message.media.filename)}
        inside = {"omitted": True} if data is None else {"data": data}
        shown["media"] = {**media, **inside, "sizeBytes": message.media.size, **_given(url=link)}
    if message.quote:
        shown["quotedMessage"] = {"id": message.quote.message_id, "body": message.quote.body}
    if message.location:
        point = message.location
        shown["location"] = {"latitude": point.latitude, "longitude": point.longitude} | _given(
            description=point.description, address=point.address
        )
    return shown


def _place(chat: str) -> dict[str, bool]:
    return {"isGroup": addresses.is_group(chat), "isStatusBroadcast": chat == addresses.STATUS}


def _named(media: Json) -> Json:
    return {name: media[name] for name in ("mimetype", "filename", "sizeBytes", "url") if media.get(name) is not None}


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}
