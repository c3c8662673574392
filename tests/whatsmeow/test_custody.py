"""WhatsApp is told that a message arrived once it is on the disk, and what a killed worker decrypted comes again."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.whatsmeow.kit import drop, recovers

# isort: split
from engines import base
from engines.whatsmeow.inside import store
from tests.whatsapp.nodes import Node
from tests.whatsapp.schema import e2e


@contextlib.contextmanager
def full_disk(line, table="spool"):
    """While it lasts, no event gets into the session's spool, or no keys are noted."""
    with contextlib.closing(sqlite3.connect(Path(line.account.directory) / "notebook.db", timeout=30)) as notebook:
        notebook.execute(f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT raise(ABORT, 'full'); END")
        yield
        notebook.execute("DROP TRIGGER full")


def keys(line):
    """The library's Signal sessions and keys of groups: they change as it decrypts."""
    tables = ("whatsmeow_sessions", "whatsmeow_sender_keys")
    path = Path(line.account.directory) / store.NAME
    return store.glance(path, lambda db: [db.execute(f"SELECT * FROM {table}").fetchall() for table in tables])  # noqa: S608 - literals


def waiting(line):
    """The messages that WhatsApp holds for the session, as nobody acknowledged them."""
    return [node.attrs["id"] for node in line.phone.device.waiting]


@pytest.fixture
def group(linked, contact):
    return linked.double.group(contact.account, "Team", linked.phone.account)


@pytest.fixture
def writing(linked, contact, group):
    """Ways to write to the session."""
    return {
        "a contact": lambda text: contact.say(linked.phone.account, text),
        "a group": lambda text: contact.say_in(group, text),
        "the phone itself": lambda text: linked.phone.write(contact, text),
    }


def decrypted(linked, writing, who, text):
    """Write something that the library decrypts; its id."""
    before = keys(linked)
    stanza = linked.double.run(writing[who](text))
    linked.eventually(lambda: keys(linked) != before)
    return stanza


def kill(worker):
    with contextlib.suppress(ProcessLookupError):  # a full disk ends it, too
        os.kill(worker, signal.SIGKILL)


def arrived(linked, text):
    linked.message(lambda message: message.body == text)
    linked.eventually(lambda: waiting(linked) == [])
    return [message.body for message in linked.sink.messages].count(text)


@pytest.mark.parametrize("who", ["a contact", "a group", "the phone itself"])
def test_a_message_is_acknowledged_once_it_is_on_the_disk(linked, writing, who):
    linked.double.run(writing[who]("before"))
    arrived(linked, "before")
    with full_disk(linked):
        stanza = decrypted(linked, writing, who, "kept")
        assert [stanza] == waiting(linked)
    assert 1 == arrived(linked, "kept")


@pytest.mark.parametrize("who", ["a contact", "a group", "the phone itself"])
@pytest.mark.parametrize("answered", [False, True])
def test_a_message_that_a_killed_worker_decrypted_comes_again(linked, contact, writing, who, answered):
    linked.double.run(writing[who]("before"))
    arrived(linked, "before")
    if answered:
        linked.said(contact, base.Text("an answer"))
    worker = linked.engine.pid
    with full_disk(linked):
        decrypted(linked, writing, who, "lost")
        kill(worker)
    assert 1 == arrived(linked, "lost")
    recovers(linked, contact)


def test_a_message_whose_keys_cannot_be_noted_is_not_decrypted(linked, writing):
    linked.double.run(writing["a contact"]("before"))
    arrived(linked, "before")
    before = keys(linked)
    with full_disk(linked, "opening"):
        stanza = linked.double.run(writing["a contact"]("later"))
        linked.eventually(lambda: "initializing" in linked.sink.states)
        assert [stanza] == waiting(linked)
        assert before == keys(linked)
    assert 1 == arrived(linked, "later")


def test_what_comes_after_a_message_that_could_not_be_kept_does_not_cost_it(linked, double, writing):
    other = double.contact("Other")
    linked.heard(other, "before")
    with full_disk(linked):
        double.run(writing["a contact"]("first"))
        double.run(other.say(linked.phone.account, "second"))
        linked.eventually(lambda: "initializing" in linked.sink.states)
    assert [1, 1] == [arrived(linked, text) for text in ("first", "second")]


def test_of_many_messages_that_a_killed_worker_had_all_come_once(linked, writing):
    texts, worker = [f"number {number}" for number in range(30)], linked.engine.pid
    with full_disk(linked):
        decrypted(linked, writing, "a contact", "first")
        for text in texts:
            linked.double.run(writing["a contact"](text))
        kill(worker)
    for text in texts:
        linked.message(lambda message, text=text: message.body == text)
    assert 1 == arrived(linked, "first")
    assert sorted([*texts, "first"]) == sorted(message.body for message in linked.sink.messages)


def test_a_message_that_comes_again_though_it_is_kept_disturbs_nobody(linked, contact, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(linked.phone.device, "acknowledged", lambda _: None)  # WhatsApp never got that
        stanza = linked.heard(contact, "twice").id.split("_")[2]
        assert [stanza] == waiting(linked)
    drop(linked)
    assert 1 == arrived(linked, "twice")


def test_a_message_that_says_nothing_is_acknowledged_too(linked, contact):
    nothing = e2e.Message(messageContextInfo=e2e.MessageContextInfo(messageSecret=bytes(32)))
    stanza = linked.double.run(contact.say(linked.phone.account, nothing))
    assert [stanza] == waiting(linked)
    linked.eventually(lambda: waiting(linked) == [])


@contextlib.contextmanager
def without_pause(linked, contact):
    """Somebody writes all the time; the texts so far."""
    texts, over = [], threading.Event()

    def write():
        while not over.is_set():
            if len(waiting(linked)) < 20:
                texts.append(f"number {len(texts)}")
                linked.double.run(contact.say(linked.phone.account, texts[-1]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield texts
    finally:
        over.set()
        writer.join()


def test_who_writes_while_being_written_to_can_open_everything(linked, contact, monkeypatch):
    """For each message out and in the library reads a session, moves it on, writes it: done at once, one is undone."""
    asked = []
    plain = contact._ask_again  # noqa: SLF001 - nothing else tells
    monkeypatch.setattr(contact, "_ask_again", lambda node: asked.append(node) or plain(node))
    answers = [f"answer {number}" for number in range(100)]
    with without_pause(linked, contact):
        assert answers == [linked.said(contact, base.Text(text)).text for text in answers]
    assert [] == asked


def test_who_writes_without_pause_is_heard_over_stops_and_starts(linked, contact):
    with without_pause(linked, contact) as texts:
        for _ in range(3):
            linked.engine.stop()
            linked.make().start()
            linked.reach("ready")
    linked.message(lambda message: message.body == texts[-1])
    linked.eventually(lambda: waiting(linked) == [])
    assert sorted(texts) == sorted(message.body for message in linked.sink.messages)


def test_what_nobody_can_read_holds_up_nobody(linked, contact):
    """A patience of five seconds each would be longer than that of the test."""
    ends = [{"type": "rot13", "v": "2"}, {"v": "2"}, {"type": "msg", "v": "2"}, {"type": "pkmsg"}]
    for number, attrs in enumerate(ends * 4):
        sealed = contact.sealed(linked.phone.device, e2e.Message(conversation="?"))
        data = sealed.data if attrs.get("type") == "pkmsg" else b"?"
        base_attrs = {"from": contact.account.lid, "sender_pn": contact.account.phone, "id": f"3AODD{number}"}
        node = Node("message", {**base_attrs, "t": 1_700_000_000, "type": "text"}, [Node("enc", attrs, data)])
        linked.double.run(linked.phone.device.deliver(node))
    foreign = "<enc type="  # it looks like a part, and is none
    linked.double.run(contact.say(linked.phone.account, "within", foreign=foreign))
    assert "after" == linked.heard(contact, "after").body


def test_what_a_disk_does_not_take_is_not_acknowledged_while_the_socket_is_open(tmp_path):
    ran = subprocess.run([sys.executable, "-m", "tests.whatsmeow.failing", tmp_path], check=False, timeout=60)
    assert 0 == ran.returncode
