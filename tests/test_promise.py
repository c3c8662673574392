"""CONTRACT_CHECK: what the gateway answers and posts is held against its document, and goes out all the same."""

import logging

import pytest

from gateway.document import bundle
from gateway.metrics import Metrics
from gateway.promise import Promise
from tests.receiver import Receiver
from tests.support import Gateway

GOOD = b'{"status":"ok"}'


def counts(metrics: Metrics) -> dict[str, float]:
    text = metrics.render(0, dict).decode()
    lines = [line for line in text.splitlines() if line.startswith("openwa_contract_checks_total{")]
    return {line.split("{")[1].split("}")[0]: float(line.split()[-1]) for line in lines}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def promise(metrics: Metrics) -> Promise:
    return Promise(bundle(), 1, metrics)


def test_a_kept_promise_is_counted(promise: Promise, metrics: Metrics) -> None:
    promise.answer("health.live", 200, "application/json", GOOD)
    assert {'kept="true",where="health.live 200"': 1.0} == counts(metrics)


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (418, "application/json", GOOD, "the status is not documented"),
        (200, "text/html", GOOD, "text/html is not documented"),
        (200, "application/json", b"{}", "the whole breaks required"),
        (200, "application/json", GOOD[:-1] + b',"secret":"s3cret"}', "the whole breaks additionalProperties"),
        (200, "application/json", GOOD.replace(b'"ok"', b'"s3cret"'), "status breaks"),
    ],
)
def test_a_broken_one_is_counted_and_logged_without_its_content(
    promise: Promise, metrics: Metrics, caplog: pytest.LogCaptureFixture, status: int, kind: str, body: bytes, told: str
) -> None:
    with caplog.at_level(logging.WARNING):
        promise.answer("health.live", status, kind, body)
    assert {f'kept="false",where="health.live {status}"': 1.0} == counts(metrics)
    assert told in caplog.text
    assert "s3cret" not in caplog.text


def test_what_it_cannot_read_harms_nobody(promise: Promise, metrics: Metrics) -> None:
    promise.answer("health.live", 200, "application/json", b"no json")
    promise.answer("no.such", 200, "application/json", GOOD)
    promise.delivery(b"no json")
    assert {} == counts(metrics)


def test_a_sample_is_every_hundredth(metrics: Metrics) -> None:
    promise = Promise(bundle(), 100, metrics)
    for _ in range(250):
        promise.answer("health.live", 200, "application/json", GOOD)
    assert [3.0] == list(counts(metrics).values())


@pytest.mark.parametrize("settings", [{"CONTRACT_CHECK": "all"}])
def test_a_gateway_watches_itself(gateway: Gateway) -> None:
    gateway.session(ready=True)
    gateway.get("/sessions/nobody")
    found = counts(gateway.program.metrics)
    assert {'kept="true",where="sessions.create 201"', 'kept="true",where="sessions.get 404"'} <= found.keys()
    assert [] == [where for where in found if "false" in where]


def test_deliveries_are_held_too(promise: Promise, metrics: Metrics) -> None:
    told = bundle()["components"]["schemas"]["WebhookEnvelope"]["properties"]
    assert {"event", "data"} <= told.keys()
    body = (
        b'{"event":"session.status","timestamp":"2026-06-25T09:20:00.000Z","idempotencyKey":"k","deliveryId":"dlv_1",'
        b'"sessionId":"8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a","sequence":7,"cursor":42,"data":%s}'
    )
    promise.delivery(body % b'{"sessionId":"8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a","status":"ready"}')
    promise.delivery(body % b'{"sessionId":"8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a","status":"lost in space"}')
    assert {'kept="true",where="webhooks"': 1.0, 'kept="false",where="webhooks"': 1.0} == counts(metrics)


@pytest.mark.parametrize("settings", [{"CONTRACT_CHECK": "all", "SSRF_ALLOWED_HOSTS": "127.0.0.1"}])
def test_a_gateway_watches_what_it_posts(gateway: Gateway, receiver: Receiver) -> None:
    gateway.session()
    gateway.post("/sessions/my-bot/webhooks", json={"url": receiver.url + "/hook", "events": ["*"]})
    gateway.post("/sessions/my-bot/start")
    gateway.program.delivery.turn(gateway.clock.now())
    assert len(receiver.received) > 0
    assert len(receiver.received) == counts(gateway.program.metrics)['kept="true",where="webhooks"']


def test_it_is_off_unless_asked_for(gateway: Gateway) -> None:
    gateway.get("/health", key=None)
    assert {} == counts(gateway.program.metrics)
