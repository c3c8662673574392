"""Keys of the library's: how they are looked at while it uses them, and put back after it was killed."""

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

# isort: split
from engines.whatsmeow.inside import keys, store

_TABLES = """
CREATE TABLE whatsmeow_device (jid TEXT PRIMARY KEY);
CREATE TABLE whatsmeow_sessions (our_jid TEXT, their_id TEXT, session BLOB, PRIMARY KEY (our_jid, their_id));
CREATE TABLE whatsmeow_sender_keys (
  our_jid TEXT, chat_id TEXT, sender_id TEXT, sender_key BLOB, PRIMARY KEY (our_jid, chat_id, sender_id));
CREATE TABLE whatsmeow_lid_map (lid TEXT PRIMARY KEY, pn TEXT UNIQUE);
INSERT INTO whatsmeow_device VALUES ('1:1@s.whatsapp.net');
INSERT INTO whatsmeow_lid_map VALUES ('900', '49');
"""


def record(*, sending=("a", 0), receiving="x", previous=0, base="b"):
    """A session as the library keeps it, as far as it matters."""
    chain = {"ChainKey": {"Index": sending[1], "Key": sending[0]}}
    state = {"SenderChain": chain, "ReceiverChains": [receiving], "PreviousCounter": previous, "SenderBaseKey": base}
    return json.dumps({"SessionState": state, "PreviousStates": []}).encode()


@pytest.fixture
def path(tmp_path):
    made = tmp_path / store.NAME
    with contextlib.closing(sqlite3.connect(made)) as db:
        db.executescript(_TABLES)
    return made


def put(path, session):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT OR REPLACE INTO whatsmeow_sessions VALUES ('1:1@s.whatsapp.net', '900_1:3', ?)", (session,))


def session(path):
    return next(key for place, address, key in keys.look(path, "900:3@lid", "900:3@lid") if address == "900_1:3")


# --- a look


@pytest.mark.parametrize("author", ["900:3@lid", "49:3@s.whatsapp.net"])
def test_the_keys_of_a_device_are_found_under_both_of_its_names(path, author):
    put(path, b"one")
    assert [("", "900_1:3", b"one"), ("", "49:3", None)] == keys.look(path, author, author)


def test_in_a_group_there_is_a_key_of_the_group_too(path):
    assert [("", "5_1:0", None), ("g@g.us", "5_1:0", None)] == keys.look(path, "5@lid", "g@g.us")


def test_what_the_library_is_writing_is_neither_read_nor_undone(path, tmp_path, monkeypatch):
    """SQLite takes the journal of somebody whose lock it does not see for a crash, and would put the past back."""
    put(path, b"old")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as library:
        library.execute("PRAGMA cache_size = 1")
        library.execute("BEGIN IMMEDIATE")
        library.execute("UPDATE whatsmeow_sessions SET session = zeroblob(1 << 20)")  # more than it keeps in memory
        beyond = tmp_path / "beyond"  # as it looks where its locks are not seen
        beyond.mkdir()
        for file in (path, path.with_name(f"{store.NAME}-journal")):
            shutil.copy(file, beyond)
    journal = beyond / f"{store.NAME}-journal"
    kept = journal.read_bytes(), (beyond / store.NAME).read_bytes()
    monkeypatch.setattr(store, "_GLANCE_SECONDS", 0.01)
    with pytest.raises(TimeoutError):
        keys.look(beyond / store.NAME, "5@lid", "5@lid")
    assert store.linked(beyond)
    assert kept == (journal.read_bytes(), (beyond / store.NAME).read_bytes())


def test_what_the_library_left_as_it_was_killed_is_no_writing(path):
    journal = path.with_name(f"{store.NAME}-journal")
    journal.write_bytes(bytes(512))  # of somebody who had just begun one: SQLite passes over it, and lets it lie
    store.check(path.parent)
    store.tidy(path.parent)
    assert [("", "5_1:0", None)] == keys.look(path, "5@lid", "5@lid")


def test_a_disk_that_takes_nothing_is_no_damage(path):
    """Damage is for good, and a full disk is not: whoever looks for damage writes nothing."""
    written = path.read_bytes()
    store.check(path.parent)
    assert written == path.read_bytes()


def test_a_session_that_ended_is_linked_no_more(path):
    assert store.linked(path.parent)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM whatsmeow_device")
    assert not store.linked(path.parent)


def test_the_library_keeps_a_journal_that_can_be_seen(linked):
    """A glance rests on that: in WAL mode it would read the past."""
    directory = Path(linked.account.directory)
    assert [("delete",)] == store.glance(
        directory / store.NAME, lambda db: db.execute("PRAGMA journal_mode").fetchall()
    )
    assert not list(directory.glob(f"{store.NAME}-wal"))


# --- back


@pytest.mark.parametrize(
    ("now", "then"),
    [
        pytest.param(record(sending=("a", 7), receiving="y"), "old", id="it received"),
        pytest.param(
            record(sending=("b", 0), receiving="y", previous=6), "old", id="it received and turned the ratchet"
        ),
        pytest.param(record(sending=("b", 0), receiving="y", base="c"), "old", id="the other side began anew"),
        pytest.param(record(sending=("a", 8)), "now", id="it only sent"),
        pytest.param(record(sending=("a", 8), receiving="y"), None, id="it received and sent"),
        pytest.param(record(sending=("b", 1), receiving="y", previous=6), None, id="it turned the ratchet and sent"),
        pytest.param(record(sending=("b", 0), receiving="y", previous=7), None, id="it sent and turned the ratchet"),
    ],
)
def test_a_session_is_put_back_unless_a_key_for_sending_would_be_used_twice(path, now, then):
    old = record(sending=("a", 7))
    put(path, old)
    before = keys.look(path, "900:3@lid", "900:3@lid")
    put(path, now)
    keys.restore(path, before)
    assert {"old": old, "now": now, None: None}[then] == session(path)


def test_a_session_that_did_not_exist_is_forgotten(path):
    before = keys.look(path, "900:3@lid", "900:3@lid")
    put(path, record())
    keys.restore(path, before)
    assert session(path) is None


def test_the_key_of_a_group_is_put_back(path):
    def give(key):
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            row = ("1:1@s.whatsapp.net", "g@g.us", "900_1:0", key)
            db.execute("INSERT OR REPLACE INTO whatsmeow_sender_keys VALUES (?, ?, ?, ?)", row)

    give(b"old")
    before = keys.look(path, "900@lid", "g@g.us")
    give(b"new")
    keys.restore(path, before)
    assert before == keys.look(path, "900@lid", "g@g.us")
    assert ("g@g.us", "900_1:0", b"old") in before


def test_many_contacts_cost_a_look_nothing(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        for sql in keys._SELECT.values():  # noqa: SLF001
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", {"chat": "", "address": "900_1:3"})]
            assert not [step for step in plan if step.startswith("SCAN whatsmeow_se")], plan
