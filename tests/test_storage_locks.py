"""Those who write to one session at the same moment wait for each other, and never both."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.base import Message, MessageReceived, ReceiptReceived, Sent
from gateway.inbound import Inbound
from gateway.sender import mark_sent
from storage import Unavailable, sends, sessions
from storage.db import Database
from tests.support import START

AYU, BIMA = "447700900006@c.us", "447700900007@c.us"


@pytest.fixture
def session(db: Database) -> str:
    with db.write() as tx:
        return str(sessions.create(tx, {"name": "one"}, START).id)


def at_once(*tasks: Callable[[], None]) -> list[Exception]:
    """Run them side by side; what they raised."""
    raised: list[Exception] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            raised.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def send(db: Database, session: str, chat: str, wa_id: str) -> None:
    """A send with its outcome, as the sender commits them."""
    message = {"chat_id": chat, "sender": "me", "recipient": chat, "body": "hi", "type": "text", "timestamp": 1}
    with db.write() as tx:
        queued = sends.queue(tx, session, message, {}, START)
        sends.claim(tx, sends.Lane(session, chat), START)
    with db.write() as tx:
        mark_sent(tx, session, queued, Sent(wa_id, 1), START)


def heard(chat: str, wa_id: str) -> MessageReceived:
    return MessageReceived(Message(wa_id, chat, chat, "text", "hello", 1))


def test_sending_and_hearing_in_the_same_chats_at_the_same_moment_is_no_deadlock(db: Database, session: str) -> None:
    inbound = Inbound(db, lambda: START)

    def sends_to(chat: str) -> None:
        for n in range(40):
            send(db, session, chat, f"true_{chat}_{n}")

    def hears(*chats: str) -> None:
        for n in range(40):
            receipts = [ReceiptReceived((f"true_{chat}_{n}",), chat, "delivered", chat, 1) for chat in chats]
            inbound.record(session, [heard(chats[0], f"{chats}_{n}"), *receipts, heard(chats[1], f"{chats}_{n}_too")])

    tasks = (lambda: sends_to(AYU), lambda: sends_to(BIMA), lambda: hears(AYU, BIMA), lambda: hears(BIMA, AYU))

    assert at_once(*tasks) == []
    with db.read() as tx:
        assert sessions.find(tx, session).message_count == 4 * 40 + 2 * 40


def test_a_wait_that_the_database_ends_is_no_fault_of_ours(db: Database, session: str) -> None:
    """Two transactions that take rows the wrong way round: one is ended and may be tried again."""
    with db.write() as tx:
        other = sessions.create(tx, {"name": "two"}, START).id
    both = threading.Barrier(2, timeout=5)

    def takes(first: str, second: str) -> None:
        with db.write() as tx:
            sessions.hold(tx, first)
            if not db.is_sqlite:
                both.wait()
            sessions.hold(tx, second)

    raised = at_once(lambda: takes(session, other), lambda: takes(other, session))

    assert [type(error) for error in raised] == ([] if db.is_sqlite else [Unavailable])


def test_a_database_that_another_program_keeps_busy_is_no_fault_of_ours(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'busy.sqlite'}")
    with db.write() as tx:
        tx.exec_driver_sql("PRAGMA busy_timeout=10")
    other = sqlite3.connect(tmp_path / "busy.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable), db.write():
        pass

    other.close()
    db.close()
