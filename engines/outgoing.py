"""What is sent: one message to one chat, and what WhatsApp said of it."""

from dataclasses import dataclass
from typing import Literal

MediaKind = Literal["image", "video", "audio", "voice", "document", "sticker"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most 4096 characters, with the addresses it mentions."""

    body: str
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes to send: `path` is a file of ours that holds exactly `size` bytes; the engine never opens another."""

    kind: MediaKind
    path: str
    size: int
    mimetype: str
    filename: str | None = None
    caption: str | None = None
    mentions: tuple[str, ...] = ()
    view_once: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """A point, in degrees."""

    latitude: float
    longitude: float
    description: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ContactCard:
    """A person's name and phone number (digits)."""

    name: str
    number: str


@dataclass(frozen=True, slots=True)
class Poll:
    """A question with 2 to 12 options."""

    name: str
    options: tuple[str, ...]
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Forward:
    """A message of `from_chat` passed on as it is."""

    from_chat: str
    message_id: str


@dataclass(frozen=True, slots=True)
class StatusText:
    """A text status; background is `#RRGGBB`, font WhatsApp's number of it."""

    body: str
    background: str | None = None
    font: int | None = None


StatusContent = StatusText | Media


@dataclass(frozen=True, slots=True)
class Status:
    """A status post, for these people or for whom the account's own settings name."""

    content: StatusContent
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductCard:
    """A product of the account's shop, with a text."""

    product_id: str
    body: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogCard:
    """The account's whole shop, with a text."""

    body: str | None = None


Content = Text | Media | Location | ContactCard | Poll | Forward | Status | ProductCard | CatalogCard


@dataclass(frozen=True, slots=True)
class Quote:
    """The message a reply answers: its WhatsApp id, its author's address and its text."""

    message_id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one chat. `key` is our own id of the send: an engine that can derives the WhatsApp id from it."""

    key: str
    chat: str
    content: Content
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """WhatsApp took the message: its id there, and when (epoch seconds)."""

    message_id: str
    timestamp: int
