"""The conventions page, section by section: each sentence that a request can check, in the page's own examples."""

import re

import pytest

from tests.support import Gateway

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNSET = {f"RATE_LIMIT_{window}_LIMIT": "" for window in ("SHORT", "MEDIUM", "LONG")}  # as after installation
WORKED = {"chatId": "628123456789@c.us", "text": "Hello from OpenWA!"}


def test_every_route_is_under_the_api_prefix(gateway: Gateway) -> None:
    headers = {"X-API-Key": gateway.admin}
    assert [200, 404] == [
        gateway.client.get(path, headers=headers).status_code for path in ("/api/sessions", "/sessions")
    ]


def test_the_api_is_not_versioned_in_the_url(gateway: Gateway) -> None:
    assert 404 == gateway.get("/v1/sessions").status_code


def test_the_release_is_told_by_health_without_a_key(gateway: Gateway) -> None:
    answer = gateway.get("/health", key=None).json
    assert ["status", "timestamp", "version"] == list(answer)
    assert (True, True) == (
        bool(ISO.fullmatch(answer["timestamp"])),
        bool(re.fullmatch(r"\d+\.\d+\.\d+", answer["version"])),
    )


def test_roles_are_a_hierarchy(gateway: Gateway) -> None:
    """viewer: read; operator: and write; admin: and keys."""
    asked = [("GET", "/sessions", None), ("POST", "/sessions", {"name": "a-bot"}), ("GET", "/auth/api-keys", None)]
    allowed = {
        role: [gateway.call(method, path, key=key, json=body).status_code for method, path, body in asked]
        for role, key in ((role, gateway.key(role)) for role in ("viewer", "operator"))
    }
    assert {"viewer": [200, 403, 403], "operator": [200, 201, 403]} == allowed
    assert [200, 409, 200] == [gateway.call(method, path, json=body).status_code for method, path, body in asked]


def test_scope_is_checked_before_the_role(gateway: Gateway) -> None:
    key = gateway.key("viewer", allowedSessions=[gateway.session("other")])
    gateway.session()
    assert 401 == gateway.post("/sessions/my-bot/start", key=key).status_code


def test_an_unknown_field_is_refused_not_ignored(gateway: Gateway) -> None:
    answer = gateway.post("/sessions", json={"name": "my-bot", "colour": "red"})
    assert (400, ["property colour should not exist"]) == (answer.status_code, answer.json["message"])
    assert [] == gateway.get("/sessions").json


def test_validation_failures_list_each_problem(gateway: Gateway) -> None:
    """The page's own example."""
    assert {
        "statusCode": 400,
        "message": ["name must be longer than or equal to 3 characters"],
        "error": "Bad Request",
    } == gateway.post("/sessions", json={"name": "ab"}).json


def test_what_is_not_there_is_the_envelope(gateway: Gateway) -> None:
    """The page's own example."""
    assert {
        "statusCode": 404,
        "message": "Session 'my-bot' not found",
        "error": "Not Found",
    } == gateway.get("/sessions/my-bot").json


def test_answers_have_no_wrapper(ready: Gateway) -> None:
    session = ready.get("/sessions/my-bot").json
    assert ("my-bot", "ready") == (session["name"], session["status"])
    assert [session] == ready.get("/sessions").json
    assert {"messages", "total"} == ready.get("/sessions/my-bot/messages").json.keys()


def test_message_times_are_epoch_seconds_and_audit_times_iso(ready: Gateway) -> None:
    ready.post("/sessions/my-bot/messages/send-text", json=WORKED)
    message = ready.get("/sessions/my-bot/messages").json["messages"][0]
    assert ready.clock.now() // 1000 == message["timestamp"]
    session = ready.get("/sessions/my-bot").json
    key = ready.post("/auth/api-keys", json={"name": "Billing", "expiresAt": "2030-01-01T00:00:00Z"}).json
    times = [message["createdAt"], session["createdAt"], session["updatedAt"], key["createdAt"], key["expiresAt"]]
    assert [] == [time for time in times if not ISO.fullmatch(time)]


def test_a_deletion_answers_204_and_nothing(gateway: Gateway) -> None:
    answer = gateway.delete(f"/sessions/{gateway.session()}")
    assert (204, b"", None) == (answer.status_code, answer.get_data(), answer.content_type)


def test_a_precondition_is_400_and_a_duplicate_409(gateway: Gateway) -> None:
    gateway.session()
    assert 400 == gateway.get("/sessions/my-bot/chats").status_code
    assert 409 == gateway.post("/sessions", json={"name": "my-bot"}).status_code


@pytest.mark.parametrize("settings", [UNSET])
def test_the_eleventh_request_of_a_second_is_told_when_to_come_back(gateway: Gateway) -> None:
    answers = [gateway.get("/sessions") for _ in range(11)]
    assert [200] * 10 + [429] == [answer.status_code for answer in answers]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 2


def test_the_worked_request_answers_as_on_the_page(ready: Gateway) -> None:
    session = ready.get("/sessions/my-bot").json["id"]
    answer = ready.post(f"/sessions/{session}/messages/send-text", json=WORKED)
    assert (201, {"messageId", "timestamp"}) == (answer.status_code, answer.json.keys())
    assert answer.json["messageId"].startswith("true_628123456789@c.us_3EB0")
