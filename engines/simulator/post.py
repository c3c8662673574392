"""How a message of an account reaches people: who gets it, who acknowledges it when, who answers."""

from collections.abc import Iterable
from dataclasses import replace

from engines import addresses, base
from engines.simulator.accounts import Account
from engines.simulator.drafts import Draft, draft_of
from engines.simulator.ground import Ground
from engines.simulator.journal import Record, dump_message, load_message
from engines.simulator.people import Person, Received, lid_of, stanza_in, stanza_of
from engines.simulator.registry import Story


def own_id(account: Account, chat: str, stanza: str) -> str:
    """The id of an account's own message."""
    return f"true_{chat}_{stanza}" + (f"_{account.address}" if addresses.is_group(chat) else "")


def their_id(chat: str, stanza: str, sender: str) -> str:
    """The id of a message that somebody else wrote."""
    return f"false_{chat}_{stanza}" + (f"_{sender}" if addresses.is_group(chat) else "")


def answer_to(message: base.Message) -> str:
    """The id of the answer that an echo gives, without direction and chat."""
    return stanza_of("echo " + message.id)


class Post:
    """Sends, receipts and echoes of one world."""

    def __init__(self, world: Ground) -> None:
        self._world = world

    # --- sending ---------------------------------------------------------------------------------

    def send(self, account: Account, outgoing: base.Outgoing) -> base.Sent:
        """Take a message from an account and bring it to everybody in the chat.

        The same key again is the same message: nobody gets anything more. Raises Refused and NotOnAccount.
        """
        original = None
        if isinstance(outgoing.content, base.Forward):
            original = self.message(account, outgoing.content.from_chat, outgoing.content.message_id)
        draft = draft_of(outgoing, original, self._world.blobs, keep=self._wanted(outgoing.chat))
        with self._world.change():
            if (known := account.sent.get(outgoing.key)) is not None:
                self._world.write(["repeat", account.session_id])
                account.repeats += 1
                return known
            chat = self.chat_of(account, outgoing.chat)
            everybody = list(self.recipients(account, chat))
            message = self._message(account, chat, draft, stanza_of(f"{account.session_id} {outgoing.key}"))
            record = ["out", account.session_id, outgoing.key, dump_message(message), draft.digest, everybody]
            self._world.write(record)
            sent = self.replay_out(record)
            for address in everybody:
                self._reach(account, address, message, draft)
        return sent

    def chat_of(self, account: Account, address: str) -> str:
        """The one address under which the account has that chat. Raises NotOnAccount and Refused."""
        if address in self._world.registry.rooms:
            if account.address not in self._world.registry.rooms[address].roles:
                raise base.Refused("You are not a participant of this group", "not_a_participant")
            return address
        if addresses.is_group(address):
            raise base.NotOnAccount(f"Group {address} not found")
        if address == addresses.STATUS or address in self._world.registry.channels:
            return address
        if address.endswith(("@broadcast", "@newsletter")):
            raise base.NotOnAccount(f"Chat {address} not found")
        if accounts := self._world.accounts_at(address):
            return accounts[0].address
        return self._world.person(address).chat

    def recipients(self, account: Account, chat: str) -> Iterable[str]:
        """Everybody else who sees what is written there. Raises Refused where the account may not write."""
        room = self._world.registry.rooms.get(chat)
        if room is None and not chat.endswith(("@c.us", "@lid")):
            raise base.Refused(f"You may not write to {chat}", "not_allowed")
        if room is None:
            return [chat]
        if room.announce and not room.rules(account.address):
            raise base.Refused("Only admins may write in this group", "announce_only")
        return [address for address in room.roles if address != account.address]

    def _message(self, account: Account, chat: str, draft: Draft, stanza: str) -> base.Message:
        return base.Message(
            id=own_id(account, chat, stanza),
            chat=chat,
            sender=account.address,
            type=draft.type,
            body=draft.body,
            timestamp=self._world.clock.now() // 1000,
            from_me=True,
            recipient=chat,
            mentions=draft.mentions,
            quote=draft.quote,
            media=draft.media,
            location=draft.location,
        )

    def replay_out(self, record: Record) -> base.Sent:
        """Remember a send, in the account and in the inboxes of the people it went to."""
        _, session_id, key, fields, digest, everybody = record
        account, message = self._world.account(session_id), load_message(fields)
        sent = base.Sent(message.id, message.timestamp)
        account.remember_key(key, sent)
        account.remember(message)
        stanza = stanza_in(message.id)
        for address in everybody:
            if not self._world.accounts_at(address):
                entry = Received(stanza, session_id, key, message.chat, message.type, message.body, message.timestamp)
                entry.message = message
                entry.digest, entry.size = digest, message.media.size if message.media else None
                self._world.person(address).remember(entry, self._world.remember)
        return sent

    def recall_out(self, record: Record) -> None:
        """Remember a send of an earlier process, which may have died before it heard the answer."""
        self.replay_out(record)
        self._world.account(record[1]).unheard.append(record[2])

    def _wanted(self, chat: str) -> bool:
        """Whether anybody in the chat will want the bytes, not only the fact."""
        room = self._world.registry.rooms.get(chat)
        members = [chat] if room is None else list(room.roles)
        people = self._world.people
        return any(self._world.accounts_at(one) or (one in people and people[one].behaviour.echoes) for one in members)

    def message(self, account: Account, chat: str, message_id: str) -> base.Message:
        """A message the account knows. Raises NotOnAccount."""
        memory = account.chats.get(self.chat_of(account, chat))
        if memory is None or message_id not in memory.messages:
            raise base.NotOnAccount(f"Message {message_id} not found in {chat}")
        return memory.messages[message_id]

    # --- arriving --------------------------------------------------------------------------------

    def _reach(self, account: Account, address: str, message: base.Message, draft: Draft) -> None:
        others = [other for other in self._world.accounts_at(address) if other is not account]
        for other in others:
            self._world.deliver(other, base.MessageReceived(self._as_seen(account, other, message)), draft.blob)
            self.receipt_later(account, other.address, message, "delivered", 0.1)
        if not others and not self._world.accounts_at(address):
            self.proceed(account, self._world.person(address), message, draft.blob)

    def _as_seen(self, account: Account, other: Account, message: base.Message) -> base.Message:
        chat = message.chat if addresses.is_group(message.chat) else account.address
        return replace(
            message,
            id=their_id(chat, stanza_in(message.id), account.address),
            chat=chat,
            from_me=False,
            recipient=other.address,
            push_name=account.name,
            sender_lid=account.lid,
        )

    def proceed(self, account: Account, person: Person, message: base.Message, blob: str | None = None) -> None:
        """Let the contact do the next thing it does with the message: get it, read it, answer it."""
        entry, behaviour = person.inbox.get(stanza_in(message.id)), person.behaviour
        if entry is None:
            return
        echoes = behaviour.echoes and message.chat == person.chat and not entry.revoked
        after = {"sent": behaviour.delivered_after, "delivered": behaviour.read_after}.get(entry.receipt)
        if entry.receipt == "read" and echoes:
            self._typing(account, person, "typing")
            self._world.clock.call_later(behaviour.writes_for, lambda: self._answer(account, person, message, blob))
        elif after is None or entry.revoked:
            entry.message = None
        else:
            receipt: base.Receipt = "delivered" if entry.receipt == "sent" else "read"
            wait = after * (0.75 + self._world.chance(message.id + receipt) / 2)
            self._world.clock.call_later(wait, lambda: self._advance(account, person, message, blob, receipt))

    def _advance(
        self, account: Account, person: Person, message: base.Message, blob: str | None, receipt: base.Receipt
    ) -> None:
        self.give_receipt(account, person.chat, message, receipt)
        self.proceed(account, person, message, blob)

    def receipt_later(
        self, account: Account, reader: str, message: base.Message, receipt: base.Receipt, seconds: float
    ) -> None:
        """Another session's phone got the message."""
        self._world.clock.call_later(seconds, lambda: self.give_receipt(account, reader, message, receipt))

    def give_receipt(self, account: Account, reader: str, message: base.Message, receipt: base.Receipt) -> None:
        """Tell an account what `reader` did with its message, unless it has been logged out since."""
        now = self._world.clock.now() // 1000
        with self._world.change():
            if account.linked:
                event = base.ReceiptReceived((message.id,), message.chat, receipt, reader, now)
                self._world.deliver(account, event)

    def tell_author(self, account: Account, message: base.Message, receipt: base.Receipt) -> None:
        """What another session of the gateway wrote was got or read by this account."""
        for author in self._world.accounts_at(message.sender):
            place = message.chat if addresses.is_group(message.chat) else account.address
            own = replace(message, id=own_id(author, place, stanza_in(message.id)), chat=place)
            self.give_receipt(author, account.address, own, receipt)

    def publish(self, story: Story, draft: Draft | None = None) -> None:
        """Show a status post, with the media of `draft`, to everybody who may see it. Only within `change`."""
        self._world.registry.stories[story.id] = story
        self._world.save("story", story.id)
        stanza = stanza_in(story.id)
        shown = base.Message(
            their_id(addresses.STATUS, stanza, story.sender),
            addresses.STATUS,
            story.sender,
            story.type,
            story.body,
            story.timestamp,
            push_name=self._world.name_of(story.sender),
            media=draft.media if draft else None,
        )
        for account in list(self._world.accounts.values()):
            wanted = not story.recipients or account.address in story.recipients
            if account.linked and wanted and account.address != story.sender:
                self._world.deliver(account, base.MessageReceived(shown), draft.blob if draft else None)

    def withdraw(self, story: Story) -> None:
        """Take a status post back from everybody. Only within `change`."""
        del self._world.registry.stories[story.id]
        self._world.save("story", story.id)
        known_as, now = their_id(addresses.STATUS, stanza_in(story.id), story.sender), self._world.clock.now() // 1000
        for account in list(self._world.accounts.values()):
            if account.linked and account.holds(addresses.STATUS, known_as):
                self._world.deliver(account, base.MessageRevoked(known_as, addresses.STATUS, story.sender, now))

    # --- answering -------------------------------------------------------------------------------

    def _answer(self, account: Account, person: Person, message: base.Message, blob: str | None) -> None:
        self._typing(account, person, "paused")
        draft = Draft(message.type, message.body, message.mentions, None, message.media, message.location, blob)
        self.arrive(account, person, draft, answer_to(message))
        if (entry := person.inbox.get(stanza_in(message.id))) is not None:
            entry.message = None

    def _typing(self, account: Account, person: Person, state: base.ChatState) -> None:
        with self._world.change():
            self._world.whisper(account, base.TypingChanged(person.chat, person.chat, state))

    def arrive(
        self, account: Account, person: Person, draft: Draft, stanza: str, group: str | None = None
    ) -> base.Message:
        """A contact's message comes to an account's mailbox, once per stanza; blocked contacts write into the void."""
        chat = group or person.chat
        message = base.Message(
            id=their_id(chat, stanza, person.chat),
            chat=chat,
            sender=person.chat,
            type=draft.type,
            body=draft.body,
            timestamp=self._world.clock.now() // 1000,
            recipient=account.address,
            push_name=person.name,
            sender_lid=lid_of(person.address),
            mentions=draft.mentions,
            quote=draft.quote,
            media=draft.media,
            location=draft.location,
        )
        with self._world.change():
            if account.linked and person.address not in account.blocked:
                self._world.deliver(account, base.MessageReceived(message), draft.blob)
        return message
