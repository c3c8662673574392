"""Chats of a simulated session, as its phone shows them."""

from collections.abc import Callable
from itertools import islice

from engines import addresses, base
from engines.simulator.accounts import ChatMemory
from engines.simulator.life import Life


class Chats(Life):
    """`engines.verbs.ChatVerbs`, and `chats` and `typing`."""

    def chats(self, limit: int = 1000, offset: int = 0) -> list[base.Chat]:
        """A page of the chats, those written in last first."""
        self._ready()
        with self._world.change():
            newest_first = (one for one in reversed(self._account.chats.values()) if one.id != addresses.STATUS)
            return [self._shown(memory) for memory in islice(newest_first, offset, offset + limit)]

    def _shown(self, memory: ChatMemory) -> base.Chat:
        last = memory.last
        return base.Chat(
            id=memory.id,
            name=self._world.name_of(memory.id),
            is_group=addresses.is_group(memory.id),
            unread_count=memory.unread or int(memory.marked_unread),
            timestamp=last.timestamp if last else 0,
            last_message=last.body if last else None,
        )

    def typing(self, chat: str, state: base.ChatState) -> None:
        """Show a chat what the account does; other sessions of the gateway are told."""
        self._ready()
        place = self._world.post.chat_of(self._account, chat)
        with self._world.change():
            for address in self._world.post.recipients(self._account, place):
                for other in self._world.accounts_at(address):
                    seen_in = place if addresses.is_group(place) else self._account.address
                    if other is not self._account:
                        self._world.whisper(other, base.TypingChanged(seen_in, self._account.address, state))

    def mark_read(self, chat: str) -> bool:
        """The account saw the whole chat; whoever wrote in it from another session learns so."""
        memory = self._known(chat)
        if not memory.unread and not memory.marked_unread:
            return False
        with self._world.change():
            theirs = [message for message in memory.messages.values() if not message.from_me]
            for message in theirs[len(theirs) - memory.unread :]:
                self._world.post.tell_author(self._account, message, "read")
            return self._world.mark(self._account, memory, unread=0, marked_unread=False)

    def mark_unread(self, chat: str) -> bool:
        """Show the chat as unread."""
        return self._change(chat, lambda memory: self._world.mark(self._account, memory, marked_unread=True))

    def archive(self, chat: str, *, archived: bool) -> bool:
        """Put the chat away, or back."""
        return self._change(chat, lambda memory: self._world.mark(self._account, memory, archived=archived))

    def pin(self, chat: str, *, pinned: bool) -> bool:
        """Keep the chat on top, or no more."""
        return self._change(chat, lambda memory: self._world.mark(self._account, memory, pinned=pinned))

    def mute(self, chat: str, until: int | None) -> bool:
        """Do not ring for the chat until then (epoch seconds); None: ring again."""
        return self._change(chat, lambda memory: self._world.mark(self._account, memory, muted_until=until))

    def delete_chat(self, chat: str) -> bool:
        """Forget the chat and its messages on this account."""
        place = self._place(chat)
        with self._world.change():
            if self._account.chats.pop(place, None) is None:
                return False
            self._world.write(["chat", self._account.session_id, place, None])
        return True

    def set_presence(self, *, online: bool) -> None:
        """Show the account as online, or not."""
        self._ready()
        self._account.online = online

    def _place(self, chat: str) -> str:
        self._ready()
        return self._world.post.chat_of(self._account, chat)

    def _known(self, chat: str) -> ChatMemory:
        memory = self._account.chats.get(self._place(chat))
        if memory is None:
            raise base.NotOnAccount(f"Chat {chat} not found")
        return memory

    def _change(self, chat: str, change: Callable[[ChatMemory], bool]) -> bool:
        memory = self._known(chat)
        with self._world.change():
            return change(memory)
