"""What engines report, in the one form of each address: a hidden one becomes the phone's, where that is known.

Engines learn who is who at any time, and say so by themselves or by naming both addresses of a sender.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from engines import addresses, base
from handlers.identity import named, renamed
from storage import identities, messages
from storage.db import Tx

_MOST = 100_000


class Settled(NamedTuple):
    """A batch in one form. `linked` are people who had a history under the hidden address; `phones` what is known."""

    events: list[base.Event]
    linked: list[base.AddressesLinked]
    phones: dict[str, str]


class Identities:
    """What one gateway remembers of who is who, so that hardly any message costs a look-up."""

    def __init__(self) -> None:
        self._phones: dict[tuple[str, str], str] = {}
        self._merged: dict[str, dict[str, str]] = {}

    def settle(self, tx: Tx, session_id: str, batch: Sequence[base.Event], now: int) -> Settled:
        """Learn what the batch says of who is who, move what was stored, and call everybody by their one address."""
        links = self._links(session_id, batch)
        linked = [link for link in links if identities.link(tx, session_id, link.lid, link.phone, now)]
        told: list[base.Event] = [event for event in batch if not isinstance(event, base.AddressesLinked)]
        phones = {link.lid: link.phone for link in links}
        hidden = {one for event in told for one in named(event) if addresses.is_hidden(one)} - phones.keys()
        phones |= {lid: self._phones[session_id, lid] for lid in hidden if (session_id, lid) in self._phones}
        phones |= identities.phones(tx, session_id, list(hidden - phones.keys()))
        if phones:
            told = [renamed(event, phones) for event in told]
        if linked:
            self._merged.pop(session_id, None)
        return Settled(self._with_old_ids(tx, session_id, told, keep=not linked), linked, phones)

    def remember(self, session_id: str, settled: Settled) -> None:
        """It was committed."""
        if len(self._phones) > _MOST:
            self._phones.clear()
            self._merged.clear()
        self._phones.update({(session_id, lid): phone for lid, phone in settled.phones.items()})

    def _links(self, session_id: str, batch: Sequence[base.Event]) -> list[base.AddressesLinked]:
        """What is new of what the batch says."""
        said: dict[str, str] = {}
        for event in batch:
            match event:
                case base.AddressesLinked(lid, phone):
                    said[lid] = phone
                case base.MessageReceived(base.Message(sender=phone, sender_lid=str(lid))) if addresses.phone(phone):
                    said[lid] = phone
        return [
            base.AddressesLinked(lid, phone)
            for lid, phone in said.items()
            if self._phones.get((session_id, lid)) != phone
        ]

    def _with_old_ids(self, tx: Tx, session_id: str, batch: list[base.Event], *, keep: bool) -> list[base.Event]:
        """Messages that were stored while their chat or author was hidden keep the ids they had then."""
        merged = self._merged.get(session_id)
        if merged is None:
            merged = identities.merged(tx, session_id)
            if keep:  # what this transaction itself has written may yet be rolled back
                self._merged[session_id] = merged
        if not merged:
            return batch
        ids = {one: _old_id(one, merged) for event in batch for one in _message_ids(event)}
        stored = messages.stored(tx, session_id, [before for one, before in ids.items() if before != one])
        old = {one: before for one, before in ids.items() if before in stored}
        if not old:
            return batch
        return [_with_ids(event, lambda one: old.get(one, one)) for event in batch]


def _old_id(message_id: str, merged: dict[str, str]) -> str:
    return "_".join(merged.get(part, part) for part in message_id.split("_"))


def _message_ids(event: base.Event) -> Iterable[str]:
    match event:
        case base.MessageReceived(message):
            yield message.id
        case base.ReceiptReceived(message_ids):
            yield from message_ids
        case base.MessageEdited() | base.MessageRevoked() | base.ReactionReceived() | base.PollVoted():
            yield event.message_id


def _with_ids(event: base.Event, name: Callable[[str], str]) -> base.Event:
    match event:
        case base.MessageReceived(message):
            return base.MessageReceived(replace(message, id=name(message.id)))
        case base.ReceiptReceived(message_ids):
            return replace(event, message_ids=tuple(name(one) for one in message_ids))
        case base.MessageEdited() | base.MessageRevoked() | base.ReactionReceived() | base.PollVoted():
            return replace(event, message_id=name(event.message_id))
        case _:
            return event
