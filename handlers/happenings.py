"""What happened, as an event of the log: OpenWA's payload and idempotency key, and the chat it belongs to.

Pure functions from what an engine reports, or what is stored, to `storage.events.Draft`. Reported again, a happening
gives the same key, and so the same event. Typing is no event: it is over before anyone reads of it.
"""

from typing import Any

from engines import addresses, base
from handlers.shapes import moment
from storage.events import Draft, digest
from storage.messages import Message

Json = dict[str, Any]
_ACK = {"failed": -1, "pending": 0, "sent": 1, "delivered": 2, "read": 3}
STATUS_LASTS = 24 * 3_600_000  # milliseconds
_MEDIA = ("image", "video", "audio", "voice", "document", "sticker")


def heard(session_id: str, message: base.Message, *, own: str = "", link: str | None = None) -> list[Draft]:
    """A message that an engine reports, whoever wrote it; a contact's status is told as a status as well.

    `own` is the account's address, `link` where the message's media is fetched.
    """
    if message.from_me:
        return [message_sent(session_id, message, own=own, link=link)]
    told = [message_received(session_id, message, own=own, link=link)]
    return (
        [*told, status_received(session_id, message, kept=link is not None)]
        if message.chat == addresses.STATUS
        else told
    )


def message_received(session_id: str, message: base.Message, *, own: str = "", link: str | None = None) -> Draft:
    """Somebody wrote to the account."""
    return _message(session_id, "message.received", message_data(message, own, link=link))


def message_sent(session_id: str, message: base.Message, *, own: str = "", link: str | None = None) -> Draft:
    """The account wrote a message on another of its devices: what engines report with `from_me`."""
    return _message(session_id, "message.sent", message_data(message, own, link=link))


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
    at = moment(
        event.timestamp * 1000 + event.milliseconds
    )  # WhatsApp's time, not ours: the same reaction reported twice is one
    return Draft("message.reaction", f"react_{session_id}_{event.message_id}_{event.sender}_{at}", data, event.chat)


def poll_vote(session_id: str, event: base.PollVoted) -> Draft:
    """Somebody chose these options of a poll, in place of those before."""
    data = {
        "messageId": event.message_id,
        "chatId": event.chat,
        "senderId": event.sender,
        "options": list(event.options),
        "timestamp": event.timestamp,
    }
    return _other(session_id, "message.poll_vote", data, event.chat)


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


def status_received(session_id: str, message: base.Message, *, kept: bool) -> Draft:
    """A contact posted a status, whose media, if any, is `kept`; `caption` is the text of one that is only text."""
    posted = message.timestamp * 1000
    data = {
        "sessionId": session_id,
        "statusId": message.id,
        "contact": {"id": message.sender, **_given(pushName=message.push_name)},
        "type": message.type if message.type in ("text", "image", "video") else "unknown",
        **_given(caption=message.body or None),
        "hasMedia": kept,
        "mediaOmitted": message.media is not None and not kept,
        "postedAt": moment(posted),
        "expiresAt": moment(posted + STATUS_LASTS),
    }
    return _other(session_id, "status.received", data, addresses.STATUS)


def presence_update(session_id: str, event: base.PresenceChanged, now: int) -> Draft:
    """A contact came online or went; engines do not tell when, so it is now."""
    data = {
        "contactId": event.sender,
        "isOnline": event.online,
        "lastSeen": event.last_seen,
        "timestamp": now // 1000,
    }
    return _other(session_id, "presence.update", data, event.sender)


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


def message_data(message: base.Message, own: str, *, link: str | None = None, data: str | None = None) -> Json:
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
    if addresses.is_hidden(message.sender):
        shown["isLidSender"] = True
    elif message.sender_lid:
        shown["senderLid"] = message.sender_lid
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
