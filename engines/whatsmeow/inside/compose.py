"""From what shall be sent (`engines.base`) to WhatsApp's message."""

import re
from typing import Any

from neonize.proto.waE2E import WAWebProtobufsE2E_pb2 as e2e
from neonize.utils.enum import VoteType

from engines import addresses, base
from engines.whatsmeow import ids
from engines.whatsmeow.inside import content, media
from engines.whatsmeow.inside.notebook import Notebook
from engines.whatsmeow.inside.people import People

_VOICE = "audio/ogg; codecs=opus"


class Composer:
    """Writes messages for one account; media is uploaded on the way."""

    def __init__(self, client: Any, people: People, notebook: Notebook, media_cap: int) -> None:
        self._client, self._people, self._notebook, self._cap = client, people, notebook, media_cap

    def compose(self, chat: str, what: base.Content, quote: base.Quote | None) -> Any:
        """The message. Raises NotOnAccount for an unknown message to forward, Refused for media too large."""
        context = e2e.ContextInfo()
        match what:
            case base.Text():
                message = self._text(what, context, quoted=quote is not None)
            case base.Media():
                message = self._media(what, context)
            case base.Location():
                message = self._location(what)
            case base.ContactCard():
                card = e2e.ContactMessage(displayName=what.name, vcard=vcard(what.name, what.number))
                message = e2e.Message(contactMessage=card)
            case base.Poll():
                kind = VoteType.MULTIPLE if what.multiple else VoteType.SINGLE
                message = self._client.build_poll_vote_creation(what.name, list(what.options), kind)
            case base.Forward():
                message = self._forward(what, context)
        if quote:
            self._quote(chat, quote, context)
        return _with_context(message, context)

    def text(self, body: str) -> Any:
        """A plain text, as an edit needs it."""
        return e2e.Message(conversation=body)

    def _text(self, what: base.Text, context: Any, *, quoted: bool) -> Any:
        self._mention(what.mentions, context)
        if not what.mentions and not quoted:
            return e2e.Message(conversation=what.body)
        return e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text=what.body))

    def _mention(self, mentions: tuple[str, ...], context: Any) -> None:
        context.mentionedJID.extend(self._people.wire_text(addresses.parse(address)) for address in mentions)

    def _location(self, what: base.Location) -> Any:
        point = e2e.LocationMessage(
            degreesLatitude=what.latitude,
            degreesLongitude=what.longitude,
            name=what.description or "",
            address=what.address or "",
        )
        return e2e.Message(locationMessage=point)

    def _media(self, what: base.Media, context: Any) -> Any:
        self._mention(what.mentions, context)
        data = media.read(what.path, what.size, self._cap)
        sent = media.upload(self._client, what.kind, data)
        facts = {
            "URL": sent.url,
            "directPath": sent.DirectPath,
            "mediaKey": sent.MediaKey,
            "fileEncSHA256": sent.FileEncSHA256,
            "fileSHA256": sent.FileSHA256,
            "fileLength": sent.FileLength,
            "mimetype": what.mimetype,
        }
        message = getattr(self, f"_{what.kind}")(what, data, facts)
        return _once(message) if what.view_once else message

    def _image(self, what: base.Media, data: bytes, facts: dict[str, Any]) -> Any:
        return e2e.Message(imageMessage=e2e.ImageMessage(**facts, **_face(data), **_caption(what)))

    def _video(self, what: base.Media, _: bytes, facts: dict[str, Any]) -> Any:
        return e2e.Message(videoMessage=e2e.VideoMessage(**facts, **_caption(what)))

    def _audio(self, _: base.Media, data: bytes, facts: dict[str, Any]) -> Any:
        return e2e.Message(audioMessage=e2e.AudioMessage(**facts, seconds=media.ogg_seconds(data)))

    def _voice(self, _: base.Media, data: bytes, facts: dict[str, Any]) -> Any:
        facts["mimetype"] = _VOICE if facts["mimetype"].startswith("audio/ogg") else facts["mimetype"]
        return e2e.Message(audioMessage=e2e.AudioMessage(**facts, PTT=True, seconds=media.ogg_seconds(data)))

    def _document(self, what: base.Media, _: bytes, facts: dict[str, Any]) -> Any:
        name = what.filename or "file"
        inner = e2e.Message(documentMessage=e2e.DocumentMessage(**facts, fileName=name, title=name, **_caption(what)))
        if not what.caption:
            return inner
        return e2e.Message(documentWithCaptionMessage=e2e.FutureProofMessage(message=inner))

    def _sticker(self, _: base.Media, data: bytes, facts: dict[str, Any]) -> Any:
        face = _face(data)
        face.pop("JPEGThumbnail", None)
        return e2e.Message(stickerMessage=e2e.StickerMessage(**facts, **face))

    def _forward(self, what: base.Forward, context: Any) -> Any:
        kept = self._notebook.find(what.from_chat, ids.stanza(what.message_id))
        if kept is None:
            raise base.NotOnAccount(f"Message {what.message_id} not found in {what.from_chat}")
        message = e2e.Message.FromString(kept.content)
        message.ClearField("messageContextInfo")
        found = content.said(message)
        known = content.context(found.part) if found else None
        context.isForwarded = True
        context.forwardingScore = (known.forwardingScore if known else 0) + 1
        if message.HasField("conversation"):
            return e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text=message.conversation))
        if known is not None:
            known.Clear()
        return message

    def _quote(self, chat: str, quote: base.Quote, context: Any) -> None:
        stanza = ids.stanza(quote.message_id)
        kept = self._notebook.find(chat, stanza)
        context.stanzaID = stanza
        context.participant = self._people.wire_text(addresses.parse(kept.sender if kept else quote.author))
        if kept is None:
            context.quotedMessage.conversation = quote.body
            return
        context.quotedMessage.ParseFromString(kept.content)
        context.quotedMessage.ClearField("messageContextInfo")
        found = content.said(context.quotedMessage)
        inner = content.context(found.part) if found else None
        if inner is not None:
            inner.Clear()


