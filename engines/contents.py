"""What is sent, as JSON and back: a queued send outlives the process that took it."""

from dataclasses import asdict
from typing import Any

from engines.base import ContactCard, Content, Forward, Location, Media, Poll, Quote, Text

_KINDS: dict[str, type[Any]] = {
    "text": Text,
    "media": Media,
    "location": Location,
    "contact": ContactCard,
    "poll": Poll,
    "forward": Forward,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dump(content: Content, quote: Quote | None = None) -> dict[str, Any]:
    """The content, and the message it answers, as JSON."""
    fields = {name: value for name, value in asdict(content).items() if value is not None}
    return {"content": _NAMES[type(content)], **fields, **({"quote": asdict(quote)} if quote else {})}


def load(stored: dict[str, Any]) -> tuple[Content, Quote | None]:
    """What `dump` gave. Raises KeyError or TypeError for what it never gave."""
    fields = {
        name: tuple(v) if isinstance(v, list) else v for name, v in stored.items() if name not in ("content", "quote")
    }
    content: Content = _KINDS[stored["content"]](**fields)
    return content, Quote(**stored["quote"]) if "quote" in stored else None
