"""The virtual contacts: who they are, how they behave, and what they received."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engines import base


def number_of(text: str, digits: int) -> str:
    """A number of so many digits that always is the same for the same text."""
    value = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return str(value % 10**digits).zfill(digits)


def fraction_of(text: str) -> float:
    """A number from 0 up to 1 that always is the same for the same text: chance that can be repeated."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def stanza_of(text: str) -> str:
    """A message id as WhatsApp's web client makes them, always the same for the same text."""
    return "3EB0" + hashlib.sha256(text.encode()).hexdigest()[:18].upper()


def stanza_in(message_id: str) -> str:
    """The id of a message without its direction and chat."""
    return message_id.split("_")[2] if message_id.count("_") >= 2 else message_id


def lid_of(address: str) -> str:
    """The hidden address of a person."""
    return "1" + number_of("lid " + address, 14) + "@lid"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a contact does with what it receives; times are seconds, None is never.

    Delivery is counted from the send, reading from the delivery, an echo is written `writes_for` after the reading.
    """

    name: str
    delivered_after: float | None = 0.2
    read_after: float | None = 1.0
    echoes: bool = False
    writes_for: float = 0.5
    on_whatsapp: bool = True
    refuses_groups: Literal["not_allowed", "invite_required"] | None = None


ORDINARY = Behaviour("ordinary")
BEHAVIOURS = {
    behaviour.name: behaviour
    for behaviour in (
        ORDINARY,
        Behaviour("echo", delivered_after=0.1, read_after=0.2, echoes=True),
        Behaviour("slow", read_after=60.0),
        Behaviour("offline", delivered_after=300.0),
        Behaviour("silent", read_after=None, refuses_groups="invite_required"),
        Behaviour("blocking", delivered_after=None, read_after=None, refuses_groups="not_allowed"),
        Behaviour("absent", delivered_after=None, read_after=None, on_whatsapp=False),
    )
}


@dataclass(slots=True)
class Received:
    """One message as a contact's phone shows it.

    `stanza` is its id without direction and chat; `message` is there as long as the contact has still to do something.
    """

    stanza: str
    session_id: str
    key: str
    chat: str
    type: str
    body: str
    timestamp: int
    receipt: str = "sent"
    edited: bool = False
    revoked: bool = False
    reaction: str = ""
    digest: str | None = None
    size: int | None = None
    message: base.Message | None = None


@dataclass(slots=True)
class Person:
    """A virtual contact.

    A hidden one writes under its hidden id until it is revealed; a listed one is in everybody's address book, any other
    number is a stranger who exists as soon as somebody writes to it. `answers` are the ids of an echo's messages that
    the journal knows, while it is read.
    """

    address: str
    name: str
    behaviour: Behaviour = ORDINARY
    listed: bool = False
    hidden: bool = False
    about: str = "Hey there! I am using WhatsApp."
    business: bool = False
    inbox: OrderedDict[str, Received] = field(default_factory=OrderedDict)
    received: int = 0
    answers: set[str] = field(default_factory=set)

    @property
    def lid(self) -> str:
        return lid_of(self.address)

    @property
    def chat(self) -> str:
        """The address under which this person is met."""
        return self.lid if self.hidden else self.address

    def remember(self, entry: Received, at_most: int) -> None:
        """Put a message into the inbox, dropping the oldest ones beyond `at_most`."""
        self.inbox[entry.stanza] = entry
        self.received += 1
        while len(self.inbox) > at_most:
            self.inbox.popitem(last=False)

    def acknowledged(self, message_ids: Sequence[str], receipt: str) -> None:
        """This person's phone got or showed messages."""
        for message_id in message_ids:
            entry = self.inbox.get(stanza_in(message_id))
            if entry is not None:
                entry.receipt = receipt

    def see(self, stanza: str, event: base.MessageEdited | base.MessageRevoked | base.ReactionReceived) -> None:
        """A message of the inbox was changed by its author, or reacted to."""
        entry = self.inbox.get(stanza)
        match event:
            case _ if entry is None:
                return
            case base.MessageEdited():
                entry.edited, entry.body = True, event.body
            case base.MessageRevoked():
                entry.revoked, entry.body = True, ""
            case base.ReactionReceived():
                entry.reaction = event.emoji


class AddressBook:
    """The contacts that everybody has, a list so that any page of it costs the same."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.listed: list[Person] = []
        self._places: dict[str, int] = {}
        for person in people:
            self.put(person)

    def put(self, person: Person) -> None:
        """Let the person be in it, where whoever had the number was."""
        place = self._places.get(person.address)
        if place is not None:
            self.listed[place] = person
        elif person.listed:
            self._places[person.address] = len(self.listed)
            self.listed.append(person)


_CAST = (
    ("Echo", "echo"),
    ("Sam Slow", "slow"),
    ("Bea Blocking", "blocking"),
    ("Otto Offline", "offline"),
    ("Sil Silent", "silent"),
    ("Ada Lovelace", "ordinary"),
    ("Alan Turing", "ordinary"),
    ("Grace Hopper", "ordinary"),
    ("Katherine Johnson", "ordinary"),
    ("Linus Pauling", "ordinary"),
    ("Mary Seacole", "ordinary"),
    ("Nikola Tesla", "ordinary"),
    ("Hedy Hidden", "ordinary"),
)
ABSENT = "447700900099@c.us"


def cast() -> dict[str, Person]:
    """The contacts every world begins with, by address: numbers that the British regulator keeps for fiction."""
    people = {
        f"4477009000{number:02}@c.us": Person(
            f"4477009000{number:02}@c.us", name, BEHAVIOURS[behaviour], listed=True, hidden=name.endswith("Hidden")
        )
        for number, (name, behaviour) in enumerate(_CAST, 1)
    }
    people[ABSENT] = Person(ABSENT, "Not on WhatsApp", BEHAVIOURS["absent"])
    return people
