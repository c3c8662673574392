"""What happens when the library aborts, the worker dies or the gateway does; every known abort of the library."""

import concurrent.futures
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.whatsmeow.kit import address, drop, housed, recovers, spooled, under_way

# isort: split
from engines import base


@pytest.fixture(scope="module", params=[1, 100], ids=["alone", "together"])
def workers(request, double, tmp_path_factory):
    """One worker process for each session, then one for all sessions of this module."""
    with housed(double, tmp_path_factory.mktemp("house"), request.param) as made:
        yield made


# --- the library aborts, the worker dies


@pytest.mark.parametrize("malformed", ["empty", "pair-success"])
def test_a_frame_that_aborts_the_library_costs_one_worker(linked, contact, malformed, caplog):
    linked.double.run(linked.double.server.send_nonsense(linked.phone.device, malformed=malformed))
    linked.happened(base.StateChanged, lambda event: event.reason == "engine_crashed")
    recovers(linked, contact)
    assert "ended with -6: " in caplog.text  # what the library wrote as it aborted is in the gateway's log
    assert "goroutine" in caplog.text


def test_a_garbage_frame_is_survived(linked, contact):
    worker = linked.engine.pid
    linked.double.run(linked.double.server.send_nonsense(linked.phone.device, malformed="garbage"))
    assert linked.said(contact, base.Text("alive")).text == "alive"
    assert linked.engine.pid == worker


def test_the_device_missing_in_the_store_means_a_new_link(linked):
    linked.engine.stop()
    with sqlite3.connect(Path(linked.account.directory) / "whatsmeow.db") as store:
        store.execute("DELETE FROM whatsmeow_device")
    store.close()
    linked.engine.start()
    linked.happened(base.QrChanged)


def test_a_damaged_store_is_a_terminal_state(linked):
    linked.engine.stop()
    (Path(linked.account.directory) / "whatsmeow.db").write_bytes(b"no database" * 1000)
    linked.engine.start()
    linked.reach("failed", reason="store_damaged")


def test_a_killed_worker_is_replaced(linked, contact):
    os.kill(linked.engine.pid, signal.SIGKILL)
    linked.happened(base.StateChanged, lambda event: event.reason == "engine_crashed")
    recovers(linked, contact)


def test_a_call_under_way_has_no_known_outcome_when_the_worker_dies(linked, contact):
    relay, device = linked.double.server.relay, linked.phone.device
    linked.said(contact, base.Text("warm"))
    relay.unanswered.add(device)
    count = len(relay.sent)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        message = base.Outgoing("lost", address(contact), base.Text("lost?"))
        future = pool.submit(linked.engine.send, message)
        linked.eventually(lambda: len(relay.sent) > count)
        os.kill(linked.engine.pid, signal.SIGKILL)
        with pytest.raises(base.OutcomeUnknown):
            future.result()
    relay.unanswered.clear()
    linked.eventually(lambda: linked.sink.state.state == "ready")
    with pytest.raises(base.OutcomeUnknown):  # never sent a second time by itself
        linked.engine.send(message)


def test_a_send_without_answer_ends_at_its_deadline_and_is_settled_later(line, contact):
    line.make(call_seconds=0.5)
    line.link()
    unanswered = line.double.server.relay.unanswered
    unanswered.add(line.phone.device)
    begun = time.monotonic()
    with pytest.raises(base.OutcomeUnknown):
        line.engine.send(base.Outgoing("late", address(contact), base.Text("hello?")))
    assert time.monotonic() - begun < 2
    assert line.engine.history(address(contact), 10) == []  # other questions are answered meanwhile
    unanswered.clear()
    drop(line)  # the library sends what was not acknowledged again, under the same id
    line.happened(base.SendFinished, lambda event: event.key == "late")
    assert contact.next().text == "hello?"


def test_a_worker_that_stands_still_holds_nobody(line, contact):
    line.make(call_seconds=0.5)
    line.link()
    os.kill(line.engine.pid, signal.SIGSTOP)
    with pytest.raises(base.OutcomeUnknown):
        line.send(contact, base.Text("hello?"))
    os.kill(line.engine.pid, signal.SIGCONT)
    line.heard(contact, "awake")
    os.kill(line.engine.pid, signal.SIGSTOP)
    begun = time.monotonic()
    line.engine.stop()
    assert time.monotonic() - begun < 6


def test_an_uncommitted_message_survives_the_worker(linked, contact):
    linked.sink.refuse = True
    linked.double.run(contact.say(linked.phone.account, "keep me"))
    linked.eventually(lambda: spooled(linked))
    os.kill(linked.engine.pid, signal.SIGKILL)
    linked.eventually(lambda: linked.engine.pid)
    linked.sink.refuse = False
    linked.message(lambda message: message.body == "keep me")
    recovers(linked, contact)
    assert [message.body for message in linked.sink.messages].count("keep me") == 1


