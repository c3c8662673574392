"""One gateway to a data directory and a database.

A second one would send what the first is sending, take its leases, and break the credentials of linked accounts.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from storage import StorageError, Unavailable
from storage.db import Database

_NAME = 0x6F70656E7761  # "openwa": PostgreSQL's advisory locks are called by numbers


class Taken(StorageError):
    """Another gateway serves from there."""


@contextlib.contextmanager
def sole(directory: Path, url: str, patience: int) -> Iterator[None]:
    """Hold the data directory, and a PostgreSQL database, while inside; a killed process lets go at once.

    `patience` is how many milliseconds PostgreSQL may take to notice that. Raises Taken, Unavailable.
    """
    with (directory / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken(f"another gateway serves from {directory}; stop it first, or set DATA_DIR") from None
        database = Database(url)
        with contextlib.nullcontext() if database.is_sqlite else contextlib.closing(_hold(database, patience)):
            yield


def _hold(database: Database, patience: int) -> Connection:
    """A connection that holds a PostgreSQL database as long as it is open."""
    try:
        held = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        held.execute(text("SELECT set_config('lock_timeout', :patience, false)"), {"patience": str(patience)})
        held.execute(text("SELECT pg_advisory_lock(:name)"), {"name": _NAME})
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03":  # lock_not_available
            raise Taken("another gateway serves from this database; stop it first, or set DATABASE_URL") from error
        raise Unavailable("The database does not answer") from error
    return held
