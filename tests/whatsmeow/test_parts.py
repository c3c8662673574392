"""The engine's parts that need no WhatsApp: watchdog, notebook, ids, errors, pauses, starts, claims."""

import subprocess
import sys
import threading

import pytest

# isort: split
from engines import base
from engines.whatsmeow import ids
from engines.whatsmeow.inside import store
from engines.whatsmeow.inside.notebook import Kept, Notebook
from engines.whatsmeow.inside.patience import patiently
from engines.whatsmeow.inside.refusals import typed
from engines.whatsmeow.inside.watchdog import Watchdog
from engines.whatsmeow.pauses import Pauses
from engines.whatsmeow.starts import Starts


@pytest.fixture
def notebook(tmp_path):
    return Notebook(tmp_path / "notebook.db")


# --- the watchdog


def test_a_promise_that_is_kept_raises_no_alarm():
    dog = Watchdog()
    dog.expect("dial", 10.0, 75, "network")
    assert dog.overdue(9.9) is None
    dog.met("dial")
    assert dog.overdue(11.0) is None


def test_the_earliest_broken_promise_is_told():
    dog = Watchdog()
    dog.expect("late", 20.0, 76, "b")
    dog.expect("first", 10.0, 75, "a")
    assert dog.overdue(30.0).reason == "a"


def test_a_standing_promise_is_not_prolonged():
    dog = Watchdog()
    dog.expect_once("outage", 10.0, 76, "network")
    dog.expect_once("outage", 99.0, 76, "network")
    assert dog.overdue(10.0) is not None


# --- the notebook


def test_the_spool_settles_where_there_is_no_fdatasync(tmp_path):
    """As on macOS."""
    settle = "n = Notebook(Path(sys.argv[1])); n.append(17, b'a'); n.settle()"
    code = f"import os, sys; del os.fdatasync; from engines.whatsmeow.inside.notebook import *; {settle}"
    assert 0 == subprocess.run([sys.executable, "-c", code, tmp_path / "notebook.db"], check=False).returncode


def test_the_spool_keeps_order_and_numbers(notebook, tmp_path):
    numbers = [notebook.append(17, text) for text in (b"a", b"b", b"c")]
    notebook.forget(numbers[:1])
    again = Notebook(tmp_path / "notebook.db")
    first = again.after(0)
    assert (first.number, first.kind, first.body) == (numbers[1], 17, b"b")
    assert again.after(numbers[2]) is None
    again.forget(numbers)
    assert again.append(17, b"d") > numbers[2]  # a number is never used again


def test_a_send_is_known_by_its_key(notebook):
    assert notebook.begin_send("k") is None
    assert notebook.begin_send("k") == (None, 0)
    notebook.end_send("k", "id", 5)
    assert notebook.begin_send("k") == ("id", 5)
    notebook.drop_send("k")
    assert notebook.begin_send("k") is None


def test_unread_messages_are_counted_until_read(notebook):
    for number in range(3):
        notebook.keep(Kept("c", f"s{number}", "p", from_me=False, at=number, content=b"", packed=b"", unread=True))
        notebook.note_chat("c", None, 1, number, f"text {number}")
    assert (len(notebook.unread("c")), notebook.chats()) == (3, [("c", None, 3, 2, "text 2")])
    notebook.mark_read("c")
    assert (notebook.unread("c"), notebook.chats()[0][2]) == ([], 0)


def test_two_chats_with_one_person_become_one(notebook):
    for chat, at in (("1@lid", 1), ("44@c.us", 3), ("2@lid", 2)):
        notebook.keep(Kept(chat, f"s{at}", chat, from_me=False, at=at, content=b"", packed=b"", unread=True))
        notebook.react(chat, f"s{at}", "p", "x", at)
        notebook.note_chat(chat, chat[0], 1, at, f"text {at}")
    notebook.meet([("1@lid", "44@c.us"), ("2@lid", "55@c.us"), ("3@lid", "66@c.us")])
    assert notebook.chats() == [("44@c.us", "4", 2, 3, "text 3"), ("55@c.us", "2", 1, 2, "text 2")]
    assert [kept.stanza for kept in notebook.latest("44@c.us", 9)] == ["s1", "s3"]
    assert [len(notebook.reactions("44@c.us", stanza)) for stanza in ("s1", "s3")] == [1, 1]


