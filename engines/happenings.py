"""What happens on an account: the events that an engine gives to its sink."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engines.outgoing import Location, Quote, Sent

State = Literal["created", "initializing", "qr_ready", "authenticating", "ready", "disconnected", "failed"]
Receipt = Literal["sent", "delivered", "read", "failed"]
ChatState = Literal["typing", "recording", "paused"]


@dataclass(frozen=True, slots=True)
class IncomingMedia:
    """Media of a message: `path` is a file the gateway takes over, or None where the bytes were left out."""

    mimetype: str
    size: int
    filename: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message on the account, whoever wrote it. `timestamp` is epoch seconds, addresses are neutral.

    `type` is a wire literal: text, image, video, audio, voice, document, sticker, location, contact, poll, unknown.
    `sender` is the person, also in a group; `chat` is where it was written.
    """

    id: str
    chat: str
    sender: str
    type: str
    body: str
    timestamp: int
    from_me: bool = False
    recipient: str = ""
    push_name: str | None = None
    sender_lid: str | None = None
    mentions: tuple[str, ...] = ()
    quote: Quote | None = None
    media: IncomingMedia | None = None
    location: Location | None = None
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The session is now in `state`. `reason` is a stable word (logged_out, banned, replaced, outdated, network …).

    `until` is when a ban ends (epoch seconds).
    """

    state: State
    reason: str | None = None
    phone: str | None = None
    push_name: str | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class QrChanged:
    """A new code to scan: its text, and when it stops being valid (epoch milliseconds)."""

    text: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class MessageReceived:
    message: Message


@dataclass(frozen=True, slots=True)
class ReceiptReceived:
    """`participant` got or read our messages; delivery only moves forward, whoever reports it."""

    message_ids: tuple[str, ...]
    chat: str
    receipt: Receipt
    participant: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class MessageEdited:
    message_id: str
    chat: str
    sender: str
    body: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class MessageRevoked:
    """Deleted for everyone; `id` is the revocation's own id where the engine has one."""

    message_id: str
    chat: str
    sender: str
    timestamp: int
    from_me: bool = False
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ReactionReceived:
    """`sender` put `emoji` on a message; an empty emoji takes it back.

    `milliseconds` (0 to 999) tell two of one second apart.
    """

    message_id: str
    chat: str
    sender: str
    emoji: str
    timestamp: int
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class TypingChanged:
    chat: str
    sender: str
    state: ChatState


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """`change` is join, leave or update; `participants` are the people it is about."""

    chat: str
    change: Literal["join", "leave", "update"]
    participants: tuple[str, ...]
    author: str | None
    timestamp: int
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallReceived:
    call_id: str
    caller: str
    timestamp: int
    video: bool = False
    group: bool = False


@dataclass(frozen=True, slots=True)
class SendFinished:
    """A send whose outcome nobody was there to hear did go out: `key` is that of its `Outgoing`."""

    key: str
    sent: Sent


@dataclass(frozen=True, slots=True)
class PollVoted:
    """`sender` now chooses these options of a poll; an option that cannot be named is the hex of its SHA-256."""

    message_id: str
    chat: str
    sender: str
    options: tuple[str, ...]
    timestamp: int


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """`sender` came online or went; `last_seen` is epoch seconds where it is told."""

    sender: str
    online: bool
    last_seen: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryProgress:
    """Old messages are arriving; `percent` of them are here."""

    percent: int


@dataclass(frozen=True, slots=True)
class AddressesLinked:
    """`lid` and `phone` (both addresses) are one person."""

    lid: str
    phone: str


Event = (
    StateChanged
    | QrChanged
    | MessageReceived
    | ReceiptReceived
    | MessageEdited
    | MessageRevoked
    | ReactionReceived
    | TypingChanged
    | GroupChanged
    | CallReceived
    | SendFinished
    | PollVoted
    | PresenceChanged
    | HistoryProgress
    | AddressesLinked
)

Sink = Callable[[Sequence[Event]], None]
"""Takes events of one session, oldest first, from any thread of the engine.

Returns once all of them are committed, raises where none is. An engine forgets an event only after its sink returned.
"""
