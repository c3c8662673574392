"""Which events a webhook wants: by name, and by conditions on the message, all of which must hold."""

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]

_WHOLE = frozenset({"message.received", "message.sent"})  # events that carry a whole message: every field applies
_FIELDS: dict[str, tuple[str, Callable[[Data], Any]]] = {
    "sender": ("from", lambda data: [data.get("author") or data.get("from")]),
    "recipient": ("to", lambda data: [data.get("to")]),
    "mentions": ("mentionedIds", lambda data: data.get("mentionedIds") or []),
    "type": ("type", lambda data: [data.get("type")]),
    "body": ("body", lambda data: data.get("body") or ""),
    "isGroup": ("isGroup", lambda data: bool(data.get("isGroup"))),
    "fromMe": ("fromMe", lambda data: bool(data.get("fromMe"))),
    "hasMedia": ("media", lambda data: isinstance(data.get("media"), Mapping)),
}


def wants(hook: Any, event: str, data: Data) -> bool:
    """Whether the webhook (its `events` and `filters`) wants this event.

    A condition on a field that the event does not carry is skipped: a filter on senders lets session events pass.
    """
    if event not in hook.events and "*" not in hook.events:
        return False
    conditions = (hook.filters or {}).get("conditions", ())
    return all(_holds(condition, event, data) for condition in conditions)


def _holds(condition: Mapping[str, Any], event: str, data: Data) -> bool:
    carried, read = _FIELDS[condition["field"]]
    if event not in _WHOLE and not (event.startswith("message.") and carried in data):
        return True
    found, wanted = read(data), condition["value"]
    match condition["operator"]:
        case "contains" | "equals" as operator:
            text, part = (found, wanted) if condition.get("caseSensitive") else (found.casefold(), wanted.casefold())
            return bool(part in text if operator == "contains" else part == text)
        case "isNot":
            return not set(found) & set(wanted)
        case _ if isinstance(wanted, bool):
            return bool(found is wanted)
        case _:
            return bool(set(found) & set(wanted))