# --- ids and errors


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("3EB0", "1@c.us", "2@c.us"), "true_1@c.us_3EB0"),
        (("3EB0", "1@g.us", "2@c.us"), "true_1@g.us_3EB0_2@c.us"),
        (("3EB0", "status@broadcast", "2@c.us"), "true_status@broadcast_3EB0_2@c.us"),
    ],
)
def test_an_id_tells_direction_chat_and_author(args, text):
    assert ids.outward(*args, from_me=True) == text
    assert ids.stanza(text) == "3EB0"


def test_a_bare_stanza_is_an_id_too():
    assert ids.stanza("3EB0ABC") == "3EB0ABC"


@pytest.mark.parametrize(
    ("words", "kind", "reason"),
    [
        ("no LID found for 1@s.whatsapp.net from server", base.Refused, "not_on_whatsapp"),
        ("server returned error 463", base.Refused, "stranger"),
        (b"websocket not connected", base.NotConnected, None),
        ("client is nil", base.NotConnected, None),
        ("info query timed out", base.OutcomeUnknown, None),
        ("websocket disconnected before info query returned response", base.OutcomeUnknown, None),
        ("info query returned status 404: item-not-found", base.NotOnAccount, None),
        ("info query returned status 403: forbidden", base.Refused, "not_admin"),
        ("info query returned status 429: rate-overlimit", base.Refused, "rate_limited"),
        ("something else", base.EngineError, None),
    ],
)
def test_words_become_typed_errors(words, kind, reason):
    error = typed(ValueError(words))
    assert (type(error), getattr(error, "reason", None)) == (kind, reason)


# --- pauses


def test_a_worker_that_had_connected_is_back_soon():
    pauses = Pauses(1.0, 60.0)
    assert all(pauses.after(now * 20.0, was_ready=True) <= 1.0 for now in range(50))


@pytest.mark.parametrize(("was_ready", "quick"), [(True, 5), (False, 0)])
def test_one_that_ends_again_and_again_waits_longer_each_time(was_ready, quick):
    pauses = Pauses(1.0, 8.0)
    waits = [pauses.after(float(now), was_ready=was_ready) for now in range(16)]
    assert max(waits[: max(quick, 1)]) <= 1.0
    assert min(waits[quick + 4 :]) >= 4.0
    assert max(waits) <= 8.0
    assert len(set(waits[quick + 4 :])) > 1  # not all at once


# --- patience


def failing(times: int):
    """Work that fails so many times."""
    left = [None] * times

    def work() -> str:
        if left:
            left.pop()
            raise RuntimeError("the library is about to end")
        return "understood"

    return work


def test_what_fails_once_is_tried_again():
    assert patiently(failing(1), "it", pause=0) == "understood"


def test_what_always_fails_is_given_up():
    assert patiently(failing(10), "it", pause=0) is None


# --- starts


def test_only_so_many_start_at_once_and_the_next_as_soon_as_one_is_up():
    starts, inside = Starts(1), threading.Event()
    assert starts.enter(threading.Event())
    waiting = threading.Thread(target=lambda: starts.enter(threading.Event()) and inside.set())
    waiting.start()
    assert not inside.wait(0.05)
    starts.leave()
    assert inside.wait(5)
    waiting.join()


def test_who_is_stopped_waits_for_no_place():
    starts, stopping = Starts(1), threading.Event()
    assert starts.enter(stopping)
    stopping.set()
    assert not starts.enter(stopping)


# --- the claim


def test_a_session_is_served_by_one_worker_only(tmp_path):
    held = store.claim(tmp_path, 0.1, threading.Event())
    with pytest.raises(store.Taken):
        store.claim(tmp_path, 0.1, threading.Event())
    store.release(held)
    store.release(store.claim(tmp_path, 0.1, threading.Event()))


def test_who_is_stopped_waits_for_no_claim(tmp_path):
    held, given_up = store.claim(tmp_path, 0.1, threading.Event()), threading.Event()
    given_up.set()
    with pytest.raises(store.Taken):
        store.claim(tmp_path, 60.0, given_up)
    store.release(held)
