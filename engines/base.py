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
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from engines.happenings import (
    AddressesLinked,
    CallReceived,
    ChatState,
    Event,
    GroupChanged,
    HistoryProgress,
    IncomingMedia,
    Message,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    PollVoted,
    PresenceChanged,
    QrChanged,
    ReactionReceived,
    Receipt,
    ReceiptReceived,
    SendFinished,
    Sink,
    State,
    StateChanged,
    TypingChanged,
)
from engines.outgoing import (
    CatalogCard,
    ContactCard,
    Content,
    Forward,
    Location,
    Media,
    MediaKind,
    Outgoing,
    Poll,
    ProductCard,
    Quote,
    Sent,
    Status,
    StatusContent,
    StatusText,
    Text,
)
from engines.refusals import (
    EngineError,
    NotConnected,
    NotOnAccount,
    NotStarted,
    NotSupported,
    OutcomeUnknown,
    Refused,
    WrongState,
    error_of,
)

__all__ = [
    "Account",
    "AddressesLinked",
    "CallReceived",
    "Capability",
    "CatalogCard",
    "Chat",
    "ChatState",
    "ContactCard",
    "Content",
    "Engine",
    "EngineError",
    "EngineFactory",
    "Event",
    "Forward",
    "GroupChanged",
    "HistoryProgress",
    "IncomingMedia",
    "Location",
    "Media",
    "MediaKind",
    "Message",
    "MessageEdited",
    "MessageReceived",
    "MessageRevoked",
    "NotConnected",
    "NotOnAccount",
    "NotStarted",
    "NotSupported",
    "OutcomeUnknown",
    "Outgoing",
    "Poll",
    "PollVoted",
    "PresenceChanged",
    "ProductCard",
    "Qr",
    "QrChanged",
    "Quote",
    "ReactionReceived",
    "Receipt",
    "ReceiptReceived",
    "Refused",
    "SendFinished",
    "Sent",
    "Sink",
    "State",
    "StateChanged",
    "Status",
    "StatusContent",
    "StatusText",
    "Text",
    "TypingChanged",
    "WrongState",
    "error_of",
]


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
    def chats(self, limit: int = 1000, offset: int = 0) -> list[Chat]: ...  # the one written to last first
    def typing(self, chat: str, state: ChatState) -> None: ...


EngineFactory = Callable[[Account, Sink], Engine]
