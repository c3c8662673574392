"""The virtual WhatsApp of one process: the ground it stands on, its post, and its admin's hand."""

from collections.abc import Callable
from pathlib import Path

from engines.simulator import people
from engines.simulator.accounts import Account
from engines.simulator.clock import Clock
from engines.simulator.control import Control
from engines.simulator.ground import Ground
from engines.simulator.people import Person, Received
from engines.simulator.post import Post, own_id, their_id


class World(Ground):
    """All sessions of a process share one.

    `directory` is where it survives a restart (None: in memory only), `chance` gives for a text a number from 0 up to 1,
    `remember` is how many messages each contact's inbox keeps. `control` is for admins and tests: it lets contacts act
    and the network fail. A world without a directory is for one life of the process.
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        clock: Clock | None = None,
        chance: Callable[[str], float] = people.fraction_of,
        remember: int = 100_000,
    ) -> None:
        super().__init__(directory, clock=clock, chance=chance, remember=remember)
        self.post = Post(self)
        self.control = Control(self, self.post)
        self.open({"out": self.post.replay_out})
        self._resume()

    def _resume(self) -> None:
        """Contacts go on with what they were about to do when the process died."""
        for person in list(self.people.values()):
            for entry in list(person.inbox.values()):
                self._resume_one(self.account(entry.session_id), person, entry)

    def _resume_one(self, account: Account, person: Person, entry: Received) -> None:
        chat = account.chats.get(entry.chat)
        message = chat and chat.messages.get(own_id(account, entry.chat, entry.stanza))
        if not chat or not message:
            return
        answer = their_id(person.chat, people.stanza_of("echo " + message.id), person.chat)
        if answer not in chat.messages:
            self.post.proceed(account, person, message, entry.digest)
