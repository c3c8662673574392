"""What the verbs of `engines.verbs` answer, in plain data. Addresses are neutral ones, times are epoch seconds."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reaction:
    """One person's emoji on a message."""

    emoji: str
    sender: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Contact:
    """A person. `name` is what the account calls them, `push_name` what they call themselves.

    `id` is the phone address where it is known, else the hidden one; `number` is its digits ("" while unknown).
    """

    id: str
    number: str
    name: str | None = None
    push_name: str | None = None
    lid: str | None = None
    is_my_contact: bool = False
    is_blocked: bool = False
    is_business: bool = False
    about: str | None = None


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """Whether a number (digits) is on WhatsApp, and its address there."""

    number: str
    exists: bool
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a group."""

    id: str
    number: str
    name: str | None = None
    is_admin: bool = False
    is_super_admin: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A group. `is_admin` is about the account; announce: only admins write; locked: only admins edit its face."""

    id: str
    name: str
    participants: tuple[Participant, ...]
    description: str | None = None
    owner: str | None = None
    created_at: int | None = None
    announce: bool = False
    locked: bool = False
    is_admin: bool = False
    linked_parent: str | None = None


@dataclass(frozen=True, slots=True)
class GroupSettings:
    announce: bool
    locked: bool
    ephemeral_seconds: int


ParticipantOutcome = Literal[
    "ok", "not_on_whatsapp", "already_in_group", "not_in_group", "not_allowed", "invite_required", "failed"
]


@dataclass(frozen=True, slots=True)
class ParticipantResult:
    """What became of one participant of a request, in the order asked."""

    id: str
    outcome: ParticipantOutcome

    @property
    def success(self) -> bool:
        return self.outcome == "ok"


@dataclass(frozen=True, slots=True)
class Label:
    """A label; the colour is `#RRGGBB`."""

    id: str
    name: str
    color: str


@dataclass(frozen=True, slots=True)
class Channel:
    id: str
    name: str
    description: str | None = None
    invite_code: str | None = None
    subscribers: int | None = None
    verified: bool = False
    created_at: int | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    id: str
    body: str
    timestamp: int
    has_media: bool = False


@dataclass(frozen=True, slots=True)
class StatusPost:
    """A status of a contact, or the account's own. `type` is text, image or video; it is gone at `expires_at`."""

    id: str
    sender: str
    type: str
    timestamp: int
    expires_at: int
    from_me: bool = False
    sender_name: str | None = None
    body: str | None = None
    background: str | None = None
    font: int | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    id: str
    name: str
    product_count: int
    url: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """Something for sale; the price is in thousandths of the currency (ISO 4217)."""

    id: str
    name: str
    price_1000: int
    currency: str
    url: str
    description: str | None = None
    image_url: str | None = None
    is_available: bool = True
    retailer_id: str | None = None
