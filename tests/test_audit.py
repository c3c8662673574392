"""The audit log: who changed what, who was refused, and how it is read."""

import pytest

from gateway import retention
from tests.support import START, Gateway


def actions(gateway: Gateway, query: str = "") -> list[str]:
    return [line["action"] for line in gateway.get(f"/audit{query}").json["data"]]


def test_a_line_tells_who_did_what_to_what_and_from_where(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.delete("/sessions/my-bot", headers={"User-Agent": "x" * 600})
    page = gateway.get("/audit?limit=1").json
    (line,) = page["data"]
    assert 2 == page["total"]
    assert {
        "action": "session_deleted", "severity": "info", "apiKeyName": "Default Admin Key", "sessionId": session,
        "sessionName": "my-bot", "ipAddress": "127.0.0.1", "userAgent": "x" * 500, "method": "DELETE",
        "path": "/api/sessions/my-bot", "statusCode": None, "metadata": None, "errorMessage": None,
        "createdAt": "2027-01-15T08:00:00.000Z",
    } == {name: value for name, value in line.items() if name not in ("id", "apiKeyId")}  # fmt: skip


def test_the_life_of_a_session_is_written_down(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.post(f"/sessions/{session}/stop")
    gateway.post(f"/sessions/{session}/force-kill")
    ending = ["session_force_killed", "session_stopped", "session_connected", "session_started", "session_created"]
    assert ending == [one for one in actions(gateway) if one != "session_disconnected"]


@pytest.mark.parametrize("given", [{"action": "session_created"}, {"severity": "info"}, {"sessionId": "two"}])
def test_lines_are_found_by_what_they_say(gateway: Gateway, given: dict[str, str]) -> None:
    for name in ("one", "two"):
        gateway.session(name)
    gateway.key()
    found = gateway.get("/audit", query_string=given).json
    assert {"action": 2, "severity": 3, "sessionId": 1}[next(iter(given))] == len(found["data"]) == found["total"]


def test_what_a_key_did_is_found_by_the_key(gateway: Gateway) -> None:
    made = gateway.post("/auth/api-keys", json={"name": "another", "role": "admin"}).json
    gateway.post("/sessions", json={"name": "its-own"}, key=made["apiKey"])
    assert ["session_created"] == actions(gateway, f"?apiKeyId={made['id']}")


def test_a_deleted_session_is_found_by_its_id(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.delete(f"/sessions/{session}")
    assert ["session_deleted", "session_created"] == actions(gateway, f"?sessionId={session}")


@pytest.mark.parametrize("query", ["action=nonsense", "severity=fatal", "sessionId=nowhere"])
def test_what_nothing_has_matches_nothing(gateway: Gateway, query: str) -> None:
    gateway.session()
    assert {"data": [], "total": 0} == gateway.get(f"/audit?{query}").json


def test_lines_come_in_pages_newest_first(gateway: Gateway) -> None:
    for number in range(3):
        gateway.session(f"bot-{number}")
    page = gateway.get("/audit?limit=1&offset=1").json
    assert (["bot-1"], 3) == ([line["sessionName"] for line in page["data"]], page["total"])


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", "colour=red"])
def test_a_page_has_bounds(gateway: Gateway, query: str) -> None:
    assert 400 == gateway.get(f"/audit?{query}").status_code


def test_a_key_bound_to_sessions_sees_their_lines_only(gateway: Gateway) -> None:
    one, _ = gateway.session("one"), gateway.session("two")
    bound = gateway.key("admin", allowedSessions=[one])
    found = gateway.get("/audit", key=bound).json
    assert ([one], 1) == ([line["sessionId"] for line in found["data"]], found["total"])


def test_only_admins_read_the_log(gateway: Gateway) -> None:
    assert 403 == gateway.get("/audit", key=gateway.key("operator")).status_code


# --- refusals ------------------------------------------------------------------------------------


def test_refused_keys_are_written_down_with_the_reason_a_sample_of_them(gateway: Gateway) -> None:
    for _ in range(12):
        gateway.get("/sessions", key="owa_k1_wrong")
    gateway.program.refusals.flush(gateway.program.db)
    found = gateway.get("/audit?severity=warn").json
    line = found["data"][0]
    told = (found["total"], line["action"], line["errorMessage"], line["statusCode"], line["apiKeyId"])
    assert told == (10, "api_key_auth_failed", "Invalid API key", 401, None)


def test_a_flood_is_kept_again_a_minute_later(gateway: Gateway) -> None:
    for _ in range(2):
        for _ in range(12):
            gateway.get("/sessions", key="owa_k1_wrong")
        gateway.clock.advance(60)
    gateway.program.refusals.flush(gateway.program.db)
    assert 20 == gateway.get("/audit?action=api_key_auth_failed").json["total"]


class TestLimited:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"RATE_LIMIT_SHORT_LIMIT": "3"}

    def test_a_full_window_is_written_down(self, gateway: Gateway) -> None:
        answers = [gateway.get("/sessions").status_code for _ in range(4)]
        gateway.program.refusals.flush(gateway.program.db)
        gateway.clock.advance(5)
        assert (429, ["rate_limit_exceeded"]) == (answers[-1], actions(gateway))


def test_no_key_at_all_and_a_wrong_metrics_token_leave_no_line(gateway: Gateway) -> None:
    gateway.get("/sessions", key=None)
    gateway.get("/metrics", key=None, headers={"Authorization": "Bearer wrong"})
    gateway.program.refusals.flush(gateway.program.db)
    assert [] == actions(gateway)


# --- retention -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "left"), [(0, 2), (90, 1)])
def test_old_lines_are_forgotten_unless_all_are_kept(gateway: Gateway, days: int, left: int) -> None:
    gateway.session("one")
    gateway.clock.advance(90 * 86_400 + 1)
    gateway.session("two")
    retention.turn(gateway.program.db, gateway.clock.now(), 30, days)
    assert left == len(actions(gateway))
    assert gateway.clock.now() > START
