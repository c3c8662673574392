"""Sessions that share a worker process: what happens to one does not touch the others, but for an abort."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.whatsmeow.kit import Line, address, drop, recovers

# isort: split
from engines import base
from engines.whatsmeow.workers import Workers


@pytest.fixture(scope="module")
def trio(double, tmp_path_factory):
    """Three linked sessions in one worker, for all tests that leave them so."""
    workers = Workers(3)
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("trio")
        lines = [stack.enter_context(Line(double, folder / name, f"{name} of three", workers)) for name in "abc"]
        for line in lines:
            line.link()
        yield lines


@pytest.fixture(autouse=True)
def _fresh(trio):
    for line in trio:
        line.sink.events.clear()


@pytest.fixture
def calm(trio):
    """The second and the third session, which must not notice what is done to the first."""
    others = trio[1:]
    worker = others[0].engine.pid
    yield others
    for line in others:
        assert [] == line.sink.states
        assert worker == line.engine.pid
        assert "well" == line.said(line.double.contact("Witness"), base.Text("well")).text


def back(line: Line) -> None:
    """Started again, without a code."""
    line.engine.start()
    line.reach("ready")
    assert [] == line.sink.of(base.QrChanged)


def test_they_are_in_one_process(trio):
    assert 1 == len({line.engine.pid for line in trio})


def test_each_gets_what_is_its_own(trio):
    people = [line.double.contact("Ann") for line in trio]
    for number in range(10):
        for line, ann in zip(trio, people, strict=True):
            line.double.run(ann.say(line.phone.account, f"{number} to {line.account.name}"))
    for line in trio:
        line.message(lambda message, name=line.account.name: message.body == f"9 to {name}")
        assert [f"{number} to {line.account.name}" for number in range(10)] == [m.body for m in line.sink.messages]


def test_an_abort_takes_all_along_and_all_come_back(trio, contact):
    before, relay = trio[0].engine.pid, trio[1].double.server.relay
    for line in trio:
        line.said(contact, base.Text("warm"))
        relay.unanswered.add(line.phone.device)
    count = len(relay.sent)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        message = base.Outgoing("at the abort", address(contact), base.Text("lost?"))
        asked = [pool.submit(line.engine.send, message) for line in trio]
        trio[0].eventually(lambda: len(relay.sent) >= count + 3)
        trio[0].double.run(trio[0].double.server.send_nonsense(trio[0].phone.device, malformed="empty"))
        outcomes = [future.exception() for future in asked]
    relay.unanswered.clear()
    assert [base.OutcomeUnknown] * 3 == [type(outcome) for outcome in outcomes]
    for line in trio:
        line.happened(base.StateChanged, lambda event: event.reason == "engine_crashed")
        recovers(line, line.double.contact("Somebody"))
    assert 1 == len({line.engine.pid for line in trio} - {before})


@pytest.mark.usefixtures("calm")
def test_one_stops_and_starts(trio):
    trio[0].engine.stop()
    assert ["disconnected"] == trio[0].sink.states
    back(trio[0])
    assert trio[0].engine.pid == trio[1].engine.pid


@pytest.mark.usefixtures("calm")
def test_one_is_ended_by_force(trio):
    trio[0].engine.kill()
    back(trio[0])


@pytest.mark.usefixtures("calm")
def test_one_whose_dial_hangs_is_stopped(trio, network):
    network.mode = "hang"
    drop(trio[0])
    trio[0].reach("disconnected")
    begun = time.monotonic()
    trio[0].engine.stop()
    assert time.monotonic() - begun < 6
    network.mode = "open"
    back(trio[0])


@pytest.mark.usefixtures("calm")
def test_one_is_replaced_by_another_login(trio):
    trio[0].double.run(trio[0].double.server.replace(trio[0].phone.device.connection))
    trio[0].reach("failed", reason="replaced")
    back(trio[0])


@pytest.mark.usefixtures("calm")
def test_one_whose_store_is_damaged(trio):
    trio[0].engine.stop()
    store = Path(trio[0].account.directory) / "whatsmeow.db"
    kept = store.read_bytes()
    store.write_bytes(b"no database" * 1000)
    trio[0].engine.start()
    trio[0].reach("failed", reason="store_damaged")
    store.write_bytes(kept)
    back(trio[0])


@pytest.mark.usefixtures("calm")
def test_one_logs_out_and_is_linked_anew(trio):
    trio[0].engine.logout()
    trio[0].engine.start()
    trio[0].happened(base.QrChanged)
    trio[0].scan()
    trio[0].reach("ready")


def test_one_shows_codes_that_nobody_scans(double, tmp_path, trio, calm):
    trio[0].engine.stop()  # it makes room
    with Line(double, tmp_path / "waiting", "waiting", trio[0].workers, qr_seconds=0.5) as waiting:
        waiting.engine.start()
        waiting.eventually(lambda: len({event.text for event in waiting.sink.of(base.QrChanged)}) > 1)
        assert waiting.engine.pid in (calm[0].engine.pid, None)
    back(trio[0])


def test_nobody_waits_for_one_that_cannot_dial(trio, calm, network, contact):
    """While its client is being made no other call may begin: for two seconds, not until the server answers."""
    calm[0].said(contact, base.Text("warm"))
    trio[0].engine.stop()
    network.mode, before = "hang", len(network.hosts)
    trio[0].engine.start()
    trio[0].eventually(lambda: len(network.hosts) > before)
    begun = time.monotonic()
    calm[0].said(contact, base.Text("meanwhile"))
    assert time.monotonic() - begun < 4
    network.mode = "open"
    trio[0].reach("ready")


def test_a_fourth_gets_a_process_of_its_own(double, tmp_path, trio):
    with Line(double, tmp_path / "fourth", "fourth", trio[0].workers) as fourth:
        fourth.link()
        assert fourth.engine.pid != trio[0].engine.pid
        fourth.engine.stop()
        fourth.eventually(lambda: not _alive(fourth))


def _alive(line: Line) -> bool:
    return line.engine.pid is not None


def test_questions_while_one_stops_and_starts_abort_nothing(trio, calm):
    """The library's tables are read by every call and written by every start and stop."""
    over, asked = threading.Event(), []

    def ask(line: Line) -> None:
        while not over.is_set():
            asked.append(line.engine.phone_of("100@lid"))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(ask, line) for line in calm for _ in range(2)]
        for _ in range(3):
            trio[0].engine.stop()
            trio[0].engine.start()
            trio[0].reach("ready")
        over.set()
        for each in work:
            each.result()
    assert len(asked) > 100
    trio[0].sink.events.clear()


def test_clients_that_come_and_go_while_others_are_asked_abort_nothing(tmp_path):
    """Unfenced this aborts within seconds: concurrent map read and map write."""
    command = [sys.executable, "-m", "tests.whatsmeow.race", "3", str(tmp_path)]
    nowhere = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=nowhere, timeout=60)
    assert (0, "") == (ran.returncode, "".join(line for line in ran.stderr.splitlines() if "fatal" in line))


def test_one_that_stands_still_is_ended_for_all(trio):
    """A process that lets nobody go is killed; the others begin anew, without a code."""
    os.kill(trio[0].engine.pid, signal.SIGSTOP)
    trio[0].engine.stop()
    for line in trio[1:]:
        line.happened(base.StateChanged, lambda event: event.reason == "engine_crashed")
        recovers(line, line.double.contact("Somebody"))
    back(trio[0])
