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
from typing import Any

from engines import addresses, base
from engines.simulator import people
from engines.simulator.accounts import Account, ChatMemory, Link, new_account
from engines.simulator.blobs import Blobs
from engines.simulator.clock import Clock, RealClock
from engines.simulator.compact import compacted, worth_it
from engines.simulator.dispatch import Parcel
from engines.simulator.journal import Journal, Record, dump_event
from engines.simulator.people import Person
from engines.simulator.registry import Registry

Change = base.MessageEdited | base.MessageRevoked | base.ReactionReceived
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
        self.book = people.AddressBook(self.people.values())
        self._by_lid = {person.lid: person for person in self.people.values()}
        self._by_address: dict[str, list[Account]] = {}
        self._journal = Journal(None if root is None else root / "journal.jsonl")
        self._lock = threading.RLock()
        self._depth = 0
        self._records: list[Record] = []
        self._parcels: list[tuple[Account, Parcel]] = []

    def read(self, replayers: dict[str, Replayer]) -> None:
        """Do again what the journal says; `replayers` know what each kind of record means."""
        records = list(self._journal.records())
        if worth_it(records, self.remember):
            records = compacted(records, self.remember)
            self._journal.replace(records)
        for record in records:
            replayers[record[0]](record)

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

    def person_by_lid(self, lid: str) -> Person | None:
        return self._by_lid.get(lid)

    def name_of(self, address: str) -> str:
        """How the person, group or channel at that address is called."""
        if (room := self.registry.rooms.get(address)) is not None:
            return room.subject
        if (channel := self.registry.channels.get(address)) is not None:
            return channel.name
        accounts = self.accounts_at(address)
        return accounts[0].name if accounts else self.person(address).name

    def add_person(self, person: Person) -> Person:
        """Let there be this person, instead of whoever had the number; what arrived there stays."""
        with self._lock:
            before = self.people.get(person.address)
            if before is not None:
                person.inbox, person.received = before.inbox, before.received
            self.people[person.address] = person
            self._by_lid[person.lid] = person
            self.book.put(person)
        return person

    def add_crowd(self, count: int) -> list[Person]:
        """The same people whenever so many are asked for; numbers that no country has."""
        numbers = range(1, count + 1)
        crowd = [Person(f"99800{number:07}@c.us", f"Contact {number}", listed=True) for number in numbers]
        return [self.add_person(person) for person in crowd]

    def save_person(self, person: Person) -> None:
        """Keep the present form of a contact. Only within `change`."""
        self.write(["person", person.address, person.name, person.behaviour.name, person.listed, person.hidden])

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
        self.put(account, parcel)
        self._parcels.append((account, parcel))
        return True

    def apply(self, account: Account, event: Change, readers: Sequence[str]) -> None:
        """Remember what an account did to a message, which its engine knows, and let contacts see it.

        Only within `change`.
        """
        self.write(["own", account.session_id, dump_event(event), list(readers)])
        self.show(account, event)
        for address in readers:
            self.person(address).see(people.stanza_in(event.message_id), event)

    def mark(self, account: Account, chat: ChatMemory, **marks: Any) -> bool:
        """Change marks of a chat and keep them; whether any differed. Only within `change`."""
        changed = [name for name, value in marks.items() if getattr(chat, name) != value]
        for name in changed:
            setattr(chat, name, marks[name])
        if changed:
            self.write(["chat", account.session_id, chat.id, marks])
        return bool(changed)

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

    def forget(self, session_id: str) -> None:
        """A session was deleted: its account never was. Its records leave the journal when that is read next."""
        with self.change():
            self.unlist(self.account(session_id))
            del self.accounts[session_id]
            self.write(["forgotten", session_id])

    # --- linking ---------------------------------------------------------------------------------

    def link_account(self, account: Account) -> None:
        """The account's phone accepted the gateway as a linked device."""
        with self.change():
            self.write(["account", account.session_id, account.phone, account.name])
            self.enlist(account, account.phone, account.name)

    def unlink_account(self, account: Account) -> None:
        """The account's phone knows the gateway no more: nothing waits for it, nothing of its chats is told again."""
        with self.change():
            self.write(["unlinked", account.session_id])
            self.unlist(account)

    def save_profile(self, account: Account) -> None:
        """Keep the present form of what an account set for itself. Only within `change`."""
        self.write(["profile", account.session_id, account.profile()])

    # --- what a record means ---------------------------------------------------------------------

    def enlist(self, account: Account, phone: str, name: str) -> None:
        """From now on the account is reached at that number."""
        self._leave_addresses(account)
        account.phone, account.name, account.linked = phone, name, True
        for address in (account.address, account.lid):
            self._by_address.setdefault(address, []).append(account)

    def unlist(self, account: Account) -> None:
        """From now on the account is not reached, and what its phone showed is forgotten."""
        self._leave_addresses(account)
        account.linked = False
        account.mailbox.clear()
        account.chats.clear()

    def _leave_addresses(self, account: Account) -> None:
        for address in (account.address, account.lid):
            if account in (same := self._by_address.get(address, [])):
                same.remove(account)

    def put(self, account: Account, parcel: Parcel) -> None:
        """Let the parcel lie in the mailbox, and its event be shown."""
        account.mailbox[parcel.number] = parcel
        self.show(account, parcel.event)

    def _knows(self, account: Account, message: base.Message) -> bool:
        return account.holds(message.chat, message.id)

    def show(self, account: Account, event: base.Event) -> None:
        """What the account's own phone now shows, and the contact's."""
        if isinstance(event, base.ReceiptReceived):
            person = self.people.get(event.participant) or self._by_lid.get(event.participant)
            if person is not None:
                person.acknowledged(event.message_ids, event.receipt)
        else:
            account.show(event)
