"""Everything known to end the library or the account, done to a gateway that runs: it stays up, answers, recovers."""

import contextlib
import http.client
import os
import signal
import sqlite3
import threading

import pytest

from tests.whatsmeow import kit  # first: it skips where neonize is missing

# isort: split
from tests.receiver import listening
from tests.whatsmeow.house import Real, eventually

assert kit


@pytest.fixture(scope="module")
def house(double, tmp_path_factory):
    """A gateway with two linked sessions: `my-bot`, which gets all the trouble, and a bystander."""
    with listening() as receiver:
        made = Real(tmp_path_factory.mktemp("aborts"), receiver, double)
        try:
            made.open()
            made.link()
            made.bystander = _bystander(made)
            yield made
        finally:
            made.close()


def _bystander(house) -> int:
    """Another session, linked; its worker's process id."""
    mine = set(house.workers())
    house.ask("POST", "/sessions", {"name": "bystander"})
    house.ask("POST", "/sessions/bystander/start")
    code = eventually(lambda: house.server.ask("GET", "/sessions/bystander/qr")[1].get("qrText"))
    house.double.run(house.double.phone("Bystander").scan(code))
    eventually(lambda: house.ask("GET", "/sessions/bystander")["status"] == "ready")
    (worker,) = set(house.workers()) - mine
    return worker


@pytest.fixture(autouse=True)
def _unharmed(house):
    """Whatever was done to one session: the gateway is the same process, the other session has the same worker."""
    gateway = house.server.ask("GET", "/health")[0]
    house.receiver.received.clear()
    yield
    assert gateway == 200 == house.server.ask("GET", "/health")[0]
    assert house.ask("GET", "/sessions/bystander")["status"] == "ready"
    assert house.bystander in house.workers()


def worker(house) -> int:
    """The worker of `my-bot`."""
    return next(iter(set(house.workers()) - {house.bystander}))


def works(house) -> None:
    """It is ready, and messages go both ways."""
    house.reach("ready")
    ann = house.person()
    house.send("send-text", {"chatId": ann.address, "text": "still here"})
    ann.got("still here")
    ann.says("me too")
    house.told("message.received", lambda data: data["from"] == ann.address)


def connection(house):
    return house.phone.device.connection


@pytest.mark.parametrize("malformed", ["empty", "pair-success", "garbage"])
def test_a_frame_that_nobody_expects(house, malformed):
    before = worker(house)
    house.double.run(house.double.server.send_nonsense(house.phone.device, malformed=malformed))
    if malformed != "garbage":
        house.told("session.status", lambda data: data.get("reason") == "engine_crashed")
        eventually(lambda: set(house.workers()) - {house.bystander, before})
    works(house)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_a_worker_that_is_ended_from_outside(house, how):
    before = worker(house)
    os.kill(before, how)
    eventually(lambda: set(house.workers()) - {house.bystander, before})
    works(house)


def test_who_waits_for_an_answer_as_the_worker_dies_is_told_that_nobody_knows(house):
    ann, relay, answers = house.person(), house.double.server.relay, []
    house.send("send-text", {"chatId": ann.address, "text": "warm"})
    relay.unanswered.add(house.phone.device)
    count, body = len(relay.sent), {"chatId": ann.address, "text": "lost?"}
    ask = lambda: answers.append(house.server.ask("POST", "/sessions/my-bot/messages/send-text", body))  # noqa: E731
    asker = threading.Thread(target=ask)
    asker.start()
    eventually(lambda: len(relay.sent) > count)
    before = worker(house)
    os.kill(before, signal.SIGKILL)
    asker.join()
    relay.unanswered.clear()
    assert 504 == answers[0][0]
    eventually(lambda: set(house.workers()) - {house.bystander, before})
    works(house)


def test_a_worker_that_stands_still_holds_nobody_up(house):
    stopped = worker(house)
    os.kill(stopped, signal.SIGSTOP)
    assert house.bot("POST", "/force-kill")["status"] == "disconnected"
    house.bot("POST", "/start")
    works(house)


def test_the_device_missing_in_the_store(house):
    house.bot("POST", "/stop")
    with sqlite3.connect(house.server.data / "sessions" / house.session / "whatsmeow.db") as store:
        store.execute("DELETE FROM whatsmeow_device")
    store.close()
    house.bot("POST", "/start")
    house.reach("qr_ready")
    house.scan()
    works(house)


def test_questions_while_sessions_stop_and_start(house):
    over, answers = threading.Event(), []

    def ask() -> None:
        while not over.is_set():
            answers.append(house.server.ask("GET", "/sessions/my-bot/contacts")[0])

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for _ in range(3):
        house.bot("POST", "/stop")
        house.bot("POST", "/start")
        house.reach("ready")
    over.set()
    for asker in askers:
        asker.join()
    assert {200} < set(answers) <= {200, 400, 409, 504}
    works(house)


def test_a_lost_connection(house):
    house.double.run(connection(house).close())
    house.told("session.disconnected", lambda data: data["reason"] == "network")
    works(house)


@pytest.mark.parametrize(
    ("refusal", "reason", "said"),
    [
        ({"reason": "402", "code": "101", "expire": "3600"}, "banned", "banned until 20"),
        ({"reason": "405"}, "outdated", "upgrade"),
        (None, "replaced", "start the session to take it back"),
        ({"reason": "401"}, "logged_out", "link it anew"),
    ],
)
def test_an_end_for_good_is_a_state_with_a_reason_and_an_event(house, refusal, reason, said):
    if refusal is None:
        house.double.run(house.double.server.replace(connection(house)))
    else:
        house.double.server.refusals.append(refusal)
        house.double.run(connection(house).close())
    house.reach("failed")
    assert said in house.bot("GET", "")["lastError"]
    house.told("session.status", lambda data: (data["status"], data.get("reason")) == ("failed", reason))
    eventually(lambda: set(house.workers()) == {house.bystander})
    house.bot("POST", "/start")
    if reason == "logged_out":
        house.reach("qr_ready")
        house.scan()
    works(house)


def test_ends_for_good_are_counted_by_reason(house):
    wanted = {
        f'openwa_session_changes_total{{reason="{r}",state="failed"}}'
        for r in ("banned", "replaced", "outdated", "logged_out")
    }
    eventually(lambda: all(one in metrics(house) for one in wanted))


@pytest.mark.parametrize(("code", "said"), [(463, "people who do not know it (463)"), (429, "429")])
def test_a_send_that_whatsapp_refuses_is_a_clear_refusal(house, code, said):
    ann = house.person()
    house.double.server.relay.refusals.append(code)
    body = {"chatId": ann.address, "text": "may I?"}
    status, told = house.server.ask("POST", "/sessions/my-bot/messages/send-text", body)
    assert 422 == status
    assert said in told["message"]
    works(house)


def test_a_store_that_cannot_be_read(house):
    house.bot("POST", "/stop")
    store = house.server.data / "sessions" / house.session / "whatsmeow.db"
    kept = store.read_bytes()
    store.write_bytes(b"no database" * 1000)
    house.bot("POST", "/start")
    house.reach("failed")
    assert "store_damaged" in house.bot("GET", "")["lastError"]
    store.write_bytes(kept)
    house.bot("POST", "/start")
    works(house)


def metrics(house) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", house.server.port, timeout=10)) as asked:
        asked.request("GET", "/api/metrics", headers={"Authorization": "Bearer " + "t" * 16})
        return asked.getresponse().read().decode()
