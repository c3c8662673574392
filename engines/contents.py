"""What is sent, as JSON and back: a queued send outlives the process that took it. And which verb sends it."""

from dataclasses import asdict, replace
from typing import Any

from engines.base import (
    CatalogCard,
    ContactCard,
    Content,
    Forward,
    Location,
    Media,
    Outgoing,
    Poll,
    ProductCard,
    Quote,
    Sent,
    Status,
    StatusText,
    Text,
)
from engines.verbs import Everything

_KINDS: dict[str, type[Any]] = {
    "text": Text,
    "media": Media,
    "location": Location,
    "contact": ContactCard,
    "poll": Poll,
    "forward": Forward,
    "status_text": StatusText,
    "product": ProductCard,
    "catalog": CatalogCard,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dump(content: Content | StatusText, quote: Quote | None = None) -> dict[str, Any]:
    """The content, and the message it answers, as JSON."""
    if isinstance(content, Status):
        return {"is": "status", "content": dump(content.content), "recipients": list(content.recipients)}
    fields = {name: value for name, value in asdict(content).items() if value is not None}
    return {"is": _NAMES[type(content)], **fields, **({"quote": asdict(quote)} if quote else {})}


def load(stored: dict[str, Any]) -> tuple[Content, Quote | None]:
    """What `dump` gave. Raises KeyError or TypeError for what it never gave."""
    if stored["is"] == "status":
        content: Any = load(stored["content"])[0]
        return Status(content, tuple(stored["recipients"])), None
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items() if name not in ("is", "quote")}
    return _KINDS[stored["is"]](**fields), Quote(**stored["quote"]) if "quote" in stored else None


def media_of(content: Content | None) -> Media | None:
    """The media that is to be sent, also as a status; None where there is none."""
    inner = content.content if isinstance(content, Status) else content
    return inner if isinstance(inner, Media) else None


def with_media(content: Content, media: Media) -> Content:
    """The content with other media in its place."""
    return replace(content, content=media) if isinstance(content, Status) else media


def hand_over(engine: Everything, message: Outgoing) -> Sent:
    """Send, by the verb of the engine that is for it; raises what that does."""
    match message.content:
        case Status(content, recipients):
            post = engine.post_status(message.key, content, recipients)
            return Sent(post.id, post.timestamp)
        case ProductCard(product_id, body):
            return engine.send_product(message.key, message.chat, product_id, body)
        case CatalogCard(body):
            return engine.send_catalog(message.key, message.chat, body)
        case _:
            return engine.send(message)