def _with_context(message: Any, context: Any) -> Any:
    """Put the context where the message's content is, also inside an envelope."""
    if not context.ListFields():
        return message
    inner = content.unwrapped(message)
    if inner.HasField("conversation"):
        inner.extendedTextMessage.text = inner.conversation
        inner.ClearField("conversation")
    found = content.said(inner)
    if found is not None and found.part is not None and hasattr(found.part, "contextInfo"):
        found.part.contextInfo.MergeFrom(context)
    return message


def _once(message: Any) -> Any:
    """A message that can be opened once: the flag alone is not enough, the envelope makes it."""
    for name in ("imageMessage", "videoMessage", "audioMessage"):
        if message.HasField(name):
            getattr(message, name).viewOnce = True
            wrapper = "viewOnceMessageV2Extension" if name == "audioMessage" else "viewOnceMessageV2"
            return e2e.Message(**{wrapper: e2e.FutureProofMessage(message=message)})
    raise base.NotSupported("Only images, videos and recordings can be sent to be viewed once")


def _face(data: bytes) -> dict[str, Any]:
    seen = media.picture(data)
    return {"width": seen[0], "height": seen[1], "JPEGThumbnail": seen[2]} if seen else {}


def _caption(what: base.Media) -> dict[str, Any]:
    return {"caption": what.caption} if what.caption else {}


def vcard(name: str, number: str) -> str:
    """A vCard of one name and one number (digits); nothing in the name can add lines to it."""
    safe = re.sub(r"([\\;,])", r"\\\1", re.sub(r"\s+", " ", name)).strip()
    return f"BEGIN:VCARD\nVERSION:3.0\nFN:{safe}\nTEL;type=CELL;type=VOICE;waid={number}:+{number}\nEND:VCARD"
