"""Message ids: outside `<true|false>_<chat>_<stanza>[_<author in a group>]`, on the wire the stanza's id alone."""

from engines import addresses


def outward(stanza: str, chat: str, author: str, *, from_me: bool) -> str:
    """The id that API users see."""
    tail = "" if chat.endswith(("@c.us", "@lid", "@newsletter")) else f"_{author}"
    return f"{'true' if from_me else 'false'}_{chat}_{stanza}{tail}"


def stanza(message_id: str) -> str:
    """The wire's id in either form."""
    parts = message_id.split("_")
    return parts[2] if len(parts) > 2 and parts[0] in ("true", "false") else message_id


def from_me(message_id: str) -> bool | None:
    """Whether the account wrote it, None where the id does not say."""
    return {"true": True, "false": False}.get(message_id.partition("_")[0])


def author(message_id: str) -> str | None:
    """The author's address where the id tells it (groups)."""
    parts = message_id.split("_")
    return addresses.parse(parts[3]) if len(parts) > 3 else None
