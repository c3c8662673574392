"""The virtual WhatsApp of one process: the ground it stands on, its post, and its admin's hand."""

from collections.abc import Callable
from pathlib import Path

from engines.simulator import people
from engines.simulator.accounts import Account
from engines.simulator.clock import Clock
from engines.simulator.control import Control
from engines.simulator.ground import Ground
from engines.simulator.post import Post, answer_to
from engines.simulator.replay import Replay
from engines.simulator.rooms import Rooms


class World(Ground):
    """All sessions of a process share one.

    `directory` is where it survives a restart (None: in memory only), `chance` gives a number from 0 to 1 for a text,
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
        self.rooms = Rooms(self)
        self.control = Control(self, self.post)
        self.read({**Replay(self).replayers(), "out": self.post.recall_out})
        self.blobs.keep_only(self._wanted_blobs())
        self._resume()

    def link_account(self, account: Account) -> None:
        """The account's phone accepted the gateway as a linked device; the first time it finds some groups there."""
        with self.change():
            super().link_account(account)
            self.rooms.welcome(account)

    def forget(self, session_id: str) -> None:
        """A session was deleted: its account and its groups never were."""
        with self.change():
            self.rooms.forget(self.account(session_id).address)
            super().forget(session_id)

    def _wanted_blobs(self) -> set[str]:
        """The media that still have somewhere to go."""
        waiting = {parcel.blob for account in self.accounts.values() for parcel in account.mailbox.values()}
        unread = {entry.digest for one in self.people.values() for entry in one.inbox.values() if entry.message}
        return {digest for digest in waiting | unread if digest}

    def _resume(self) -> None:
        """Contacts go on with what they were about to do when the process died."""
        for person in list(self.people.values()):
            for entry in list(person.inbox.values()):
                message = entry.message
                if message is not None and answer_to(message) not in person.answers:
                    self.post.proceed(self.account(entry.session_id), person, message, entry.digest)
            person.answers.clear()
