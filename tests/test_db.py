"""The database: who may write when, what a rollback leaves, and what happens when it goes away."""

import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from storage import NotFound, Unavailable, sessions
from storage.db import Database, Tx
from tests.support import Gateway, together

NOW = 1_800_000_000_000


def make(db: Database, name: str) -> None:
    with db.write() as tx:
        sessions.create(tx, {"name": name}, NOW)


def names(db: Database) -> list[str]:
    with db.read() as tx:
        return sorted(row.name for row in sessions.page(tx, (), 1000, 0))


def test_what_is_written_is_read(db: Database) -> None:
    make(db, "one")
    assert ["one"] == names(db)


def test_an_exception_rolls_everything_back(db: Database) -> None:
    def create_and_fail(tx: Tx) -> None:
        sessions.create(tx, {"name": "one"}, NOW)
        sessions.find(tx, "nobody")

    with pytest.raises(NotFound), db.write() as tx:
        create_and_fail(tx)
    assert [] == names(db)


def test_after_a_rollback_the_next_transaction_works(db: Database) -> None:
    with pytest.raises(NotFound), db.write() as tx:
        sessions.find(tx, "nobody")
    make(db, "one")
    assert ["one"] == names(db)


def test_a_failed_statement_rolls_back_and_the_next_transaction_works(db: Database) -> None:
    def create_and_break(tx: Tx) -> None:
        sessions.create(tx, {"name": "one"}, NOW)
        tx.execute(text("DELETE FROM no_such_table"))

    with pytest.raises(Exception, match="no_such_table"), db.write() as tx:
        create_and_break(tx)
    make(db, "two")
    assert ["two"] == names(db)


def test_a_transaction_in_a_transaction_is_refused(db: Database) -> None:
    with db.write(), pytest.raises(RuntimeError, match="already open in this thread"), db.write():
        pass


def test_after_a_refused_one_the_outer_transaction_still_commits(db: Database) -> None:
    with db.write() as tx:
        sessions.create(tx, {"name": "one"}, NOW)
        with pytest.raises(RuntimeError), db.write():
            pass
    make(db, "two")
    assert ["one", "two"] == names(db)


def test_a_reader_does_not_see_what_is_not_committed(db: Database) -> None:
    with db.write() as tx:
        sessions.create(tx, {"name": "one"}, NOW)
        assert [[]] == together(lambda: names(db))


def test_a_reader_sees_the_newest_commit(db: Database) -> None:
    with db.read() as tx:
        assert [] == sessions.page(tx, (), 10, 0)
        together(lambda: make(db, "one"))
        assert 1 == len(sessions.page(tx, (), 10, 0))


def test_readers_do_not_wait_for_a_writer(db: Database) -> None:
    with db.write() as tx:
        sessions.create(tx, {"name": "one"}, NOW)
        assert [[]] * 8 == together(*[lambda: names(db)] * 8)


def test_many_writers_at_once_all_get_through(db: Database) -> None:
    together(*[lambda n=n: [make(db, f"{n}-{i}") for i in range(10)] for n in range(8)])
    assert 80 == len(names(db))


def test_sums_of_many_writers_at_once_are_right(db: Database) -> None:
    make(db, "one")

    def add() -> None:
        for _ in range(10):
            with db.write() as tx:
                tx.execute(text("UPDATE sessions SET message_count = message_count + 1"))

    together(*[add] * 8)
    with db.read() as tx:
        assert 80 == tx.execute(text("SELECT message_count FROM sessions")).scalar()


def test_a_session_of_a_row_must_exist(db: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), db.write() as tx:
        tx.execute(text("INSERT INTO chats (session_id, chat_id, message_count) VALUES ('nobody', 'x', 0)"))


def test_a_commit_on_sqlite_is_on_disk(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with db.write() as tx:
        told = {p: tx.execute(text(f"PRAGMA {p}")).scalar() for p in ("journal_mode", "synchronous", "foreign_keys")}
    db.close()
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == told


def test_a_file_that_is_no_database_is_unavailable_or_an_error_but_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    file.write_bytes(b"this is somebody's letter, not a database" * 100)
    db = Database(f"sqlite:///{file}")
    with pytest.raises(Exception, match=r"not a database|does not answer"), db.write() as tx:
        tx.execute(select(1))
    assert file.read_bytes().startswith(b"this is somebody's letter")


def test_a_directory_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'nowhere' / 'x.sqlite'}")
    with pytest.raises(Unavailable), db.read():
        pass


def test_a_server_that_is_not_there_is_unavailable() -> None:
    db = Database("postgresql://postgres@127.0.0.1:9/none")
    with pytest.raises(Unavailable), db.read():
        pass


# --- a server that goes away ----------------------------------------------------------------------

ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


def cut(url: str, *, let_in: bool) -> None:
    """Cut everybody off a database; let nobody in again until it is called with `let_in`."""
    with psycopg.connect(url.replace("/test?", "/postgres?"), autocommit=True) as server:
        server.execute(f"ALTER DATABASE test ALLOW_CONNECTIONS {str(let_in).lower()}".encode())
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test'")


@ON_POSTGRES
def test_a_lost_server_is_unavailable_and_comes_back(db: Database, database_url: str) -> None:
    make(db, "one")
    cut(database_url, let_in=False)
    for _ in range(2):
        with pytest.raises(Unavailable):
            names(db)
        with pytest.raises(Unavailable):
            make(db, "two")
    cut(database_url, let_in=True)
    make(db, "three")
    assert ["one", "three"] == names(db)


@ON_POSTGRES
def test_a_connection_cut_in_a_transaction_loses_that_transaction_only(db: Database, database_url: str) -> None:
    def create_and_lose(tx: Tx) -> None:
        sessions.create(tx, {"name": "one"}, NOW)
        cut(database_url, let_in=True)
        sessions.create(tx, {"name": "two"}, NOW)

    with pytest.raises(Unavailable), db.write() as tx:
        create_and_lose(tx)
    make(db, "three")
    assert ["three"] == names(db)


@ON_POSTGRES
def test_a_gateway_without_its_server_answers_503_and_recovers(gateway: Gateway, database_url: str) -> None:
    cut(database_url, let_in=False)
    answers = [gateway.get("/sessions"), gateway.post("/sessions", json={"name": "my-bot"})]
    told = {(answer.status_code, answer.json["message"], answer.headers["Retry-After"]) for answer in answers}
    assert {(503, "The database does not answer", "5")} == told
    assert 503 == gateway.get("/health/ready").status_code
    assert 200 == gateway.get("/health/live").status_code
    cut(database_url, let_in=True)
    assert [200, 201, 200] == [
        gateway.get("/sessions").status_code,
        gateway.post("/sessions", json={"name": "my-bot"}).status_code,
        gateway.get("/health/ready").status_code,
    ]


@ON_POSTGRES
def test_every_thread_finds_back(db: Database, database_url: str) -> None:
    """Each has connections of its own, all of them cut."""
    barrier, found = threading.Barrier(5), []

    def work() -> None:
        names(db)
        barrier.wait(10)
        barrier.wait(10)
        for attempt in range(2):
            try:
                found.append((attempt, names(db)))
            except Unavailable:
                found.append((attempt, None))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait(10)
    cut(database_url, let_in=True)
    barrier.wait(10)
    for thread in threads:
        thread.join(10)
    assert [(1, [])] * 4 == [one for one in found if one[0] == 1]
