"""The database: SQLite in a file or PostgreSQL by URL, the same tables and the same functions on both.

One clear rule for writers. `read()` gives this thread's own connection, each statement sees the newest committed
state. `write()` is one transaction: on SQLite all writers of the process queue on one lock and begin IMMEDIATE, so
no writer ever meets a busy database; on PostgreSQL rows are the locks. A commit is on disk when `write()` returns
(`synchronous=FULL`), because a 201 promises it.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, literal_column, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from storage import Unavailable

Tx = Connection
_ENDED: set[object] = {
    "40001",
    "40P01",
    "55P03",
    sqlite3.SQLITE_BUSY,
}  # serialization, deadlock, lock timeout; try again

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-8000",
)


class Database:
    """One database of one gateway. Connections belong to threads and live as long as they do."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's: `sqlite:///path` or `postgresql://…` (psycopg is chosen for the latter)."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._begin = "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN"
        # Every thread keeps its connections, so there is nothing to pool.
        self.engine: Engine = create_engine(
            parsed,
            poolclass=NullPool,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            connect_args={} if self.is_sqlite else {"connect_timeout": 10},
        )
        self._local = _Mine()
        self._reading = _Reading(self)
        self._open: list[Connection] = []
        self._writer = threading.Lock()
        self._losses = 0  # how often a connection was lost: those that others opened before are lost as well
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)

    def read(self) -> "_Reading":
        """This thread's reading connection, in autocommit. Raises Unavailable where the database does not answer."""
        return self._reading

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One transaction, committed at the end, rolled back on an exception. Not to be nested in one thread."""
        if self._local.writing:
            raise RuntimeError("a transaction is already open in this thread; pass it on instead")
        with self._writer if self.is_sqlite else _NO_LOCK:
            tx = self._connection("writer")
            self._local.writing = True
            try:
                run_on_driver(tx, self._begin)
                yield tx
                run_on_driver(tx, "COMMIT")
            except DBAPIError as error:
                self._forget("writer")
                raise self._told(error) from error
            except BaseException:
                self._roll_back(tx)
                raise
            finally:
                self._local.writing = False

    @contextmanager
    def snapshot(self) -> Iterator[Tx]:
        """One moment of everything, however long it is read, on a connection of its own. Raises Unavailable."""
        level = "AUTOCOMMIT" if self.is_sqlite else "REPEATABLE READ"
        try:
            with self.engine.connect().execution_options(isolation_level=level) as tx:
                if self.is_sqlite:
                    tx.exec_driver_sql("BEGIN")
                yield tx
                if self.is_sqlite:
                    tx.exec_driver_sql("ROLLBACK")
        except DBAPIError as error:
            raise self._told(error) from error

    def spare_disk(self) -> None:
        """From now on this thread's commits survive a kill, as all do, but may be lost with the power.

        For what is done again if it is forgotten; nothing that was promised to anyone.
        """
        self._local.sparing = True
        self._forget("writer")

    def close(self) -> None:
        """Close what all threads opened; only for a database nobody uses any more."""
        for connection in self._open:
            with suppress(DBAPIError):  # its server may be gone
                connection.close()
        self._open.clear()
        self._local = _Mine()
        self.engine.dispose()

    def _connection(self, role: str) -> Connection:
        local = self._local
        if local.losses != self._losses and not local.writing:
            self._forget("reader")
            self._forget("writer")
            local.losses = self._losses
        connection: Connection | None = getattr(local, role)
        if connection is None:
            try:
                # SQLAlchemy's transactions cost ten times what BEGIN and COMMIT do; it is told that there are none.
                connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            except OperationalError as error:
                raise Unavailable("The database does not answer") from error
            connection.begin()
            if role == "writer" and local.sparing:
                _spare(connection, sqlite=self.is_sqlite)
            setattr(local, role, connection)
            self._open.append(connection)
        return connection

    def _roll_back(self, tx: Tx) -> None:
        try:
            run_on_driver(tx, "ROLLBACK")
        except DBAPIError:  # closing it rolls back as well
            self._forget("writer")

    def _forget(self, role: str) -> None:
        connection: Connection | None = getattr(self._local, role)
        if connection is not None:
            setattr(self._local, role, None)
            self._open.remove(connection)
            connection.invalidate()
            connection.close()

    def _told(self, error: DBAPIError) -> Exception:
        """A lost or refused connection, and a wait that the database ended, are Unavailable; the rest is our bug."""
        if error.connection_invalidated:
            self._losses += 1
            return Unavailable("The database does not answer")
        codes = {getattr(error.orig, "sqlstate", None), getattr(error.orig, "sqlite_errorcode", None)}
        return Unavailable("The database is busy") if codes & _ENDED else error


def run_on_driver(tx: Tx, sql: str, given: Any = (), *, many: bool = False) -> Any:
    """The driver's cursor after a statement in the driver's own spelling, once, or once for each of `many` values.

    Raises SQLAlchemy's DBAPIError.
    """
    driver: Any = tx.connection.dbapi_connection
    try:
        return driver.cursor().executemany(sql, given) if many else driver.execute(sql, given)
    except tx.dialect.loaded_dbapi.Error as error:
        lost = tx.dialect.is_disconnect(error, driver, None)
        kind = tx.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(sql, given, error, kind, connection_invalidated=lost) from error


def _spare(connection: Connection, *, sqlite: bool) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA synchronous=NORMAL" if sqlite else "SET synchronous_commit = off")


def one_at_a_time(tx: Tx, what: str) -> None:
    """Until the transaction ends, nobody else does `what`: a rule over many rows is checked and kept in one piece.

    SQLite's writers queue anyway; PostgreSQL takes an advisory lock.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": what})


def literally(column: Any, word: str) -> Any:
    """`column = 'word'`, the word in the statement itself: only so does a partial index know that it is meant."""
    return column == literal_column(f"'{word}'")


def upsert(dialect: str, into: Table) -> Any:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`, which both databases spell alike."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(into)


class _Mine(threading.local):
    """What a thread has of the database: its connections, and what it said of them."""

    reader: Connection | None = None
    writer: Connection | None = None
    losses = 0
    writing = False
    sparing = False


class _Reading:
    """What `with database.read()` enters; holds nothing itself, so that one serves all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Tx:
        return self._database._connection("reader")  # noqa: SLF001 - a part of Database

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DBAPIError):
            self._database._forget("reader")  # noqa: SLF001
            raise self._database._told(error) from error  # noqa: SLF001


class _NoLock:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


_NO_LOCK = _NoLock()


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own
    for pragma in _PRAGMAS:
        connection.execute(pragma)
