"""The way from a session's name to its running engine, for operations that ask it something."""

from engines import Engines
from engines.verbs import Everything
from storage import sessions
from storage.db import Database


def live(db: Database, engines: Engines, session_id: str) -> Everything:
    """The running engine of the session with this id or name. Raises NotFound, NotStarted."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
    return engines.live(row.id)
