"""One account in the virtual world: its chats, what waits for its phone, and what an admin told the network to do."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from engines.base import (
    AddressesLinked,
    Event,
    Message,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    ReactionReceived,
    Sent,
)
from engines.simulator.dispatch import Parcel
from engines.simulator.people import lid_of, number_of

Link = Callable[[Sequence[Parcel]], None]
FaultKind = Literal["refused", "not_connected", "unknown_lost", "unknown_sent", "delay"]

_MESSAGES_PER_CHAT = 2000
_KEYS = 100_000
_IN_FLIGHT = 64  # more sends than this no gateway has under way at once
_NAMES = ("Alex", "Billie", "Charlie", "Dana", "Eli", "Frankie", "Gray", "Harper", "Indigo", "Jules", "Kit", "Lou")


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` sends. `reason` belongs to refused, `seconds` to delay."""

    kind: FaultKind
    times: int = 1
    reason: str = "refused"
    seconds: float = 0.0


@dataclass(slots=True)
class ChatMemory:
    """A chat as the account's phone remembers it. `reactions` is message id → sender → (emoji, epoch seconds)."""

    id: str
    messages: OrderedDict[str, Message] = field(default_factory=OrderedDict)
    unread: int = 0
    marked_unread: bool = False
    archived: bool = False
    pinned: bool = False
    muted_until: int | None = None
    labels: list[str] = field(default_factory=list)
    starred: list[str] = field(default_factory=list)
    reactions: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)

    @property
    def last(self) -> Message | None:
        return next(reversed(self.messages.values()), None)

    def remember(self, message: Message) -> None:
        self.messages[message.id] = message
        self.unread = 0 if message.from_me else self.unread + 1
        while len(self.messages) > _MESSAGES_PER_CHAT:
            gone, _ = self.messages.popitem(last=False)
            self.reactions.pop(gone, None)

    def edit(self, message_id: str, body: str) -> None:
        """Show another text in that message."""
        if message_id in self.messages:
            self.messages[message_id] = replace(self.messages[message_id], body=body)

    def revoke(self, message_id: str) -> None:
        """Show that the message was deleted."""
        if message_id in self.messages:
            message = self.messages[message_id]
            self.messages[message_id] = replace(message, type="revoked", body="", media=None, location=None)

    def react(self, message_id: str, sender: str, emoji: str, timestamp: int) -> None:
        """Show the reaction, or no more when the emoji is empty."""
        reactions = self.reactions.setdefault(message_id, {})
        reactions.pop(sender, None)
        if emoji:
            reactions[sender] = (emoji, timestamp)

    def joined(self, other: "ChatMemory | None", place: str) -> "ChatMemory":
        """This chat with a person and another with the same as one chat at `place`; message ids stay as they are."""
        other = other or ChatMemory(place)
        both = sorted((*self.messages.values(), *other.messages.values()), key=lambda message: message.timestamp)
        return ChatMemory(
            place,
            OrderedDict((message.id, _at(message, self.id, place)) for message in both),
            self.unread + other.unread,
            self.marked_unread or other.marked_unread,
            self.archived and other.archived,
            self.pinned or other.pinned,
            self.muted_until or other.muted_until,
            list(dict.fromkeys((*self.labels, *other.labels))),
            [*self.starred, *other.starred],
            {**self.reactions, **other.reactions},
        )


def _at(message: Message, before: str, place: str) -> Message:
    name = {before: place}
    return replace(
        message,
        chat=place,
        sender=name.get(message.sender, message.sender),
        recipient=name.get(message.recipient, message.recipient),
    )


