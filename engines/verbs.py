"""What a session may be asked beyond `engines.base.Engine`: one protocol per family of operations.

An engine implements the families its capabilities name; `Everything` is an engine with all of them. Every verb may be
called from any thread and raises NotConnected while the account is not connected, NotSupported where the engine cannot
do it at all, NotOnAccount for what does not exist there, Refused when WhatsApp says no, and OutcomeUnknown when nobody
knows whether it happened. Addresses are neutral ones (`engines.addresses`), times are epoch seconds.

What the gateway itself asked for is not reported back as an event: its answer is the return of the verb.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from engines.base import Chat, Engine, Message, Sent, StatusContent
from engines.things import (
    Catalog,
    Channel,
    ChannelMessage,
    Contact,
    Group,
    GroupSettings,
    Label,
    NumberCheck,
    ParticipantResult,
    Product,
    Reaction,
    StatusPost,
)

ParticipantChange = Literal["add", "remove", "promote", "demote"]


@runtime_checkable
class MessageVerbs(Protocol):
    """Messages that are there already. Message ids are those of `Message.id` and `Sent.message_id`."""

    def react(self, chat: str, message_id: str, emoji: str) -> None: ...  # an empty emoji takes the reaction back
    def reactions(self, chat: str, message_id: str) -> list[Reaction]: ...
    def edit(self, chat: str, message_id: str, body: str) -> Sent: ...  # the id stays; Refused: not_own_message
    def revoke(self, chat: str, message_id: str, *, for_everyone: bool = True) -> None: ...
    def star(self, chat: str, message_id: str, *, starred: bool) -> None: ...
    def history(self, chat: str, limit: int) -> list[Message]: ...  # the newest `limit`, oldest first


@runtime_checkable
class ChatVerbs(Protocol):
    """Chats as wholes. True where something changed."""

    def mark_read(self, chat: str) -> bool: ...
    def mark_unread(self, chat: str) -> bool: ...
    def delete_chat(self, chat: str) -> bool: ...
    def archive(self, chat: str, *, archived: bool) -> bool: ...
    def pin(self, chat: str, *, pinned: bool) -> bool: ...
    def mute(self, chat: str, until: int | None) -> bool: ...  # epoch seconds, None: hear it again
    def set_presence(self, *, online: bool) -> None: ...


@runtime_checkable
class ContactVerbs(Protocol):
    """People."""

    def contacts(self, limit: int = 1000, offset: int = 0) -> list[Contact]: ...  # always in the same order
    def contact(self, address: str) -> Contact: ...
    def check_numbers(self, numbers: Sequence[str]) -> list[NumberCheck]: ...  # digits; answers in the same order
    def picture_url(self, address: str) -> str | None: ...  # of a person or a group
    def phone_of(self, address: str) -> str | None: ...  # digits, None while a hidden person is not known
    def block(self, address: str) -> None: ...
    def unblock(self, address: str) -> None: ...


@runtime_checkable
class GroupVerbs(Protocol):
    """Groups. Refused with reason not_admin or not_a_participant where the account may not."""

    def groups(self, limit: int = 1000, offset: int = 0) -> list[Group]: ...  # always in the same order
    def group(self, group_id: str) -> Group: ...
    def create_group(self, subject: str, participants: Sequence[str]) -> Group: ...
    def change_participants(
        self, group_id: str, change: ParticipantChange, participants: Sequence[str]
    ) -> list[ParticipantResult]: ...
    def set_group_subject(self, group_id: str, subject: str) -> None: ...
    def set_group_description(self, group_id: str, description: str) -> None: ...
    def group_settings(self, group_id: str) -> GroupSettings: ...
    def set_group_settings(
        self,
        group_id: str,
        *,
        announce: bool | None = None,
        locked: bool | None = None,
        ephemeral_seconds: int | None = None,
    ) -> GroupSettings: ...
    def invite_code(self, group_id: str) -> str: ...
    def revoke_invite(self, group_id: str) -> str: ...  # the new code
    def join_group(self, code: str) -> Group: ...  # NotOnAccount for a code that is not valid
    def leave_group(self, group_id: str) -> None: ...


@runtime_checkable
class LabelVerbs(Protocol):
    """Labels of a business account."""

    def labels(self) -> list[Label]: ...
    def label(self, label_id: str) -> Label: ...
    def chat_labels(self, chat: str) -> list[Label]: ...
    def add_label(self, chat: str, label_id: str) -> None: ...
    def remove_label(self, chat: str, label_id: str) -> None: ...


@runtime_checkable
class ChannelVerbs(Protocol):
    """Channels (newsletters) that the account follows."""

    def channels(self) -> list[Channel]: ...
    def channel(self, channel_id: str) -> Channel: ...
    def channel_messages(self, channel_id: str, limit: int) -> list[ChannelMessage]: ...  # newest first
    def follow_channel(self, invite_code: str) -> Channel: ...
    def unfollow_channel(self, channel_id: str) -> None: ...


@runtime_checkable
class StatusVerbs(Protocol):
    """Status posts (stories); they last 24 hours."""

    def statuses(self) -> list[StatusPost]: ...  # of everybody, newest first
    def post_status(self, key: str, content: StatusContent, recipients: Sequence[str] = ()) -> StatusPost: ...
    def delete_status(self, status_id: str) -> None: ...


@runtime_checkable
class CatalogVerbs(Protocol):
    """The catalogue of a business account. `key` is as in `Outgoing`."""

    def catalog(self) -> Catalog | None: ...
    def products(self, page: int, limit: int) -> tuple[list[Product], int]: ...  # pages from 1; and how many in all
    def product(self, product_id: str) -> Product | None: ...
    def send_product(self, key: str, chat: str, product_id: str, body: str | None = None) -> Sent: ...
    def send_catalog(self, key: str, chat: str, body: str | None = None) -> Sent: ...


@runtime_checkable
class ProfileVerbs(Protocol):
    """How the account shows itself."""

    def set_profile_name(self, name: str) -> None: ...
    def set_about(self, text: str) -> None: ...
    def set_picture(self, path: str | None) -> None: ...  # a file of ours, None: no picture


@runtime_checkable
class CallVerbs(Protocol):
    """Calls that come in."""

    def reject_call(self, call_id: str) -> None: ...  # NotOnAccount for a call that does not ring


@runtime_checkable
class Everything(
    Engine,
    MessageVerbs,
    ChatVerbs,
    ContactVerbs,
    GroupVerbs,
    LabelVerbs,
    ChannelVerbs,
    StatusVerbs,
    CatalogVerbs,
    ProfileVerbs,
    CallVerbs,
    Protocol,
):
    """An engine that can do everything."""


__all__ = ["Chat", "Everything", "ParticipantChange"]
