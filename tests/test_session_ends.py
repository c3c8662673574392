"""How sessions end: stopped, killed, deleted, whatever else happens at that moment."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage import sessions as sessions_of
from storage.tables import messages, sessions
from tests.support import Gateway, together


def status(gateway: Gateway, session: str) -> str:
    return str(gateway.get(f"/sessions/{session}").json["status"])


def count(gateway: Gateway, table) -> int:
    with gateway.program.db.read() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize("how", ["stop", "force-kill"])
def test_an_ended_session_is_disconnected_and_keeps_its_number(gateway: Gateway, how: str) -> None:
    session = gateway.session(ready=True)
    phone = gateway.get(f"/sessions/{session}").json["phone"]
    answer = gateway.post(f"/sessions/{session}/{how}")
    assert (answer.status_code, answer.json["status"], answer.json["phone"]) == (200, "disconnected", phone)


@pytest.mark.parametrize("how", ["stop", "force-kill"])
def test_an_ended_session_is_off_the_network(gateway: Gateway, how: str) -> None:
    session = gateway.session(ready=True)
    gateway.post(f"/sessions/{session}/{how}")
    assert (True, False) == tuple(gateway.world.control.session(session)[name] for name in ("linked", "connected"))
    assert 400 == gateway.post(f"/simulator/sessions/{session}/drop", json={"seconds": 1}).status_code


@pytest.mark.parametrize("how", ["stop", "force-kill"])
def test_an_ended_session_starts_again_without_a_code(gateway: Gateway, how: str) -> None:
    session = gateway.session(ready=True)
    gateway.post(f"/sessions/{session}/{how}")
    gateway.post(f"/sessions/{session}/start")
    gateway.clock.advance(0.1)
    assert "ready" == status(gateway, session)


@pytest.mark.parametrize("how", ["stop", "force-kill"])
def test_ending_what_does_not_run_changes_nothing(gateway: Gateway, how: str) -> None:
    session = gateway.session()
    answers = [gateway.post(f"/sessions/{session}/{how}") for _ in range(2)]
    assert [(200, "created")] * 2 == [(answer.status_code, answer.json["status"]) for answer in answers]


def test_a_stopped_session_stays_stopped(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.post(f"/sessions/{session}/start")
    gateway.post(f"/sessions/{session}/stop")
    gateway.clock.advance(600)
    assert "disconnected" == status(gateway, session)


@pytest.mark.parametrize("moment", ["created", "initializing", "qr_ready", "ready", "disconnected", "failed"])
def test_a_session_is_deleted_with_all_that_belongs_to_it(gateway: Gateway, moment: str) -> None:
    session = gateway.session(ready=moment in ("ready", "disconnected", "failed"))
    if moment in ("initializing", "qr_ready"):
        gateway.post(f"/sessions/{session}/start")
        gateway.clock.advance(0 if moment == "initializing" else 0.5)
    if moment == "disconnected":
        gateway.world.control.drop(session, 60)
    if moment == "failed":
        gateway.world.control.end(session, "replaced")
    gateway.clock.advance()
    assert moment == status(gateway, session)

    assert 204 == gateway.delete(f"/sessions/{session}").status_code
    gateway.clock.advance(120)
    assert 404 == gateway.get(f"/sessions/{session}").status_code
    assert [] == gateway.program.engines.running()
    assert not (Path(gateway.program.config.data_dir) / "sessions" / session).exists()


def test_history_goes_with_its_session(gateway: Gateway) -> None:
    session, other = gateway.session(ready=True), gateway.session("other", ready=True)
    for one in (session, other):
        gateway.post(f"/sessions/{one}/messages/send-text", json={"chatId": "628123456789@c.us", "text": "hi"})
    gateway.delete(f"/sessions/{session}")
    assert (1, 1) == (count(gateway, sessions), gateway.get(f"/sessions/{other}/messages").json["total"])
    with gateway.program.db.read() as tx:
        assert 0 == tx.execute(select(func.count()).where(messages.c.session_id == session)).scalar_one()


def test_a_deleted_session_is_unlinked(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.delete(f"/sessions/{session}")
    assert gateway.world.control.session(session)["linked"] is False


def test_a_name_is_free_again_after_deletion(gateway: Gateway) -> None:
    first = gateway.session(ready=True)
    gateway.delete(f"/sessions/{first}")
    second = gateway.session(ready=True)
    assert first != second


def test_of_two_deletions_at_once_one_finds_nothing(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    answers = together(*[lambda: gateway.delete(f"/sessions/{session}")] * 4)
    assert [204, 404, 404, 404] == sorted(answer.status_code for answer in answers)


def test_a_deletion_during_a_start_leaves_nothing_behind(gateway: Gateway) -> None:
    for _ in range(5):
        session = gateway.session()
        started, deleted = together(
            lambda s=session: gateway.post(f"/sessions/{s}/start"), lambda s=session: gateway.delete(f"/sessions/{s}")
        )
        gateway.clock.advance(10)
        assert (204, True) == (deleted.status_code, started.status_code in (200, 404))
        assert [] == gateway.program.engines.running()
        assert (0, []) == (count(gateway, sessions), gateway.get("/sessions").json)


def test_a_stop_during_a_start_ends_in_one_of_both(gateway: Gateway) -> None:
    session = gateway.session()
    for _ in range(5):
        started, stopped = together(
            lambda: gateway.post(f"/sessions/{session}/start"), lambda: gateway.post(f"/sessions/{session}/stop")
        )
        gateway.clock.advance(10)
        assert (started.status_code, stopped.status_code) == (200, 200)
        running = gateway.program.engines.running() == [session]
        assert running == gateway.world.control.session(session)["connected"]
        assert status(gateway, session) in (("ready",) if running else ("created", "disconnected"))
        gateway.post(f"/sessions/{session}/stop")


def test_a_session_that_failed_is_simply_started_again(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.world.control.end(session, "replaced")
    gateway.clock.advance()
    assert 200 == gateway.post(f"/sessions/{session}/start").status_code
    gateway.clock.advance(5)
    assert ("ready", [session]) == (status(gateway, session), gateway.program.engines.running())


def test_a_session_that_failed_is_not_started_at_boot(gateway: Gateway) -> None:
    failed, running = gateway.session("failed-bot", ready=True), gateway.session("running-bot", ready=True)
    gateway.world.control.end(failed, "banned")
    gateway.clock.advance()
    with gateway.program.db.read() as tx:
        assert [running] == [row.id for row in sessions_of.wanted(tx)]


# --- counting -------------------------------------------------------------------------------------


def test_sessions_are_counted_by_status(gateway: Gateway) -> None:
    gateway.session("one")
    gateway.session("two", ready=True)
    stopped = gateway.session("three", ready=True)
    gateway.post(f"/sessions/{stopped}/stop")
    stats = gateway.get("/sessions/stats/overview").json
    assert stats.pop("memoryUsage")["rss"] > 10
    assert {
        "total": 3,
        "active": 1,
        "ready": 1,
        "disconnected": 1,
        "byStatus": {"created": 1, "ready": 1, "disconnected": 1},
    } == stats


def test_without_sessions_everything_is_zero(gateway: Gateway) -> None:
    stats = gateway.get("/sessions/stats/overview").json
    assert (stats["total"], stats["active"], stats["ready"], stats["byStatus"]) == (0, 0, 0, {})