@dataclass(slots=True, eq=False)
class Account:
    """An account. `mailbox` holds what its engine has not taken yet, by number; `link` is how to reach that engine.

    `unheard` are the last keys sent before the process died: perhaps nobody was there to hear what came of them.
    """

    session_id: str
    phone: str
    name: str
    linked: bool = False
    link: Link | None = None
    about: str = "Hey there! I am using WhatsApp."
    picture: str | None = None
    online: bool = False
    following: set[str] = field(default_factory=set)
    mailbox: OrderedDict[int, Parcel] = field(default_factory=OrderedDict)
    chats: OrderedDict[str, ChatMemory] = field(default_factory=OrderedDict)
    sent: OrderedDict[str, Sent] = field(default_factory=OrderedDict)
    unheard: deque[str] = field(default_factory=lambda: deque(maxlen=_IN_FLIGHT))
    repeats: int = 0
    blocked: set[str] = field(default_factory=set)
    faults: deque[Fault] = field(default_factory=deque)
    calls: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @property
    def address(self) -> str:
        return f"{self.phone}@c.us"

    @property
    def lid(self) -> str:
        return lid_of(self.address)

    def profile(self) -> dict[str, Any]:
        """What the account set for itself, as JSON; `set_profile` reads it back."""
        return {
            "name": self.name,
            "about": self.about,
            "picture": self.picture,
            "blocked": sorted(self.blocked),
            "following": sorted(self.following),
        }

    def set_profile(self, profile: dict[str, Any]) -> None:
        self.name, self.about, self.picture = profile["name"], profile["about"], profile["picture"]
        self.blocked, self.following = set(profile["blocked"]), set(profile["following"])

    def chat(self, address: str) -> ChatMemory:
        """The chat of that address, opened if there is none."""
        memory = self.chats.get(address)
        if memory is None:
            memory = self.chats[address] = ChatMemory(address)
            self.chats.move_to_end(address, last=False)  # until somebody writes there
        return memory

    def remember(self, message: Message) -> None:
        """Show a message; its chat is now the one written to last, which stands at the end."""
        self.chat(message.chat).remember(message)
        self.chats.move_to_end(message.chat)

    def holds(self, chat: str, message_id: str) -> bool:
        """Whether the message is in that chat."""
        memory = self.chats.get(chat)
        return memory is not None and message_id in memory.messages

    def show(self, event: Event) -> None:
        """Let the phone show what came in, or what the account did."""
        match event:
            case MessageReceived(message):
                self.remember(message)
            case MessageEdited(message_id, chat, _, body):
                self.chat(chat).edit(message_id, body)
            case MessageRevoked(message_id, chat):
                self.chat(chat).revoke(message_id)
            case ReactionReceived(message_id, chat, sender, emoji, timestamp):
                self.chat(chat).react(message_id, sender, emoji, timestamp)
            case AddressesLinked(lid, phone):
                self.meet(lid, phone)
            case _:
                pass

    def meet(self, lid: str, phone: str) -> None:
        """Whoever was at a hidden address is at the phone's: two chats become one, where the later of them stood."""
        hidden = self.chats.get(lid)
        if hidden is None:
            return
        whole = hidden.joined(self.chats.get(phone), phone)
        order = dict.fromkeys(reversed([phone if one == lid else one for one in self.chats]))
        self.chats = OrderedDict((one, whole if one == phone else self.chats[one]) for one in reversed(order))

    def remember_key(self, key: str, sent: Sent) -> None:
        """Know the send of that key again, as long as it is among the latest."""
        self.sent[key] = sent
        while len(self.sent) > _KEYS:
            self.sent.popitem(last=False)

    def waiting(self, at_most: int = 100) -> Iterator[Parcel]:
        """What its engine has not taken yet, oldest first."""
        return islice(self.mailbox.values(), at_most)

    def next_fault(self) -> Fault | None:
        """What is to happen to the send that begins now; counts it."""
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.times -= 1
        if fault.times <= 0:
            self.faults.popleft()
        return fault


def new_account(session_id: str) -> Account:
    """An account with the phone number and the name that this session has in every world.

    No country has the code 999, so the number is nobody's.
    """
    name = _NAMES[int(number_of("name " + session_id, 4)) % len(_NAMES)]
    return Account(session_id, "999" + number_of("phone " + session_id, 9), f"{name} ({session_id[:8]})")
