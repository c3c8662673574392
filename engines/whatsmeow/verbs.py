"""The verbs of `engines.base.Engine` and `engines.verbs`, each a question to the worker."""

from collections.abc import Sequence

from engines import addresses, base
from engines.things import (
    Channel,
    ChannelMessage,
    Contact,
    Group,
    GroupSettings,
    NumberCheck,
    ParticipantResult,
    Reaction,
    StatusPost,
)
from engines.verbs import ParticipantChange
from engines.whatsmeow.cannot import Cannot
from engines.whatsmeow.engine import Core


class Whatsmeow(Core, Cannot):
    """`engines.base.Engine`, and of `engines.verbs` all families but labels and catalogues."""

    def send(self, message: base.Outgoing) -> base.Sent:
        """Send. The same key again is the same message: nobody gets anything more."""
        content = message.content
        return self._ask(
            base.Sent,
            "send",
            self._upload_seconds(content),
            key=message.key,
            chat=addresses.parse(message.chat),
            kind=type(content).__name__,
            content=content,
            quote=message.quote,
        )

    # --- messages

    def react(self, chat: str, message_id: str, emoji: str) -> None:
        self._do("react", chat=chat, message_id=message_id, emoji=emoji)

    def reactions(self, chat: str, message_id: str) -> list[Reaction]:
        return self._ask(list[Reaction], "reactions", chat=chat, message_id=message_id)

    def edit(self, chat: str, message_id: str, body: str) -> base.Sent:
        return self._ask(base.Sent, "edit", chat=chat, message_id=message_id, body=body)

    def revoke(self, chat: str, message_id: str, *, for_everyone: bool = True) -> None:
        self._do("revoke", chat=chat, message_id=message_id, for_everyone=for_everyone)

    def history(self, chat: str, limit: int) -> list[base.Message]:
        """What passed this session; media is not kept."""
        return self._ask(list[base.Message], "history", chat=chat, limit=limit)

    # --- chats

    def chats(self, limit: int = 1000, offset: int = 0) -> list[base.Chat]:
        return self._ask(list[base.Chat], "chats", limit=limit, offset=offset)

    def typing(self, chat: str, state: base.ChatState) -> None:
        self._do("typing", chat=chat, state=state)

    def mark_read(self, chat: str) -> bool:
        return self._ask(bool, "mark_read", chat=chat)

    def set_presence(self, *, online: bool) -> None:
        self._do("set_presence", online=online)

    def watch_presence(self, address: str) -> None:
        """Have PresenceChanged reported for a person from now on."""
        self._do("watch_presence", address=address)

    # --- people

    def contacts(self, limit: int = 1000, offset: int = 0) -> list[Contact]:
        return self._ask(list[Contact], "contacts", limit=limit, offset=offset)

    def contact(self, address: str) -> Contact:
        return self._ask(Contact, "contact", address=address)

    def check_numbers(self, numbers: Sequence[str]) -> list[NumberCheck]:
        return self._ask(list[NumberCheck], "check_numbers", numbers=list(numbers))

    def picture_url(self, address: str) -> str | None:
        return self._ask_maybe(str, "picture_url", address=address)

    def phone_of(self, address: str) -> str | None:
        return self._ask_maybe(str, "phone_of", address=address)

    def blocked(self) -> list[str]:
        """The addresses that may not write."""
        return self._ask(list[str], "blocked")

    def block(self, address: str) -> None:
        self._do("block", address=address)

    def unblock(self, address: str) -> None:
        self._do("unblock", address=address)

    # --- groups

    def groups(self, limit: int = 1000, offset: int = 0) -> list[Group]:
        return self._ask(list[Group], "groups", limit=limit, offset=offset)

    def group(self, group_id: str) -> Group:
        return self._ask(Group, "group", group_id=group_id)

    def create_group(self, subject: str, participants: Sequence[str]) -> Group:
        return self._ask(Group, "create_group", subject=subject, participants=list(participants))

    def change_participants(
        self, group_id: str, change: ParticipantChange, participants: Sequence[str]
    ) -> list[ParticipantResult]:
        return self._ask(
            list[ParticipantResult],
            "change_participants",
            group_id=group_id,
            change=change,
            participants=list(participants),
        )

    def set_group_subject(self, group_id: str, subject: str) -> None:
        self._do("set_group_subject", group_id=group_id, subject=subject)

    def set_group_description(self, group_id: str, description: str) -> None:
        self._do("set_group_description", group_id=group_id, description=description)

    def group_settings(self, group_id: str) -> GroupSettings:
        return self._ask(GroupSettings, "group_settings", group_id=group_id)

    def set_group_settings(
        self,
        group_id: str,
        *,
        announce: bool | None = None,
        locked: bool | None = None,
        ephemeral_seconds: int | None = None,
    ) -> GroupSettings:
        return self._ask(
            GroupSettings,
            "set_group_settings",
            group_id=group_id,
            announce=announce,
            locked=locked,
            ephemeral_seconds=ephemeral_seconds,
        )

    def invite_code(self, group_id: str) -> str:
        return self._ask(str, "invite_code", group_id=group_id, revoke=False)

    def revoke_invite(self, group_id: str) -> str:
        return self._ask(str, "invite_code", group_id=group_id, revoke=True)

    def join_group(self, code: str) -> Group:
        return self._ask(Group, "join_group", code=code)

    def leave_group(self, group_id: str) -> None:
        self._do("leave_group", group_id=group_id)

    # --- channels

    def channels(self) -> list[Channel]:
        return self._ask(list[Channel], "channels")

    def channel(self, channel_id: str) -> Channel:
        return self._ask(Channel, "channel", channel_id=channel_id)

    def channel_messages(self, channel_id: str, limit: int) -> list[ChannelMessage]:
        return self._ask(list[ChannelMessage], "channel_messages", channel_id=channel_id, limit=limit)

    def follow_channel(self, invite_code: str) -> Channel:
        return self._ask(Channel, "follow_channel", invite_code=invite_code)

    def unfollow_channel(self, channel_id: str) -> None:
        self._do("unfollow_channel", channel_id=channel_id)

    # --- status posts

    def statuses(self) -> list[StatusPost]:
        return self._ask(list[StatusPost], "statuses")

    def post_status(self, key: str, content: base.StatusContent, recipients: Sequence[str] = ()) -> StatusPost:
        """Post for whom the privacy settings of the account name. Raises NotSupported for chosen recipients."""
        if recipients:
            raise base.NotSupported("This engine cannot choose who sees a status: the account's privacy settings do")
        seconds, kind = self._upload_seconds(content), type(content).__name__
        return self._ask(StatusPost, "post_status", seconds, key=key, kind=kind, what=content)

    def delete_status(self, status_id: str) -> None:
        self._do("delete_status", status_id=status_id)

    # --- profile and calls

    def set_profile_name(self, name: str) -> None:
        self._do("set_profile_name", name=name)

    def set_about(self, text: str) -> None:
        self._do("set_about", text=text)

    def set_picture(self, path: str | None) -> None:
        """A JPEG file of ours. Raises NotSupported for None: neonize cannot take the picture away."""
        self._do("set_picture", path=path)

    def reject_call(self, call_id: str) -> None:
        self._do("reject_call", call_id=call_id)
