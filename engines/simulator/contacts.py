"""People as a simulated session knows them."""

from collections.abc import Iterator, Sequence
from itertools import islice

from engines import addresses, base
from engines.simulator.accounts import Account
from engines.simulator.life import Life
from engines.simulator.people import Person, stanza_of
from engines.things import Contact, NumberCheck


class Contacts(Life):
    """`engines.verbs.ContactVerbs`."""

    def contacts(self, limit: int = 1000, offset: int = 0) -> list[Contact]:
        """A page of the address book, and behind that of whoever else the account has a chat with."""
        self._ready()
        with self._world.change():
            listed = self._world.book.listed
            page = listed[offset : offset + limit]
            beyond = max(offset - len(listed), 0)
            page += islice(self._strangers(), beyond, beyond + limit - len(page)) if len(page) < limit else ()
            return [self._contact(person) for person in page]

    def _strangers(self) -> Iterator[Person]:
        """People of chats who are in no address book, ordered by address since chats move."""
        for chat in sorted(self._account.chats):
            person = self._find(chat)
            if person is not None and not person.listed:
                yield person

    def contact(self, address: str) -> Contact:
        """One person. Raises NotOnAccount for somebody the account does not know."""
        self._ready()
        for account in self._world.accounts_at(address):
            return self._colleague(account)
        person = self._find(address)
        if person is None or not self._is_known(person):
            raise base.NotOnAccount(f"Contact {address} not found")
        return self._contact(person)

    def check_numbers(self, numbers: Sequence[str]) -> list[NumberCheck]:
        """Whether they are on WhatsApp: every number is, but those of contacts that behave as absent."""
        self._ready()
        return [self._check(number) for number in numbers]

    def _check(self, number: str) -> NumberCheck:
        address = addresses.from_phone(number)
        person = self._find(address)
        exists = person is None or person.behaviour.on_whatsapp or bool(self._world.accounts_at(address))
        return NumberCheck(number, exists, address if exists else None)

    def picture_url(self, address: str) -> str | None:
        """Where the picture is; strangers have none."""
        self._ready()
        for account in self._world.accounts_at(address):
            return account.picture
        person = self._find(address)
        listed = address in self._world.registry.rooms or (person is not None and person.listed)
        return f"https://pps.whatsapp.net/v/simulator/{stanza_of(address)}.jpg" if listed else None

    def phone_of(self, address: str) -> str | None:
        """The digits behind an address, None while they are hidden."""
        self._ready()
        for account in self._world.accounts_at(address):
            return account.phone
        person = self._find(address)
        if person is None or (person.hidden and address == person.lid):
            return addresses.phone(address)
        return addresses.phone(person.address)

    def block(self, address: str) -> None:
        """Hear nothing more of that person."""
        self._ready()
        with self._world.change():
            self._account.blocked.add(self._person_address(address))
            self._world.save_profile(self._account)

    def unblock(self, address: str) -> None:
        self._ready()
        with self._world.change():
            self._account.blocked.discard(self._person_address(address))
            self._world.save_profile(self._account)

    def _person_address(self, address: str) -> str:
        for account in self._world.accounts_at(address):
            return account.address
        return self._world.person(address).address

    def _find(self, address: str) -> Person | None:
        return self._world.people.get(address) or self._world.person_by_lid(address)

    def _is_known(self, person: Person) -> bool:
        return person.listed or person.chat in self._account.chats

    def _contact(self, person: Person) -> Contact:
        return Contact(
            id=person.chat,
            number="" if person.hidden else person.address.partition("@")[0],
            name=person.name if person.listed else None,
            push_name=person.name,
            lid=person.lid,
            is_my_contact=person.listed,
            is_blocked=person.address in self._account.blocked,
            is_business=person.business,
            about=person.about,
        )

    def _colleague(self, account: Account) -> Contact:
        blocked = account.address in self._account.blocked
        return Contact(
            account.address, account.phone, None, account.name, account.lid, is_blocked=blocked, about=account.about
        )