def test_an_uncommitted_message_and_send_survive_the_gateway(linked, contact):
    linked.sink.refuse = True
    sent = linked.engine.send(base.Outgoing("settled", address(contact), base.Text("sent")))
    linked.double.run(contact.say(linked.phone.account, "keep me"))
    linked.eventually(lambda: spooled(linked))
    linked.engine.kill()
    linked.sink.events.clear()
    linked.sink.refuse = False
    linked.make().start()
    linked.message(lambda message: message.body == "keep me")
    settled = linked.happened(base.SendFinished, lambda event: event.key == "settled")
    assert settled.sent == sent
    assert [message.body for message in linked.sink.messages] == ["keep me"]


def test_whatever_reached_the_spool_arrives_once(linked, contact):
    """What did not reach it was not acknowledged, and comes again: see test_custody."""
    linked.sink.refuse = True
    texts = [f"number {number}" for number in range(150)]
    for text in texts:
        linked.double.run(contact.say(linked.phone.account, text))
    linked.eventually(lambda: spooled(linked) >= len(texts))
    linked.eventually(lambda: under_way(linked) == 64)  # the rest waits on the worker's disk, not in memory
    for _ in range(3):
        worker = linked.engine.pid
        os.kill(worker, signal.SIGKILL)
        linked.eventually(lambda worker=worker: linked.engine.pid not in (worker, None))
    linked.sink.refuse = False
    linked.message(lambda message: message.body == texts[-1])
    assert [message.body for message in linked.sink.messages] == texts


def test_workers_killed_in_the_middle_double_nothing(linked, contact):
    texts = [f"number {number}" for number in range(60)]
    for number, text in enumerate(texts):
        linked.double.run(contact.say(linked.phone.account, text))
        if number % 20 == 10:
            linked.message(lambda message, at=number - 8: message.body == texts[at])
            os.kill(linked.engine.pid, signal.SIGKILL)
            linked.eventually(lambda: linked.engine.pid and linked.sink.state.state == "ready")
    linked.message(lambda message: message.body == texts[-1])
    bodies = [message.body for message in linked.sink.messages]
    assert len(set(bodies)) == len(bodies)
    assert bodies == sorted(bodies, key=texts.index)


def test_asking_while_it_stops_and_starts_aborts_nothing(linked, contact):
    linked.heard(contact, "hi")
    over, asked = threading.Event(), []

    def ask() -> None:
        while not over.is_set():
            try:
                linked.engine.contacts()
                asked.append("answered")
            except base.EngineError:
                over.wait(0.01)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(ask) for _ in range(4)]
        for _ in range(3):
            before = len(asked)
            linked.eventually(lambda before=before: len(asked) > before + 5)
            linked.engine.stop()
            linked.engine.start()
            linked.eventually(lambda: linked.sink.state.state == "ready")
        over.set()
        for each in work:
            each.result()
    assert "engine_crashed" not in {event.reason for event in linked.sink.of(base.StateChanged)}


# --- the worker as a process


def test_what_a_session_keeps_is_for_its_owner_only(linked):
    directory = Path(linked.account.directory)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.rglob("*")]}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_a_worker_gets_nothing_of_the_gateways_secrets(line, monkeypatch):
    monkeypatch.setenv("API_MASTER_KEY", "secret-of-the-gateway")
    line.engine.start()
    line.happened(base.QrChanged)
    environment = Path(f"/proc/{line.engine.pid}/environ").read_bytes()
    assert b"secret-of-the-gateway" not in environment
    assert b"NEONIZE_BOT_TAG=off" in environment


def test_a_worker_leaves_no_core_file_and_takes_only_so_much(line):
    line.engine.start()
    line.happened(base.QrChanged)
    limits = Path(f"/proc/{line.engine.pid}/limits").read_text()
    found = {words[0]: words[-2] for words in (re.split("  +", each.strip()) for each in limits.splitlines()[1:])}
    assert "0" == found["Max core file size"]
    assert 2 << 30 < int(found["Max data size"]) < 20 << 30
    assert 1024 <= int(found["Max open files"]) < 30_000


def test_what_the_library_prints_never_meets_the_frames(line):
    line.engine.start()
    line.happened(base.QrChanged)
    ends = Path(f"/proc/{line.engine.pid}/fd")
    printed = {str((ends / number).readlink()) for number in "12"}
    assert [True] == [end.startswith("pipe:") for end in printed]  # the frames go through a socket
    assert "/dev/null" == str((ends / "0").readlink())


def test_a_linked_worker_stays_small(linked, contact):
    linked.heard(contact, "hi")
    lines = Path(f"/proc/{linked.engine.pid}/smaps_rollup").read_text().splitlines()
    (anonymous,) = [int(line.split()[1]) for line in lines if line.startswith("Anonymous:")]
    assert anonymous < 40 << 10  # kB; file pages it shares with the other workers


def test_a_worker_does_not_outlive_its_gateway(line):
    script = textwrap.dedent(f"""
        import sys, time
        from engines import base
        from engines.whatsmeow.verbs import Whatsmeow
        engine = Whatsmeow(base.Account("x", "x", {line.account.directory!r}), lambda events: None)
        engine.start()
        while engine.pid is None:
            time.sleep(0.01)
        print(engine.pid, flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as gateway:
        worker = int(gateway.stdout.readline())
        gateway.kill()
    line.eventually(lambda: not _alive(worker))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
