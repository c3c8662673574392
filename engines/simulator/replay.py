"""What each kind of record in the journal means: reading them in order makes the world again."""

from engines import base
from engines.simulator.dispatch import Parcel
from engines.simulator.ground import Ground, Replayer
from engines.simulator.journal import Record, load_event
from engines.simulator.people import BEHAVIOURS, Person, stanza_in


class Replay:
    """The meaning of records that are not about sends."""

    def __init__(self, world: Ground) -> None:
        self._world = world

    def replayers(self) -> dict[str, Replayer]:
        """A function per kind."""
        return {
            "account": lambda record: self._world.enlist(self._world.account(record[1]), record[2], record[3]),
            "unlinked": lambda record: self._world.unlist(self._world.account(record[1])),
            "in": self._in,
            "ack": self._ack,
            "repeat": self._repeat,
            "own": self._own,
            "chat": self._chat,
            "profile": lambda record: self._world.account(record[1]).set_profile(record[2]),
            "forgotten": self._forgotten,
            "person": self._person,
            "crowd": lambda record: self._world.add_crowd(record[1]),
            "doc": lambda record: self._world.registry.load(record[1], record[2], record[3]),
        }

    def _in(self, record: Record) -> None:
        _, session_id, number, fields, blob = record
        account, event = self._world.account(session_id), load_event(fields)
        account.number = number
        self._world.put(account, Parcel(event, number, blob))
        self._note_answer(event)

    def _ack(self, record: Record) -> None:
        mailbox = self._world.account(record[1]).mailbox
        for number in record[2]:
            mailbox.pop(number, None)

    def _repeat(self, record: Record) -> None:
        self._world.account(record[1]).repeats += 1

    def _own(self, record: Record) -> None:
        _, session_id, fields, *readers = record
        event = load_event(fields)
        self._world.show(self._world.account(session_id), event)
        self._note_answer(event)
        if isinstance(event, base.MessageEdited | base.MessageRevoked | base.ReactionReceived):
            for address in readers[0] if readers else ():
                self._world.person(address).see(stanza_in(event.message_id), event)

    def _forgotten(self, record: Record) -> None:
        account = self._world.accounts.pop(record[1], None)
        if account is not None:
            self._world.unlist(account)

    def _person(self, record: Record) -> None:
        _, address, name, behaviour, listed, hidden = record
        known = self._world.people.get(address)
        if known is not None and known.name == name:
            known.hidden = hidden
        else:
            self._world.add_person(Person(address, name, BEHAVIOURS[behaviour], listed=listed, hidden=hidden))

    def _chat(self, record: Record) -> None:
        _, session_id, chat, marks = record
        account = self._world.account(session_id)
        if marks is None:
            account.chats.pop(chat, None)
        for name, value in (marks or {}).items():
            setattr(account.chat(chat), name, value)

    def _note_answer(self, event: base.Event) -> None:
        if isinstance(event, base.MessageReceived):
            person = self._world.people.get(event.message.sender)
            if person is not None and person.behaviour.echoes:
                person.answers.add(stanza_in(event.message.id))
