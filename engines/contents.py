"""What is sent, as JSON and back: a queued send outlives the process that took it. And which verb sends it."""

from dataclasses import asdict
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
        return {"kind": "status", "content": dump(content.content), "recipients": list(content.recipients)}
    fields = {name: value for name, value in asdict(content).items() if value is not None}
    return {"kind": _NAMES[type(content)], **fields, **({"quote": asdict(quote)} if quote else {})}


def load(stored: dict[str, Any]) -> tuple[Content, Quote | None]:
    """What `dump` gave. Raises KeyError or TypeError for what it never gave."""
    if stored["kind"] == "status":
        content: Any = load(stored["content"])[0]
        return Status(content, tuple(stored["recipients"])), None
    fields = {
        name: tuple(v) if isinstance(v, list) else v for name, v in stored.items() if name not in ("kind", "quote")
    }
    return _KINDS[stored["kind"]](**fields), Quote(**stored["quote"]) if "quote" in stored else None


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
