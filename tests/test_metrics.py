"""Metrics, behind a bearer token of their own."""

import re

import pytest

from tests.receiver import Receiver
from tests.support import Gateway

TOKEN = {"METRICS_TOKEN": "sésame"}
BEARER = {"Authorization": "Bearer sésame"}


def series(gateway: Gateway) -> dict[str, float]:
    gateway.clock.advance(5)  # they are up to five seconds old
    text = gateway.get("/metrics", key=None, headers=BEARER).get_data(as_text=True)
    return {name: float(value) for name, value in re.findall(r"^([^#\s]+(?:\{.*?\})?) (\S+)$", text, re.MULTILINE)}


def test_without_a_token_set_there_are_none(gateway: Gateway) -> None:
    answer = gateway.get("/metrics", headers=BEARER)
    told = "Metrics endpoint is disabled (set METRICS_TOKEN to enable)"
    assert (404, told) == (answer.status_code, answer.json["message"])


@pytest.mark.parametrize("settings", [TOKEN])
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic sésame", "sésame", "Bearer  sésame"]
)
def test_another_token_is_refused(gateway: Gateway, given: str | None) -> None:
    answer = gateway.get("/metrics", headers={} if given is None else {"Authorization": given})
    assert (401, "Invalid metrics token") == (answer.status_code, answer.json["message"])


@pytest.mark.parametrize("settings", [TOKEN])
def test_the_scheme_may_be_written_in_any_case(gateway: Gateway) -> None:
    assert 200 == gateway.get("/metrics", headers={"Authorization": "bEARER sésame"}).status_code


@pytest.mark.parametrize("settings", [TOKEN])
def test_they_are_text_that_nobody_keeps(gateway: Gateway) -> None:
    headers = gateway.get("/metrics", headers=BEARER).headers
    told = ("text/plain; version=0.0.4; charset=utf-8", "no-store")
    assert told == (headers["Content-Type"], headers["Cache-Control"])


@pytest.mark.parametrize("settings", [TOKEN])
def test_they_count_sessions_and_messages(gateway: Gateway) -> None:
    gateway.session("idle")
    gateway.session(ready=True)
    gateway.post("/sessions/my-bot/messages/send-text", json={"chatId": "628123456789@c.us", "text": "hi"})
    found = series(gateway)
    expected = {
        "openwa_up": 1,
        "openwa_sessions_total": 2,
        "openwa_sessions_active": 1,
        "openwa_engines_running": 1,
        'openwa_sessions{status="created"}': 1,
        'openwa_sessions{status="ready"}': 1,
        'openwa_messages_total{direction="outgoing"}': 1,
        'openwa_messages_total{direction="incoming"}': 0,
        "openwa_messages_failed_total": 0,
    }
    assert expected == {name: found.get(name) for name in expected}


@pytest.mark.parametrize("settings", [TOKEN])
def test_they_count_requests_by_operation_and_status(gateway: Gateway) -> None:
    gateway.session()
    gateway.get("/sessions")
    gateway.get("/sessions", key=None)
    gateway.get("/nowhere")
    found = series(gateway)
    expected = {
        'http_requests_total{method="POST",route="sessions.create",status="201"}': 1,
        'http_requests_total{method="GET",route="sessions.list_all",status="200"}': 1,
        'http_requests_total{method="GET",route="sessions.list_all",status="401"}': 1,
        'http_requests_total{method="GET",route="none",status="404"}': 1,
    }
    assert expected == {name: found.get(name) for name in expected}


@pytest.mark.parametrize("settings", [TOKEN])
def test_what_a_client_makes_up_makes_no_new_series(gateway: Gateway) -> None:
    for n in range(20):
        gateway.call(f"MADEUP{n}", f"/nowhere/{n}")
    assert 20 == series(gateway)['http_requests_total{method="other",route="none",status="404"}']


@pytest.mark.parametrize("settings", [TOKEN])
def test_they_are_at_most_five_seconds_old(gateway: Gateway) -> None:
    first = gateway.get("/metrics", headers=BEARER).get_data()
    gateway.session()
    gateway.clock.advance(4.9)
    assert first == gateway.get("/metrics", headers=BEARER).get_data()
    gateway.clock.advance(0.1)
    assert b"openwa_sessions_total 1.0" in gateway.get("/metrics", headers=BEARER).get_data()


@pytest.mark.parametrize("settings", [{**TOKEN, "SSRF_ALLOWED_HOSTS": "127.0.0.1"}])
def test_they_tell_what_webhooks_took_and_what_waits(gateway: Gateway, receiver: Receiver) -> None:
    gateway.session(ready=True)
    gateway.post("/sessions/my-bot/webhooks", json={"url": receiver.url + "/hook", "events": ["message.sent"]})
    for _ in range(2):
        gateway.post("/sessions/my-bot/messages/send-text", json={"chatId": "628123456789@c.us", "text": "hi"})
        if receiver.received:
            break
        gateway.program.delivery.turn(gateway.clock.now())
    gateway.clock.advance(7)
    found = series(gateway)
    expected = {
        'openwa_webhook_attempt_duration_seconds_count{outcome="accepted"}': 1,
        "openwa_webhook_deliveries_pending": 1,
        "openwa_webhook_deliveries_dead": 0,
        "openwa_webhook_oldest_pending_seconds": 12,
        'openwa_sends_open{state="queued"}': 0,
        'openwa_sends_open{state="sending"}': 0,
    }
    assert expected == {name: found.get(name) for name in expected}
