"""The road of what only the engine can answer: the session, its running engine, and addresses in their one form."""

from collections.abc import Iterable
from typing import NamedTuple

from engines import Engines, addresses
from engines.verbs import Everything
from storage import sessions
from storage.db import Database


class Asked(NamedTuple):
    """A running session that is asked something."""

    session_id: str
    engine: Everything

    def address(self, written: str) -> str:
        """Whom or what any written form names. Raises BadAddress."""
        return addresses.parse(written)

    def addresses(self, written: Iterable[str]) -> list[str]:
        """The same of several, each once, in the order given."""
        return list(dict.fromkeys(self.address(one) for one in written))


def ask(db: Database, engines: Engines, given: str) -> Asked:
    """The session with this id or name, to be asked. Raises NotFound, NotStarted."""
    with db.read() as tx:
        session_id = sessions.find(tx, given).id
    return Asked(session_id, engines.live(session_id))


def live(db: Database, engines: Engines, session_id: str) -> Everything:
    """The running engine of the session with this id or name. Raises NotFound, NotStarted."""
    return ask(db, engines, session_id).engine
