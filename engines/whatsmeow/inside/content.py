"""What a WhatsApp message says: its kind, text, quote, mentions, place. No network, no state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engines import base

_WRAPPERS = (
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "deviceSentMessage",
    "editedMessage",
    "botInvokeMessage",
    "groupMentionedMessage",
    "lottieStickerMessage",
    "associatedChildMessage",
)
_POLLS = ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "pollCreationMessageV5")


def _vcards(part: Any) -> str:
    return "\n".join(card.vcard for card in part.contacts)


_Text = Callable[[Any], str]
_KINDS: tuple[tuple[str, str, _Text], ...] = (
    ("conversation", "text", str),
    ("extendedTextMessage", "text", lambda part: part.text),
    ("imageMessage", "image", lambda part: part.caption),
    ("videoMessage", "video", lambda part: part.caption),
    ("ptvMessage", "video", lambda part: part.caption),
    ("audioMessage", "audio", lambda _: ""),
    ("documentMessage", "document", lambda part: part.caption),
    ("stickerMessage", "sticker", lambda _: ""),
    ("locationMessage", "location", lambda part: part.name or part.address or part.comment),
    ("liveLocationMessage", "location", lambda part: part.caption),
    ("contactMessage", "contact", lambda part: part.vcard),
    ("contactsArrayMessage", "contact", _vcards),
    *((name, "poll", lambda part: part.name) for name in _POLLS),
    ("buttonsResponseMessage", "text", lambda part: part.selectedDisplayText),
    ("templateButtonReplyMessage", "text", lambda part: part.selectedDisplayText),
    ("listResponseMessage", "text", lambda part: part.title),
    ("buttonsMessage", "text", lambda part: part.contentText),
    ("listMessage", "text", lambda part: part.description),
    ("groupInviteMessage", "text", lambda part: part.caption),
)
_SILENT = (
    "senderKeyDistributionMessage",
    "fastRatchetKeySenderKeyDistributionMessage",
    "messageContextInfo",
    "protocolMessage",
    "stickerSyncRmrMessage",
    "keepInChatMessage",
    "pinInChatMessage",
    "encReactionMessage",
    "placeholderMessage",
)
_MEDIA = ("image", "video", "audio", "voice", "document", "sticker")


@dataclass(frozen=True, slots=True)
class Said:
    """The essence of a message: `part` is the protobuf that carries it, `body` its text."""

    type: str
    body: str
    part: Any

    @property
    def has_media(self) -> bool:
        return self.type in _MEDIA


def unwrapped(message: Any) -> Any:
    """The message inside its envelopes (view once, ephemeral, with caption …)."""
    for _ in range(8):
        for wrapper in _WRAPPERS:
            if message.HasField(wrapper):
                message = getattr(message, wrapper).message
                break
        else:
            return message
    return message


def said(message: Any) -> Said | None:
    """What an unwrapped message says; None where it is machinery that no person wrote."""
    present = [field.name for field, _ in message.ListFields()]
    for name, kind, text in _KINDS:
        if name in present:
            part = getattr(message, name)
            return Said("voice" if kind == "audio" and part.PTT else kind, text(part), part)
    if all(name in _SILENT for name in present):
        return None
    return Said("unknown", "", None)


def poll_options(message: Any) -> list[str]:
    """The options of a poll, [] where it is none."""
    for name in _POLLS:
        if message.HasField(name):
            return [option.optionName for option in getattr(message, name).options]
    return []


def context(part: Any) -> Any:
    """The context (quote, mentions) of a part that has one."""
    known = part is not None and not isinstance(part, str) and "contextInfo" in part.DESCRIPTOR.fields_by_name
    return part.contextInfo if known and part.HasField("contextInfo") else None


def place(found: Said) -> base.Location | None:
    """The point of a location message."""
    if found.type != "location":
        return None
    name, address = getattr(found.part, "name", ""), getattr(found.part, "address", "")
    return base.Location(found.part.degreesLatitude, found.part.degreesLongitude, name or None, address or None)


def media(found: Said, path: str | None) -> base.IncomingMedia | None:
    """What is told about the media, with the file it was put into."""
    if not found.has_media:
        return None
    name = getattr(found.part, "fileName", "") or getattr(found.part, "title", "")
    mimetype = found.part.mimetype or "application/octet-stream"
    return base.IncomingMedia(mimetype, int(found.part.fileLength), name or None, path)
