"""The simulator's control operations: the network fails, and who may let it."""

import pytest
from werkzeug.test import Client

from gateway.app import build
from tests.spec import operations
from tests.support import Gateway, document
from tests.test_simulator_api import ADA, PEOPLE, history, on, send, write


@pytest.fixture
def session(gateway: Gateway) -> str:
    return gateway.session(ready=True)


def test_a_code_is_scanned(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.post(f"/sessions/{session}/start")
    gateway.clock.advance(0.2)

    assert gateway.post(on(session, "/scan")).status_code == 200
    gateway.clock.advance(0.5)
    assert gateway.get(f"/sessions/{session}").json["status"] == "ready"


def test_there_is_nothing_to_scan_in_a_session_that_is_not_started(gateway: Gateway) -> None:
    assert gateway.post(on(gateway.session(), "/scan")).status_code == 400


def test_a_dropped_connection_comes_back_with_what_was_written_meanwhile(gateway: Gateway, session: str) -> None:
    dropped = gateway.post(on(session, "/drop"), json={"seconds": 5}).json
    write(gateway, session)

    assert (dropped["connected"], history(gateway, session)) == (False, [])
    assert gateway.get(on(session)).json["waiting"] == 1
    gateway.clock.advance(6)
    assert (gateway.get(on(session)).json["connected"], len(history(gateway, session))) == (True, 1)


def test_a_banned_session_has_failed(gateway: Gateway, session: str) -> None:
    gateway.post(on(session, "/end"), json={"reason": "banned"})
    gateway.clock.advance(0.1)

    shown = gateway.get(f"/sessions/{session}").json
    assert (shown["status"], shown["lastError"]) == ("failed", "banned")


def test_faults_befall_the_next_sends_until_they_are_healed(gateway: Gateway, session: str) -> None:
    fault = gateway.post(on(session, "/faults"), json={"kind": "refused", "times": 2})
    refused = send(gateway, session).status_code
    healed = gateway.delete(on(session, "/faults")).status_code

    assert (fault.status_code, fault.json["faults"][0]["times"]) == (201, 2)
    assert (refused, healed, send(gateway, session).status_code) == (422, 204, 201)


@pytest.mark.parametrize(
    ("kind", "status", "arrived"),
    [("not_connected", 409, 0), ("unknown_lost", 504, 0), ("unknown_sent", 504, 1)],
)
def test_each_fault_is_told_as_what_it_is(gateway: Gateway, session: str, kind: str, status: int, arrived: int) -> None:
    gateway.post(on(session, "/faults"), json={"kind": kind})

    assert send(gateway, session).status_code == status
    assert len(gateway.get(f"{PEOPLE}/{ADA}/inbox").json) == arrived


# --- who may, and where --------------------------------------------------------------------------


def test_only_admins_may() -> None:
    roles = {o.id: o.raw["x-required-role"] for o in operations() if o.raw["tags"] == ["simulator"]}

    assert len(roles) == 19
    assert set(roles.values()) == {"admin"}


def test_unknown_sessions_are_not_found(gateway: Gateway) -> None:
    assert gateway.get(on("nobody")).status_code == 404


def test_with_another_engine_there_is_no_simulator(
    gateway: Gateway, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr(gateway.program, "world", None)
        gateway.client = Client(build(document()).move_in(gateway.program._house()))  # noqa: SLF001

    for path in (PEOPLE, f"{PEOPLE}/{ADA}/inbox", on(session)):
        assert gateway.get(path).status_code == 501
    assert gateway.post(on(session, "/storm"), json={"from": ADA, "count": 1}).status_code == 501
