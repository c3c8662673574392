"""Addresses in the one form under which a session knows whom or what they name: as written, and as engines report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engines import addresses, base
from storage import identities
from storage.db import Tx
from storage.messages import Message

_ONE = ("chat", "sender", "participant", "author", "caller")
_SEVERAL = ("promoted", "demoted")


def known(tx: Tx, session_id: str, written: str) -> str:
    """The one address of whom or what `written` names, in any form. Raises BadAddress."""
    return identities.known(tx, session_id, addresses.parse(written))


def phones_of(tx: Tx, session_id: str, found: Iterable[str]) -> dict[str, str]:
    """The phone's addresses of those among these that are hidden ones of people whose number the session knows."""
    return identities.phones(tx, session_id, [one for one in found if addresses.is_hidden(one)])


def details(rows: Iterable[Message]) -> set[str]:
    """Addresses of people in what is kept of messages besides their columns: who is mentioned, who reacted."""
    found: set[str] = set()
    for row in rows:
        kept = row.metadata
        if kept and ("mentionedIds" in kept or "reactions" in kept):
            found.update(kept.get("mentionedIds", ()), kept.get("reactions", ()))
    return found


def heard(tx: Tx, session_id: str, found: Sequence[base.Message]) -> list[base.Message]:
    """Messages as an engine remembers them, everybody called as the session knows them."""
    told = [base.MessageReceived(message) for message in found]
    phones = phones_of(tx, session_id, {one for event in told for one in named(event)})
    return [renamed_message(message, phones) for message in found] if phones else list(found)


def named(event: base.Event) -> Iterable[str]:
    """Every address that an event names."""
    match event:
        case base.MessageReceived(message):
            yield from (message.chat, message.sender, message.recipient, *message.mentions)
            if message.quote:
                yield message.quote.author
        case base.GroupChanged(_, _, participants, author, _, details):
            yield from (*participants, author or "")
            for name in _SEVERAL:
                yield from details.get(name, ())
        case _:
            yield from (getattr(event, name) for name in _ONE if hasattr(event, name))


def renamed(event: base.Event, phones: Mapping[str, str]) -> base.Event:
    """The event with these hidden addresses as the phone's."""

    def name(one: str) -> str:
        return phones.get(one, one)

    match event:
        case base.MessageReceived(message):
            return base.MessageReceived(renamed_message(message, phones))
        case base.GroupChanged(_, _, participants, author, _, details):
            changed = {several: [name(one) for one in details[several]] for several in _SEVERAL if several in details}
            return replace(
                event,
                participants=tuple(name(one) for one in participants),
                author=author and name(author),
                details={**details, **changed},
            )
        case _:
            values: dict[str, Any] = {one: name(getattr(event, one)) for one in _ONE if hasattr(event, one)}
            return replace(event, **values)


def renamed_message(message: base.Message, phones: Mapping[str, str]) -> base.Message:
    """The message with these hidden addresses as the phone's."""

    def name(one: str) -> str:
        return phones.get(one, one)

    return replace(
        message,
        chat=name(message.chat),
        sender=name(message.sender),
        recipient=name(message.recipient),
        sender_lid=message.sender if message.sender in phones else message.sender_lid,
        mentions=tuple(name(one) for one in message.mentions),
        quote=message.quote and replace(message.quote, author=name(message.quote.author)),
    )
