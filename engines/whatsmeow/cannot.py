"""What the library cannot do, so that asking is answered honestly: its write of the account's settings is broken."""

from engines import base

_NO_APP_STATE = "This engine cannot change the account's settings of a chat or message"


class Cannot:
    """Verbs of `engines.verbs` that raise NotSupported."""

    def star(self, chat: str, message_id: str, *, starred: bool) -> None:
        raise base.NotSupported(_NO_APP_STATE)

    def mark_unread(self, chat: str) -> bool:
        raise base.NotSupported(_NO_APP_STATE)

    def delete_chat(self, chat: str) -> bool:
        raise base.NotSupported(_NO_APP_STATE)

    def archive(self, chat: str, *, archived: bool) -> bool:
        raise base.NotSupported(_NO_APP_STATE)

    def pin(self, chat: str, *, pinned: bool) -> bool:
        raise base.NotSupported(_NO_APP_STATE)

    def mute(self, chat: str, until: int | None) -> bool:
        raise base.NotSupported(_NO_APP_STATE)
