"""What every engine is: one linked WhatsApp account, asked in plain data and answering in plain data.

An engine speaks the neutral address dialect of `engines.addresses` (`<digits>@c.us`, `<id>@g.us`, `<lid>@lid`)
and knows nothing of HTTP, rows or webhooks. What happens on the account leaves it through its `Sink`.

A session's life, as the engine reports it with `StateChanged`:

    start() ──> initializing ──> qr_ready ──> authenticating ──> ready
                     │  ^            │               │             │
                     │  └────────────┴── a lost connection: disconnected, retried by the engine itself
                     └──> failed     (terminal: logged out, banned, replaced, outdated; `reason` says which)
    stop() ──> disconnected          (credentials stay)
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

State = Literal["created", "initializing", "qr_ready", "authenticating", "ready", "disconnected", "failed"]
Receipt = Literal["sent", "delivered", "read", "failed"]
MediaKind = Literal["image", "video", "audio", "voice", "document", "sticker"]
ChatState = Literal["typing", "recording", "paused"]


class Capability(enum.StrEnum):
    """What an operation may need of an engine; `x-capability` in the document names one."""

    PAIRING_CODE = "pairing_code"
    MEDIA = "media"
    LOCATION = "location"
    CONTACT_CARD = "contact_card"
    POLL = "poll"
    REACTION = "reaction"
    REACTIONS_LIST = "reactions_list"
    EDIT = "edit"
    REVOKE = "revoke"
    DELETE_FOR_ME = "delete_for_me"
    FORWARD = "forward"
    LIVE_HISTORY = "live_history"
    MARK_READ = "mark_read"
    MARK_UNREAD = "mark_unread"
    DELETE_CHAT = "delete_chat"
    ARCHIVE = "archive"
    PIN = "pin"
    MUTE = "mute"
    STAR = "star"
    TYPING = "typing"
    PRESENCE = "presence"
    CONTACTS = "contacts"
    BLOCK = "block"
    GROUPS = "groups"
    LABELS = "labels"
    CHANNELS = "channels"
    STATUS_POST = "status_post"
    STATUS_READ = "status_read"
    CATALOG = "catalog"
    PROFILE = "profile"
    CALL_REJECT = "call_reject"
    PROXY = "proxy"


# --- what goes out -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most 4096 characters, with the addresses it mentions."""

    body: str
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes to send: `path` is a file of ours that holds exactly `size` bytes; the engine never opens another."""

    kind: MediaKind
    path: str
    size: int
    mimetype: str
    filename: str | None = None
    caption: str | None = None
    mentions: tuple[str, ...] = ()
    view_once: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """A point, in degrees."""

    latitude: float
    longitude: float
    description: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ContactCard:
    """A person's name and phone number (digits)."""

    name: str
    number: str


@dataclass(frozen=True, slots=True)
class Poll:
    """A question with 2 to 12 options."""

    name: str
    options: tuple[str, ...]
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Forward:
    """A message of `from_chat` passed on as it is."""

    from_chat: str
    message_id: str


Content = Text | Media | Location | ContactCard | Poll | Forward


@dataclass(frozen=True, slots=True)
class Quote:
    """The message a reply answers: its WhatsApp id, its author's address and its text."""

    message_id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one chat. `key` is our own id of the send: an engine that can derives the WhatsApp id from it."""

    key: str
    chat: str
    content: Content
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """WhatsApp took the message: its id there, and when (epoch seconds)."""

    message_id: str
    timestamp: int


# --- what comes in -------------------------------------------------------------------------------


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
    """`sender` put `emoji` on a message; an empty emoji takes it back."""

    message_id: str
    chat: str
    sender: str
    emoji: str
    timestamp: int


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


# --- what is asked -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Qr:
    """The newest code to scan and its last moment (epoch milliseconds)."""

    text: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as the account sees it; `timestamp` is that of the last message (epoch seconds)."""

    id: str
    name: str
    is_group: bool
    unread_count: int
    timestamp: int
    last_message: str | None = None


# --- what goes wrong -----------------------------------------------------------------------------


class EngineError(Exception):
    """The engine could not do it; the message is for the caller. What was asked did not happen."""

    code = "engine_error"


class NotStarted(EngineError):
    """No engine runs for the session; start it first."""

    code = "not_started"


class NotConnected(EngineError):
    """The account is not connected right now."""

    code = "not_connected"


class NotSupported(EngineError):
    """This engine cannot do that at all."""

    code = "not_supported"


class NotOnAccount(EngineError):
    """The message, contact, chat, group or channel asked for does not exist on the account."""

    code = "not_on_account"


class Refused(EngineError):
    """WhatsApp refused, and asking again does not help before something changes. `reason` is a stable word."""

    code = "refused_by_whatsapp"

    def __init__(self, message: str, reason: str = "refused") -> None:
        super().__init__(message)
        self.reason = reason


class WrongState(EngineError):
    """The session's state does not allow it (already linked, no code yet)."""

    code = "wrong_state"


class OutcomeUnknown(EngineError):
    """The engine went away, or did not answer in time: it may have happened. Never repeat by yourself."""

    code = "outcome_unknown"


def error_of(code: str, message: str) -> EngineError:
    """The error with this code, made again from what was stored of it."""
    made: type[EngineError] = next((cls for cls in EngineError.__subclasses__() if cls.code == code), EngineError)
    return made(message)


@dataclass(frozen=True, slots=True)
class Account:
    """Which account an engine serves, and where it may keep its credentials (a directory of its own, 0700)."""

    session_id: str
    name: str
    directory: str
    proxy_url: str | None = None
    config: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Engine(Protocol):
    """One session's engine. Every method may be called from any thread; each asks at most `deadline` seconds.

    `start` returns at once: progress is reported through the sink, `initializing` before it returns. After `stop`,
    `kill` or `logout` returned, the sink is called no more.
    """

    capabilities: frozenset[Capability]

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def logout(self) -> None: ...
    def qr(self) -> Qr: ...
    def pairing_code(self, phone: str) -> str: ...
    def send(self, message: Outgoing) -> Sent: ...
    def chats(self) -> list[Chat]: ...
    def typing(self, chat: str, state: ChatState) -> None: ...


EngineFactory = Callable[[Account, Sink], Engine]
