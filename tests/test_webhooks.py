"""Webhooks as a resource: registered, changed, tested, rotated, listed, deleted."""

import pytest

from storage import webhooks
from tests.receiver import Receiver, answer, close
from tests.support import Gateway, document

HOOK = {"url": "http://127.0.0.1:9/hook"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def settings() -> dict[str, str]:
    return {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "WEBHOOK_TIMEOUT": "500"}


@pytest.fixture
def session(gateway: Gateway) -> str:
    return gateway.session()


def hook(gateway: Gateway, session: str, **more) -> dict:
    return gateway.post(f"/sessions/{session}/webhooks", json={**HOOK, **more}).json


def test_a_webhook_wants_received_messages_unless_told_otherwise(gateway: Gateway, session: str) -> None:
    made = gateway.post(f"/sessions/{session}/webhooks", json=HOOK)

    assert made.status_code == 201
    told = {name: made.json[name] for name in ("events", "retryCount", "active", "filters", "lastTriggeredAt")}
    assert told == {
        "events": ["message.received"], "retryCount": 3, "active": True, "filters": None, "lastTriggeredAt": None,
    }  # fmt: skip


def test_secret_and_headers_are_never_shown(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session, secret=SECRET, headers={"Authorization": "Bearer abc"})
    shown = [
        str(made),
        gateway.get(f"/sessions/{session}/webhooks/{made['id']}").get_data(as_text=True),
        gateway.get(f"/sessions/{session}/webhooks").get_data(as_text=True),
        gateway.get("/webhooks").get_data(as_text=True),
    ]

    assert [text for text in shown if SECRET in text or "Bearer" in text] == []


def test_a_webhook_can_want_every_event_there_is() -> None:
    schemas = document()["components"]["schemas"]

    assert schemas["WebhookEventName"]["enum"] == [*schemas["EventType"]["enum"], "*"]


def test_the_session_has_to_exist(gateway: Gateway) -> None:
    for path in ("/sessions/nobody/webhooks", "/sessions/nobody/webhooks/x"):
        assert gateway.get(path).json["message"] == "Session 'nobody' not found"
    assert gateway.post("/sessions/nobody/webhooks", json=HOOK).status_code == 404


def test_another_sessions_webhook_is_not_found(gateway: Gateway, session: str) -> None:
    made, other = hook(gateway, session), gateway.session("other")

    answered = gateway.get(f"/sessions/{other}/webhooks/{made['id']}")

    assert (answered.status_code, answered.json["message"]) == (404, f"Webhook with id '{made['id']}' not found")


NOT_PUBLIC = "url must lead to a public address, or its host be named in SSRF_ALLOWED_HOSTS"
BLOCKED = {
    "http://10.0.0.1/": NOT_PUBLIC,
    "http://localhost/": NOT_PUBLIC,
    "http://no-such-host.invalid/": "Could not resolve host: no-such-host.invalid (ENOTFOUND)",
    "http://me:secret@127.0.0.1/": "url must not hold a user name or password; use headers",
}


def test_a_url_that_may_not_be_called_is_refused(gateway: Gateway, session: str) -> None:
    path = f"/sessions/{session}/webhooks"
    made = hook(gateway, session)["id"]

    created = {url: gateway.post(path, json={"url": url}).json["message"] for url in BLOCKED}
    changed = {url: gateway.put(f"{path}/{made}", json={"url": url}).json["message"] for url in BLOCKED}

    assert (created, changed) == (BLOCKED, BLOCKED)


WRONG = [{"url": "ftp://example.com"}, {"events": []}, {"events": ["message.eaten"]}, {"retryCount": 6},
     {"retryCount": "3"},
     {"headers": {"X-A": "a\r\nX-B: b"}}, {"headers": {"X A": "a"}}, {"headers": {"X-A": 1}}, {"active": True},
     {"colour": 1},
     {"filters": {}}, {"filters": {"conditions": [{"field": "body", "operator": "is", "value": "a"}]}},
     {"filters": {"conditions": [{"field": "isGroup", "operator": "is", "value": "true"}]}},
     {"filters": {"conditions": [{"field": "type", "operator": "is", "value": ["song"]}]}},
     {"filters": {"conditions": [{"field": "sender", "operator": "is", "value": ["nobody"]}]}},
     {"filters": {"conditions": [{"field": "body", "operator": "equals", "value": "a"}] * 21}},
     {"secret": "s" * 256}]  # fmt: skip


def test_what_the_document_does_not_allow_is_refused(gateway: Gateway, session: str) -> None:
    taken = [
        wrong
        for wrong in WRONG
        if gateway.post(f"/sessions/{session}/webhooks", json={**HOOK, **wrong}).status_code != 400
    ]

    assert taken == []


def test_addresses_in_filters_are_kept_in_the_one_dialect(gateway: Gateway, session: str) -> None:
    written = {"conditions": [{"field": "sender", "operator": "is", "value": ["+62 812-3456-789"]}]}

    assert hook(gateway, session, filters=written)["filters"]["conditions"][0]["value"] == ["628123456789@c.us"]


def test_a_change_leaves_the_rest(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session, events=["message.ack"], retryCount=1)

    changed = gateway.put(f"/sessions/{session}/webhooks/{made['id']}", json={"active": False}).json

    assert (changed["active"], changed["events"], changed["retryCount"]) == (False, ["message.ack"], 1)


def test_null_filters_want_everything_again(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session, filters={"conditions": [{"field": "fromMe", "operator": "is", "value": False}]})

    assert gateway.put(f"/sessions/{session}/webhooks/{made['id']}", json={"filters": None}).json["filters"] is None


def test_a_deleted_webhook_is_gone(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session)

    assert gateway.delete(f"/sessions/{session}/webhooks/{made['id']}").status_code == 204
    assert gateway.get(f"/sessions/{session}/webhooks").json == []


def test_a_session_has_at_most_a_hundred(gateway: Gateway, session: str) -> None:
    assert {hook(gateway, session)["url"] for _ in range(100)} == {HOOK["url"]}

    assert gateway.post(f"/sessions/{session}/webhooks", json=HOOK).status_code == 409


def test_a_viewer_may_not_even_look(gateway: Gateway, session: str) -> None:
    viewer = gateway.key("viewer")

    assert gateway.get(f"/sessions/{session}/webhooks", key=viewer).status_code == 403
    assert gateway.get("/webhooks/delivery-failures", key=gateway.key("operator")).status_code == 403


def test_a_key_sees_the_webhooks_of_its_sessions(gateway: Gateway, session: str) -> None:
    mine = hook(gateway, session)
    hook(gateway, gateway.session("other"))
    key = gateway.key("operator", allowedSessions=[session])

    assert gateway.get("/webhooks", key=key).json == [mine]


def test_every_change_is_in_the_audit_log(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session)
    path = f"/sessions/{session}/webhooks/{made['id']}"
    gateway.put(path, json={"active": False})
    gateway.post(f"{path}/rotate-secret", json={})
    gateway.delete(path)

    with gateway.program.db.read() as tx:
        found = tx.exec_driver_sql("SELECT action FROM audit_logs ORDER BY row").fetchall()
    assert [action for (action,) in found if action.startswith("webhook")] == [
        "webhook_created", "webhook_updated", "webhook_secret_rotated", "webhook_deleted",
    ]  # fmt: skip


def test_a_test_says_what_came_of_it(gateway: Gateway, session: str, receiver: Receiver) -> None:
    made = hook(gateway, session, url=receiver.url + "/hook", secret=SECRET)
    path = f"/sessions/{session}/webhooks/{made['id']}/test"

    outcomes = []
    for behaviour in (answer(204, b""), answer(500), close):
        receiver.behaviour = behaviour
        outcomes.append(gateway.post(path).json)

    assert outcomes == [
        {"success": True, "statusCode": 204},
        {"success": False, "statusCode": 500},
        {"success": False, "error": "The connection was closed without an answer"},
    ]


def test_a_test_is_signed_and_says_what_it_is(gateway: Gateway, session: str, receiver: Receiver) -> None:
    made = hook(gateway, session, url=receiver.url + "/hook", secret=SECRET)

    gateway.post(f"/sessions/{session}/webhooks/{made['id']}/test")

    got = receiver.received[0]
    assert (got.json["event"], got.json["data"]["webhookId"]) == ("test", made["id"])
    assert {"x-openwa-signature", "webhook-signature", "webhook-id"} <= got.headers.keys()


def test_a_rotation_shows_the_new_secret_and_when_the_old_one_ends(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session, secret="mine")
    path = f"/sessions/{session}/webhooks/{made['id']}/rotate-secret"

    fresh = gateway.post(path, json={}).json
    chosen = gateway.post(path, json={"secret": SECRET, "overlapHours": 1}).json

    assert (fresh["secret"][:6], fresh["oldSecretUntil"]) == ("whsec_", "2027-01-16T08:00:00.000Z")
    assert chosen == {"secret": SECRET, "oldSecretUntil": "2027-01-15T09:00:00.000Z"}


def test_with_an_idempotency_key_a_webhook_is_made_once_and_its_secret_rotated_once(
    gateway: Gateway, session: str
) -> None:
    path, key = f"/sessions/{session}/webhooks", {"Idempotency-Key": "k"}
    body = {"url": "http://127.0.0.1:9/hook", "secret": SECRET}

    made = [gateway.post(path, json=body, headers=key) for _ in range(2)]
    another = gateway.post(path, json={**body, "events": ["message.sent"]}, headers=key)
    rotate = f"{path}/{made[0].json['id']}/rotate-secret"
    rotated = [gateway.post(rotate, json={}, headers={"Idempotency-Key": "r"}) for _ in range(2)]
    other = gateway.post(rotate, json={"overlapHours": 1}, headers={"Idempotency-Key": "r"})

    assert ([201, 201], made[0].json, 1) == (
        [one.status_code for one in made],
        made[1].json,
        len(gateway.get(path).json),
    )
    assert (rotated[0].json, 422, 422) == (rotated[1].json, other.status_code, another.status_code)
    with gateway.program.db.read() as tx:
        row = webhooks.get(tx, session, made[0].json["id"])
    assert (rotated[0].json["secret"], SECRET) == (row.secret, row.old_secret)


def test_a_first_secret_has_no_old_one(gateway: Gateway, session: str) -> None:
    made = hook(gateway, session)

    answered = gateway.post(f"/sessions/{session}/webhooks/{made['id']}/rotate-secret", json={})

    assert answered.json["oldSecretUntil"] is None
