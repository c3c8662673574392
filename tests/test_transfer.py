"""Export and import: the whole database out of one and into another, whatever kind each is."""

import gzip
import json
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from gateway.transfers import Progress
from storage import events, migrate, sessions, transfer, webhooks
from storage import messages as store
from storage.db import Database
from storage.events import Draft
from storage.sealing import Seal, WrongPassphrase
from storage.tables import audit_logs, messages
from storage.tables import sessions as sessions_table
from storage.transfer import BadFile, metadata
from tests.support import START, Gateway, beside
from tests.transfer_stage import fill

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def other(db: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the other kind."""
    if not db.is_sqlite:
        made = Database(f"sqlite:///{tmp_path / 'other.sqlite'}")
        migrate.upgrade(made)
        yield made
        made.close()
        return
    with beside(request.getfixturevalue("postgres_server"), "other", "template_openwa") as made:
        yield made


def silent(*_: Any) -> None: ...


def dump(db: Database, passphrase: str | None = None) -> list[bytes]:
    return list(transfer.dump(db, "2027-01-15T08:00:00.000Z", Seal(passphrase) if passphrase else None, silent))


def contents(db: Database) -> dict[str, list[Any]]:
    """Every row of every table."""
    with db.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


def test_what_goes_out_comes_in_whole(db: Database, other: Database) -> None:
    fill(db)
    counts = transfer.load(other, dump(db, PASSPHRASE), PASSPHRASE, silent)
    before = contents(db)
    assert (before, []) == (contents(other), [name for name, rows in before.items() if not rows])
    assert {name: len(rows) for name, rows in before.items() if rows and name not in transfer.DERIVED} == counts


def test_it_comes_back_as_it_went(db: Database, other: Database) -> None:
    fill(db)
    before = contents(db)
    transfer.load(other, dump(db, PASSPHRASE), PASSPHRASE, silent)
    transfer.load(db, dump(other, PASSPHRASE), PASSPHRASE, silent)
    assert before == contents(db)


def test_new_rows_do_not_meet_imported_ones(db: Database, other: Database) -> None:
    session = fill(db)
    transfer.load(other, dump(db, PASSPHRASE), PASSPHRASE, silent)
    with other.write() as tx:
        assert 1 == events.append(tx, session, [Draft("message.sent", "another", {}, "1@c.us")], START)
        assert 4 == events.newest(tx)
        row = {"id": "a" * 36, "chat_id": "1@c.us", "sender": "me", "recipient": "1@c.us", "type": "text",
               "direction": "outgoing", "status": "sent"}  # fmt: skip
        assert {"a" * 36} == store.add(tx, session, [row], START)
        *_, before, newest = tx.execute(select(messages.c.row).order_by(messages.c.row)).scalars()
        assert before + 1 == newest
        assert "two" == sessions.create(tx, {"name": "two"}, START).name


def test_without_a_passphrase_no_secret_leaves(db: Database, other: Database) -> None:
    fill(db)
    lines = dump(db)
    whole = b"".join(lines).decode()
    assert [] == [word for word in ("whsec_1", "Bearer 2", "password", "api_keys", "a-key") if word in whole]
    transfer.load(other, lines, None, silent)
    with other.read() as tx:
        (hook,) = webhooks.page(tx, [], 10, 0)
        assert (hook.active, hook.disabled_reason, hook.secret) == (False, "secrets_left_out", None)
        assert "http://proxy.example:8080" == sessions.find(tx, "my-bot").proxy_url


def test_with_a_passphrase_no_secret_can_be_read(db: Database) -> None:
    fill(db)
    whole = b"".join(dump(db, PASSPHRASE)).decode()
    assert [] == [word for word in ("whsec_1", "Bearer 2", "user:password") if word in whole]


def test_keys_that_are_not_in_the_file_stay(gateway: Gateway) -> None:
    lines = dump(gateway.program.db)
    gateway.session("given-way")
    transfer.load(gateway.program.db, lines, None, silent)
    assert [] == gateway.get("/sessions").json


def test_every_column_that_sounds_secret_is_sealed() -> None:
    """A new one has to be thought about."""
    sounds = re.compile("secret$|password|token|hash|proxy_url|headers|credential")
    known = {(table, column) for table, columns in transfer.SEALED.items() for column in columns}
    columns = {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns}
    assert known == {one for one in columns if sounds.search(one[1])}


# --- files that are not what they should be --------------------------------------------------------


def broken(change: Callable[[list[Any]], Any]) -> Callable[[Database], list[bytes]]:
    def made(db: Database) -> list[bytes]:
        lines = [json.loads(line) for line in dump(db)]
        changed = change(lines)
        return [json.dumps(line).encode() for line in (changed if isinstance(changed, list) else lines)]

    return made


def row_of(lines: list[Any], table: str) -> dict[str, Any]:
    return next(line["row"] for line in lines if line.get("table") == table)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: [], "Line 1 is no JSON object"),
        (lambda _: [b"hello"], "Line 1 is no JSON object"),
        (lambda _: [b"{}"], "no export"),
        (lambda _: [b"[1]"], "Line 1 is no JSON object"),
        (broken(lambda lines: lines[0].update(schema="9999")), "schema 9999"),
        (broken(lambda lines: lines[:-1]), "cut off"),
        (broken(lambda lines: [lines[0], *lines[2:]]), "as many rows"),
        (broken(lambda lines: lines.insert(1, {"table": "nonsense", "row": {}})), "Line 2 is no row"),
        (broken(lambda lines: lines.insert(1, {"table": "api_keys", "row": {}})), "Line 2 is no row"),
        (broken(lambda lines: row_of(lines, "sessions").update(name=5)), "Not a valid string"),
        (broken(lambda lines: row_of(lines, "sessions").update(name="x" * 101)), "Longer than"),
        (broken(lambda lines: row_of(lines, "sessions").update(colour="red")), "Unknown field"),
        (broken(lambda lines: row_of(lines, "sessions").pop("wanted")), "Missing data"),
        (broken(lambda lines: row_of(lines, "sessions").update(created_at="now")), "Not a valid integer"),
        (broken(lambda lines: row_of(lines, "messages").update(status="lost")), "do not fit together"),
        (broken(lambda lines: row_of(lines, "messages").update(session_id="x")), "do not fit together"),
    ],
)
def test_a_bad_file_changes_nothing(db: Database, make: Callable[[Database], list[bytes]], said: str) -> None:
    fill(db)
    before = contents(db)
    with pytest.raises(BadFile, match=said):
        transfer.load(db, make(db), None, silent)
    assert before == contents(db)


def test_another_passphrase_changes_nothing(db: Database) -> None:
    fill(db)
    before = contents(db)
    with pytest.raises(WrongPassphrase):
        transfer.load(db, dump(db, PASSPHRASE), "another one altogether", silent)
    with pytest.raises(BadFile, match="passphrase"):
        transfer.load(db, dump(db, PASSPHRASE), None, silent)
    assert before == contents(db)


def test_the_file_is_of_one_moment(db: Database) -> None:
    session = fill(db)
    lines = transfer.dump(db, "", None, silent)
    first = next(line for line in lines if b'"sessions"' in line)
    with db.write() as tx:
        tx.execute(update(sessions_table).values(name="renamed"))
        tx.execute(insert(audit_logs).values(id="late", action="late", severity="info", created_at=1))
    rest = b"".join(lines)
    assert (True, False) == (b"my-bot" in first, b'"late"' in rest)
    with db.read() as tx:
        assert "renamed" == sessions.find(tx, session).name


def test_many_rows_are_not_held_at_once(db: Database, other: Database) -> None:
    session = fill(db)
    with db.write() as tx:
        for start in range(0, 5_000, 1_000):
            rows = [
                {"id": f"{n:036}", "session_id": session, "wa_message_id": f"w{n}", "chat_id": "1@c.us", "sender": "1",
                 "recipient": "2", "body": "x" * 8_000, "type": "text", "direction": "incoming", "status": "sent",
                 "created_at": START}
                for n in range(start, start + 1_000)
            ]  # fmt: skip
            tx.execute(insert(messages), rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = transfer.load(other, transfer.dump(db, "", None, silent), None, silent)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (5_002, True) == (counts["messages"], grown < 40_000), f"{grown} kB more for 40 MB of text"


# --- the command line ------------------------------------------------------------------------------


class TestCommands:
    @pytest.fixture
    def openwa(self, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        from gateway import cli  # noqa: PLC0415

        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("DATABASE_URL", database_url)
        return lambda *arguments: cli.main(list(map(str, arguments)))

    @pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
    def test_a_file_goes_out_and_comes_in(self, openwa, db: Database, tmp_path: Path, capsys, name: str) -> None:
        fill(db)
        before, file, phrase = contents(db), tmp_path / name, tmp_path / "phrase"
        phrase.write_text(PASSPHRASE + "\n")
        assert 0 == openwa("export", file, "--passphrase-file", phrase)
        assert 0o600 == file.stat().st_mode & 0o777
        assert 1 == openwa("import", file, "--passphrase-file", phrase)
        assert "with --replace all it holds gives way" in capsys.readouterr().err
        assert 0 == openwa("import", file, "--replace", "--passphrase-file", phrase)
        assert before == contents(db)
        assert "messages: 2\n" in capsys.readouterr().err

    def test_where_nobody_watches_each_table_is_told_once(self, capsys) -> None:
        progress = Progress()
        for table, rows in (("sessions", 2), ("messages", 1000), ("messages", 2000), ("messages", 2500)):
            progress(table, rows, rows if table == "sessions" else 2500)
        progress.end("done")
        assert ["sessions: 2 of 2", "messages: 2,500 of 2,500", "done (0 s)"] == capsys.readouterr().err.splitlines()

    def test_on_a_terminal_a_line_is_written_over_and_over(self, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        progress = Progress()
        progress("messages", 1000, 2500)
        assert ("\rmessages: 1,000 of 2,500", False) == ((said := capsys.readouterr().err).rstrip(" "), "\n" in said)

    def test_a_damaged_file_is_told(self, openwa, db: Database, tmp_path: Path, capsys) -> None:
        file = tmp_path / "bad.gz"
        file.write_bytes(gzip.compress(b"no JSON\n"))
        assert 1 == openwa("import", file)
        assert "Line 1 is no JSON object" in capsys.readouterr().err
        assert {} == {name: rows for name, rows in contents(db).items() if rows}

    @pytest.mark.parametrize("phrase", ["short", ""])
    def test_a_passphrase_is_no_word(self, openwa, tmp_path: Path, phrase: str) -> None:
        (tmp_path / "phrase").write_text(phrase)
        assert 1 == openwa("export", tmp_path / "out", "--passphrase-file", tmp_path / "phrase")


def test_tables_have_no_other_types() -> None:
    """The check of a file's rows knows strings, numbers, booleans and JSON."""
    assert {"String", "Text", "BigInteger", "Integer", "Boolean", "JSON"} == {
        type(column.type).__name__ for table in metadata.sorted_tables for column in table.columns
    }
