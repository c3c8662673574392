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
    StatusContent,
    StatusPost,
)
from engines.verbs import ParticipantChange
from engines.whatsmeow.engine import Core

_NO_APP_STATE = "This engine cannot change the account's settings of a chat or message"


class Whatsmeow(Core):
    """`engines.base.Engine`, and of `engines.verbs` the families for messages, chats, contacts, groups, channels,
    status posts, the profile and calls.
    """

    def send(self, message: base.Outgoing) -> base.Sent:
        """Send. The same key again is the same message: nobody gets anything more."""
        content = message.content
        return self._ask(
            "send",
            base.Sent,
            self._upload_seconds(content),
            key=message.key,
            chat=addresses.parse(message.chat),
            kind=type(content).__name__,
            content=content,
            quote=message.quote,
        )

    # --- messages

    def react(self, chat: str, message_id: str, emoji: str) -> None:
        self._ask("react", None, chat=chat, message_id=message_id, emoji=emoji)

    def reactions(self, chat: str, message_id: str) -> list[Reaction]:
        return self._ask("reactions", list[Reaction], chat=chat, message_id=message_id)

    def edit(self, chat: str, message_id: str, body: str) -> base.Sent:
        return self._ask("edit", base.Sent, chat=chat, message_id=message_id, body=body)

    def revoke(self, chat: str, message_id: str, *, for_everyone: bool = True) -> None:
        self._ask("revoke", None, chat=chat, message_id=message_id, for_everyone=for_everyone)

    def star(self, chat: str, message_id: str, *, starred: bool) -> None:
        """Not supported: neonize cannot write the account's settings."""
        raise base.NotSupported(_NO_APP_STATE)

    def history(self, chat: str, limit: int) -> list[base.Message]:
        """What passed this session; media is not kept."""
        return self._ask("history", list[base.Message], chat=chat, limit=limit)

    # --- chats

    def chats(self) -> list[base.Chat]:
        return self._ask("chats", list[base.Chat])

    def typing(self, chat: str, state: base.ChatState) -> None:
        self._ask("typing", None, chat=chat, state=state)

    def mark_read(self, chat: str) -> bool:
        return self._ask("mark_read", bool, chat=chat)

    def mark_unread(self, chat: str) -> bool:
        """Not supported."""
        raise base.NotSupported(_NO_APP_STATE)

    def delete_chat(self, chat: str) -> bool:
        """Not supported."""
        raise base.NotSupported(_NO_APP_STATE)

    def archive(self, chat: str, *, archived: bool) -> bool:
        """Not supported."""
        raise base.NotSupported(_NO_APP_STATE)

    def pin(self, chat: str, *, pinned: bool) -> bool:
        """Not supported."""
        raise base.NotSupported(_NO_APP_STATE)

    def mute(self, chat: str, until: int | None) -> bool:
        """Not supported."""
        raise base.NotSupported(_NO_APP_STATE)

    def set_presence(self, *, online: bool) -> None:
        self._ask("set_presence", None, online=online)

    def watch_presence(self, address: str) -> None:
        """Have PresenceChanged reported for a person from now on."""
        self._ask("watch_presence", None, address=address)

    # --- people

    def contacts(self) -> list[Contact]:
        return self._ask("contacts", list[Contact])

    def contact(self, address: str) -> Contact:
        return self._ask("contact", Contact, address=address)

    def check_numbers(self, numbers: Sequence[str]) -> list[NumberCheck]:
        return self._ask("check_numbers", list[NumberCheck], numbers=list(numbers))

    def picture_url(self, address: str) -> str | None:
        return self._ask("picture_url", str | None, address=address)

    def phone_of(self, address: str) -> str | None:
        return self._ask("phone_of", str | None, address=address)

    def blocked(self) -> list[str]:
        """The addresses that may not write."""
        return self._ask("blocked", list[str])

    def block(self, address: str) -> None:
        self._ask("block", None, address=address)

    def unblock(self, address: str) -> None:
        self._ask("unblock", None, address=address)

    # --- groups

    def groups(self) -> list[Group]:
        return self._ask("groups", list[Group])

    def group(self, group_id: str) -> Group:
        return self._ask("group", Group, group_id=group_id)

    def create_group(self, subject: str, participants: Sequence[str]) -> Group:
        return self._ask("create_group", Group, subject=subject, participants=list(participants))

    def change_participants(
        self, group_id: str, change: ParticipantChange, participants: Sequence[str]
    ) -> list[ParticipantResult]:
        return self._ask(
            "change_participants",
            list[ParticipantResult],
            group_id=group_id,
            change=change,
            participants=list(participants),
        )

    def set_group_subject(self, group_id: str, subject: str) -> None:
        self._ask("set_group_subject", None, group_id=group_id, subject=subject)

    def set_group_description(self, group_id: str, description: str) -> None:
        self._ask("set_group_description", None, group_id=group_id, description=description)

    def group_settings(self, group_id: str) -> GroupSettings:
        return self._ask("group_settings", GroupSettings, group_id=group_id)

    def set_group_settings(
        self,
        group_id: str,
        *,
        announce: bool | None = None,
        locked: bool | None = None,
        ephemeral_seconds: int | None = None,
    ) -> GroupSettings:
        return self._ask(
            "set_group_settings",
            GroupSettings,
            group_id=group_id,
            announce=announce,
            locked=locked,
            ephemeral_seconds=ephemeral_seconds,
        )

    def invite_code(self, group_id: str) -> str:
        return self._ask("invite_code", str, group_id=group_id, revoke=False)

    def revoke_invite(self, group_id: str) -> str:
        return self._ask("invite_code", str, group_id=group_id, revoke=True)

    def join_group(self, code: str) -> Group:
        return self._ask("join_group", Group, code=code)

    def leave_group(self, group_id: str) -> None:
        self._ask("leave_group", None, group_id=group_id)

    # --- channels

    def channels(self) -> list[Channel]:
        return self._ask("channels", list[Channel])

    def channel(self, channel_id: str) -> Channel:
        return self._ask("channel", Channel, channel_id=channel_id)

    def channel_messages(self, channel_id: str, limit: int) -> list[ChannelMessage]:
        return self._ask("channel_messages", list[ChannelMessage], channel_id=channel_id, limit=limit)

    def follow_channel(self, invite_code: str) -> Channel:
        return self._ask("follow_channel", Channel, invite_code=invite_code)

    def unfollow_channel(self, channel_id: str) -> None:
        self._ask("unfollow_channel", None, channel_id=channel_id)

    # --- status posts

    def statuses(self) -> list[StatusPost]:
        return self._ask("statuses", list[StatusPost])

    def post_status(self, key: str, content: StatusContent, recipients: Sequence[str] = ()) -> StatusPost:
        """Post for whom the privacy settings of the account name. Raises NotSupported for chosen recipients."""
        if recipients:
            raise base.NotSupported("This engine cannot choose who sees a status: the account's privacy settings do")
        seconds, kind = self._upload_seconds(content), type(content).__name__
        return self._ask("post_status", StatusPost, seconds, key=key, kind=kind, what=content)

    def delete_status(self, status_id: str) -> None:
        self._ask("delete_status", None, status_id=status_id)

    # --- profile and calls

    def set_profile_name(self, name: str) -> None:
        self._ask("set_profile_name", None, name=name)

    def set_about(self, text: str) -> None:
        self._ask("set_about", None, text=text)

    def set_picture(self, path: str | None) -> None:
        """A JPEG file of ours. Raises NotSupported for None: neonize cannot take the picture away."""
        self._ask("set_picture", None, path=path)

    def reject_call(self, call_id: str) -> None:
        self._ask("reject_call", None, call_id=call_id)
