"""The virtual WhatsApp that all sessions of a process share: people, accounts, and what lies in between.

Everything that must outlive a killed gateway is one record in the journal before anybody is told of it: what was sent,
what waits for an account, what its engine took. Reading the journal from its start makes the same world again.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from engines import addresses, base
from engines.simulator import people
from engines.simulator.accounts import Account, Link, new_account
from engines.simulator.blobs import Blobs
from engines.simulator.clock import Clock, RealClock
from engines.simulator.dispatch import Parcel
from engines.simulator.journal import Journal, Record, dump_event, load_event
from engines.simulator.people import Person
from engines.simulator.registry import Registry

Replayer = Callable[[Record], object]


class Ground:
    """People, accounts and mailboxes; `World` is this with its post, and says what the arguments are."""

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        clock: Clock | None = None,
        chance: Callable[[str], float] = people.fraction_of,
        remember: int = 100_000,
    ) -> None:
        root = None if directory is None else Path(directory)
        self.clock: Clock = clock or RealClock()
        self.chance = chance
        self.remember = remember
        self.people: dict[str, Person] = people.cast()
        self.accounts: dict[str, Account] = {}
        self.registry = Registry()
        self.blobs = Blobs(root)
        self._by_lid = {person.lid: person for person in self.people.values()}
        self._by_address: dict[str, list[Account]] = {}
        self._journal = Journal(None if root is None else root / "journal.jsonl")
        self._lock = threading.RLock()
        self._depth = 0
        self._records: list[Record] = []
        self._parcels: list[tuple[Account, Parcel]] = []
        self._replayers: dict[str, Replayer] = {
            "account": self._replay_account,
            "unlinked": self._replay_unlinked,
            "in": self._replay_in,
            "ack": self._replay_ack,
            "chat": self._replay_chat,
            "own": lambda record: self._remember(self.account(record[1]), load_event(record[2])),
            "doc": lambda record: self.registry.load(record[1], record[2], record[3]),
        }

    def open(self, replayers: dict[str, Replayer]) -> None:
        """Read the journal. `replayers` know the kinds of record that the world itself does not."""
        known = {**self._replayers, **replayers}
        for record in self._journal.records():
            known[record[0]](record)

    def close(self) -> None:
        """End all threads and files; the journal stays."""
        self.clock.close()
        with self._lock:
            self._journal.close()
            self.blobs.close()

    # --- one change at a time --------------------------------------------------------------------

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Change the world: alone, written to the journal in one piece, and told to the engines only after that."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._publish()

    def _publish(self) -> None:
        records, self._records = self._records, []
        parcels, self._parcels = self._parcels, []
        if records:
            self._journal.write(records)
        by_account: dict[str, list[Parcel]] = {}
        for account, parcel in parcels:
            by_account.setdefault(account.session_id, []).append(parcel)
        for session_id, queue in by_account.items():
            link = self.accounts[session_id].link
            if link is not None:
                link(queue)

    def write(self, record: Record) -> None:
        """Put a record into the journal with the present change."""
        self._records.append(record)

    def save(self, kind: str, name: str) -> None:
        """Keep the present form of something in the registry."""
        self.write(["doc", kind, name, self.registry.dump(kind, name)])

    # --- who there is ----------------------------------------------------------------------------

    def account(self, session_id: str) -> Account:
        """The account of a session, there from the first question on."""
        with self._lock:
            account = self.accounts.get(session_id)
            if account is None:
                account = self.accounts[session_id] = new_account(session_id)
            return account

    def accounts_at(self, address: str) -> list[Account]:
        """The linked accounts with that phone or hidden address."""
        return self._by_address.get(address, [])

    def person(self, address: str) -> Person:
        """Who is at that address; a number that nobody knows becomes a stranger. Raises NotOnAccount for others."""
        known = self.people.get(address) or self._by_lid.get(address)
        if known is not None:
            return known
        if addresses.phone(address) is None:
            raise base.NotOnAccount(f"Nobody is known at {address}")
        return self.add_person(Person(address, address.partition("@")[0]))

    def add_person(self, person: Person) -> Person:
        """Let there be this person, instead of whoever had the number."""
        with self._lock:
            self.people[person.address] = person
            self._by_lid[person.lid] = person
        return person

    # --- from the network to an account ----------------------------------------------------------

    def deliver(self, account: Account, event: base.Event, blob: str | None = None) -> bool:
        """Leave an event in the account's mailbox until its engine's sink took it; False for a message known already.

        Only within `change`.
        """
        if isinstance(event, base.MessageReceived) and self._knows(account, event.message):
            return False
        account.number += 1
        parcel = Parcel(event, account.number, blob)
        self.write(["in", account.session_id, account.number, dump_event(event), blob])
        self._put(account, parcel)
        self._parcels.append((account, parcel))
        return True

    def apply(self, account: Account, event: base.Event) -> None:
        """Remember what an account did itself, of which its engine needs no report. Only within `change`."""
        self.write(["own", account.session_id, dump_event(event)])
        self._remember(account, event)

    def whisper(self, account: Account, event: base.Event) -> None:
        """Tell a connected account something that nobody keeps for it (typing)."""
        self._parcels.append((account, Parcel(event)))

    def attach(self, account: Account, link: Link) -> None:
        """The account's engine is connected: it gets what waits, then all that comes."""
        with self._lock:
            account.link = link
            link(list(account.mailbox.values()))

    def detach(self, account: Account) -> None:
        with self._lock:
            account.link = None

    def acknowledge(self, account: Account, numbers: Sequence[int]) -> None:
        """The engine's sink took these parcels."""
        with self.change():
            for number in numbers:
                account.mailbox.pop(number, None)
            self.write(["ack", account.session_id, list(numbers)])

    def acknowledger(self, account: Account) -> Callable[[Sequence[int]], None]:
        """`acknowledge` of that account, as a dispatcher wants it."""
        return partial(self.acknowledge, account)

    def unpack(self, parcel: Parcel) -> base.Event:
        """The event as a sink gets it: media as a fresh file for this attempt."""
        event = parcel.event
        if parcel.blob is None or not isinstance(event, base.MessageReceived) or event.message.media is None:
            return event
        media = replace(event.message.media, path=self.blobs.hand_out(parcel.blob))
        return base.MessageReceived(replace(event.message, media=media))

    # --- linking ---------------------------------------------------------------------------------

    def link_account(self, account: Account) -> None:
        """The account's phone accepted the gateway as a linked device."""
        with self.change():
            record = ["account", account.session_id, account.phone, account.name]
            self.write(record)
            self._replay_account(record)

    def unlink_account(self, account: Account) -> None:
        """The account's phone knows the gateway no more: nothing waits for it, nothing of its chats is told again."""
        with self.change():
            record = ["unlinked", account.session_id]
            self.write(record)
            self._replay_unlinked(record)

    # --- what a record means ---------------------------------------------------------------------

    def _replay_account(self, record: Record) -> None:
        account = self.account(record[1])
        self._unlist(account)
        account.phone, account.name, account.linked = record[2], record[3], True
        for address in (account.address, account.lid):
            self._by_address.setdefault(address, []).append(account)

    def _unlist(self, account: Account) -> None:
        for address in (account.address, account.lid):
            if account in (same := self._by_address.get(address, [])):
                same.remove(account)

    def _replay_unlinked(self, record: Record) -> None:
        account = self.account(record[1])
        self._unlist(account)
        account.linked = False
        account.mailbox.clear()
        account.chats.clear()

    def _replay_in(self, record: Record) -> None:
        account = self.account(record[1])
        account.number = record[2]
        self._put(account, Parcel(load_event(record[3]), record[2], record[4]))

    def _replay_chat(self, record: Record) -> None:
        _, session_id, chat, marks = record
        account = self.account(session_id)
        if marks is None:
            account.chats.pop(chat, None)
        for name, value in (marks or {}).items():
            setattr(account.chat(chat), name, value)

    def _replay_ack(self, record: Record) -> None:
        mailbox = self.account(record[1]).mailbox
        for number in record[2]:
            mailbox.pop(number, None)

    def _put(self, account: Account, parcel: Parcel) -> None:
        account.mailbox[parcel.number] = parcel
        self._remember(account, parcel.event)

    def _knows(self, account: Account, message: base.Message) -> bool:
        chat = account.chats.get(message.chat)
        return chat is not None and message.id in chat.messages

    def _remember(self, account: Account, event: base.Event) -> None:
        """What the account's own phone now shows, and the contact's."""
        match event:
            case base.MessageReceived(message):
                account.chat(message.chat).remember(message)
            case base.MessageEdited(message_id, chat, _, body):
                account.chat(chat).edit(message_id, body)
            case base.MessageRevoked(message_id, chat):
                account.chat(chat).revoke(message_id)
            case base.ReactionReceived(message_id, chat, sender, emoji, timestamp):
                account.chat(chat).react(message_id, sender, emoji, timestamp)
            case base.ReceiptReceived(message_ids, _, receipt, participant):
                self._note_receipt(message_ids, receipt, participant)
            case _:
                pass

    def _note_receipt(self, message_ids: Sequence[str], receipt: base.Receipt, participant: str) -> None:
        person = self.people.get(participant) or self._by_lid.get(participant)
        for message_id in message_ids:
            entry = person.inbox.get(people.stanza_in(message_id)) if person else None
            if entry is not None:
                entry.receipt = receipt
