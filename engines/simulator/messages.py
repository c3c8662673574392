"""Messages of a simulated session: sent, and changed afterwards."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from engines import addresses, base
from engines.simulator.accounts import ChatMemory, Fault
from engines.simulator.ground import Change
from engines.simulator.life import Life
from engines.simulator.people import stanza_in
from engines.simulator.post import own_id, their_id
from engines.things import Reaction

_EDITABLE = 15 * 60
_T = TypeVar("_T")


class Messages(Life):
    """`engines.verbs.MessageVerbs`, and `send`."""

    def send(self, message: base.Outgoing) -> base.Sent:
        """Send, unless the admin ordered otherwise. Raises NotConnected, Refused, NotOnAccount, OutcomeUnknown."""
        return self._as_ordered(lambda: self._world.post.send(self._account, message))

    def _as_ordered(self, send: Callable[[], _T]) -> _T:
        self._ready()
        fault = self._account.next_fault()
        if fault is not None:
            self._suffer(fault)
        sent = send()
        if fault is not None and self._loses_answer(fault):
            raise base.OutcomeUnknown("WhatsApp did not answer in time")
        return sent

    def _suffer(self, fault: Fault) -> None:
        match fault.kind:
            case "refused":
                raise base.Refused(f"WhatsApp refused the message ({fault.reason})", fault.reason)
            case "not_connected":
                raise base.NotConnected("Session is not connected. The WhatsApp client is not ready.")
            case "unknown_lost":
                raise base.OutcomeUnknown("WhatsApp did not answer in time")
            case "delay":
                self._world.clock.sleep(min(fault.seconds, self._pace.deadline))
                if self._state != "ready":
                    raise base.OutcomeUnknown("The session ended before WhatsApp answered")
            case "unknown_sent":
                pass

    def _loses_answer(self, fault: Fault) -> bool:
        return fault.kind == "unknown_sent" or (fault.kind == "delay" and fault.seconds > self._pace.deadline)

    def history(self, chat: str, limit: int) -> list[base.Message]:
        """The newest `limit` messages of a chat, oldest first."""
        self._ready()
        messages = list(self._memory(chat).messages.values())
        return messages[-limit:]

    def reactions(self, chat: str, message_id: str) -> list[Reaction]:
        """The emojis on a message, in the order they came."""
        memory = self._holding(chat, message_id)
        found = memory.reactions.get(message_id, {})
        return [Reaction(emoji, sender, timestamp) for sender, (emoji, timestamp) in found.items()]

    def react(self, chat: str, message_id: str, emoji: str) -> None:
        """Put an emoji on a message; an empty one takes it back."""
        memory = self._holding(chat, message_id)
        at = divmod(self._world.clock.now(), 1000)
        event = base.ReactionReceived(message_id, memory.id, self._account.address, emoji, *at)
        self._tell(memory.id, message_id, event)

    def edit(self, chat: str, message_id: str, body: str) -> base.Sent:
        """Change the text of an own message. Refused: not_own_message, too_late (15 minutes)."""
        memory = self._holding(chat, message_id)
        message = memory.messages[message_id]
        if not message.from_me or message.type == "revoked":
            raise base.Refused("Only your own messages can be edited", "not_own_message")
        if self._now() - message.timestamp > _EDITABLE:
            raise base.Refused("The message is too old to be edited", "too_late")
        self._tell(memory.id, message_id, base.MessageEdited(message_id, memory.id, message.sender, body, self._now()))
        return base.Sent(message_id, self._now())

    def revoke(self, chat: str, message_id: str, *, for_everyone: bool = True) -> None:
        """Delete a message here, or for everyone: an own one, or any in a group one rules."""
        memory = self._holding(chat, message_id)
        if not for_everyone:
            with self._world.change():
                del memory.messages[message_id]
            return
        message = memory.messages[message_id]
        room = self._world.registry.rooms.get(memory.id)
        if not message.from_me and not (room and room.rules(self._account.address)):
            raise base.Refused("Only your own messages can be deleted for everyone", "not_own_message")
        event = base.MessageRevoked(message_id, memory.id, message.sender, self._now(), from_me=True)
        self._tell(memory.id, message_id, event)

    def star(self, chat: str, message_id: str, *, starred: bool) -> None:
        """Mark a message, or no more."""
        memory = self._holding(chat, message_id)
        others = [one for one in memory.starred if one != message_id]
        with self._world.change():
            self._world.mark(self._account, memory, starred=[*others, message_id] if starred else others)

    def _tell(self, chat: str, message_id: str, event: Change) -> None:
        """Let everybody in the chat see what this account did to a message."""
        author, stanza = self._account.chats[chat].messages[message_id].sender, stanza_in(message_id)
        with self._world.change():
            everybody = list(self._world.post.recipients(self._account, chat))
            people = [address for address in everybody if not self._world.accounts_at(address)]
            self._world.apply(self._account, event, people)
            for address in everybody:
                others = [other for other in self._world.accounts_at(address) if other is not self._account]
                for other in others:
                    place = chat if addresses.is_group(chat) else self._account.address
                    known = own_id(other, place, stanza) if author == other.address else their_id(place, stanza, author)
                    seen = replace(event, message_id=known, chat=place, sender=self._account.address)
                    self._world.deliver(other, seen if not isinstance(seen, base.MessageRevoked) else _by_other(seen))

    def _memory(self, chat: str) -> ChatMemory:
        """The chat, where the account has it. Raises NotOnAccount."""
        memory = self._account.chats.get(self._world.post.chat_of(self._account, chat))
        if memory is None:
            raise base.NotOnAccount(f"Chat {chat} not found")
        return memory

    def _holding(self, chat: str, message_id: str) -> ChatMemory:
        """The chat with that message in it. Raises NotConnected and NotOnAccount."""
        self._ready()
        memory = self._account.chats.get(self._world.post.chat_of(self._account, chat))
        if memory is None or message_id not in memory.messages:
            raise base.NotOnAccount(f"Message {message_id} not found in {chat}")
        return memory


def _by_other(revoked: base.MessageRevoked) -> base.MessageRevoked:
    return replace(revoked, from_me=False)
