"""The guard chain: request id, draining 503, rate limit 429, key 401, address and scope 401, role 403, problems 400."""

import logging

import pytest

from tests.support import ADMIN, Gateway

WRONG = {"name": 5}
MINUTE = 60_000


def told(answer) -> tuple[int, str]:
    return answer.status_code, answer.json["message"]


# --- each step's words ----------------------------------------------------------------------------


def test_no_key(gateway: Gateway) -> None:
    assert (401, "API key is required") == told(gateway.get("/sessions", key=None))


def test_an_unknown_key(gateway: Gateway) -> None:
    assert (401, "Invalid API key") == told(gateway.get("/sessions", key="owa_k1_nobody"))


def test_an_empty_key_is_an_unknown_key(gateway: Gateway) -> None:
    assert (401, "Invalid API key") == told(gateway.get("/sessions", key=""))


def test_a_key_in_latin_1_is_an_unknown_key(gateway: Gateway) -> None:
    assert (401, "Invalid API key") == told(gateway.get("/sessions", key="cl\xe9"))


def test_a_key_in_the_query_is_no_key(gateway: Gateway) -> None:
    assert (401, "API key is required") == told(gateway.get(f"/sessions?apiKey={ADMIN}", key=None))


def test_a_bearer_token_is_no_key(gateway: Gateway) -> None:
    answer = gateway.get("/sessions", key=None, headers={"Authorization": f"Bearer {ADMIN}"})
    assert (401, "API key is required") == told(answer)


def test_the_401_of_every_cause_is_the_envelope(gateway: Gateway) -> None:
    answer = gateway.get("/sessions", key="wrong")
    assert {"statusCode": 401, "message": "Invalid API key", "error": "Unauthorized"} == answer.json


def test_a_role_too_low(gateway: Gateway) -> None:
    viewer = gateway.key("viewer")
    assert (
        403,
        "Insufficient permissions. Required: operator",
    ) == told(gateway.post("/sessions", key=viewer, json={"name": "my-bot"}))
    assert (403, "Insufficient permissions. Required: admin") == told(gateway.get("/auth/api-keys", key=viewer))


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_a_full_window(gateway: Gateway) -> None:
    gateway.get("/sessions")
    answer = gateway.get("/sessions")
    assert (429, "ThrottlerException: Too Many Requests") == told(answer)
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_gateway_that_shuts_down(gateway: Gateway) -> None:
    gateway.program.draining = True
    answer = gateway.get("/sessions")
    assert (503, "The gateway is shutting down") == told(answer)
    assert int(answer.headers["Retry-After"]) >= 1


# --- the order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_draining_beats_the_rate_limit(gateway: Gateway) -> None:
    gateway.get("/sessions")
    gateway.program.draining = True
    assert 503 == gateway.get("/sessions").status_code


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_the_rate_limit_beats_the_key(gateway: Gateway) -> None:
    gateway.get("/sessions", key="wrong")
    assert 429 == gateway.get("/sessions", key="wrong").status_code


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_the_rate_limit_beats_the_unknown_path(gateway: Gateway) -> None:
    gateway.get("/nowhere")
    assert 429 == gateway.get("/nowhere").status_code


def test_the_key_beats_the_body(gateway: Gateway) -> None:
    assert 401 == gateway.post("/sessions", key=None, json=WRONG).status_code


def test_the_key_beats_the_content_type(gateway: Gateway) -> None:
    assert 401 == gateway.post("/sessions", key="wrong", data=b"x", content_type="text/plain").status_code


def test_the_source_address_beats_the_session_scope(gateway: Gateway) -> None:
    other = gateway.session("other")
    key = gateway.key("viewer", allowedIps=["203.0.113.1"], allowedSessions=[other])
    session = gateway.session()
    assert (401, "IP address not allowed") == told(gateway.get(f"/sessions/{session}", key=key))


def test_the_session_scope_beats_the_role(gateway: Gateway) -> None:
    session, other = gateway.session(), gateway.session("other")
    key = gateway.key("viewer", allowedSessions=[other])
    assert (401, "API key not authorized for this session") == told(gateway.delete(f"/sessions/{session}", key=key))


def test_the_end_of_a_key_beats_its_source_address(gateway: Gateway) -> None:
    key = gateway.key("viewer", allowedIps=["203.0.113.1"], expiresAt="2027-01-15T08:01:00.000Z")
    gateway.clock.advance(61)
    assert (401, "API key has expired") == told(gateway.get("/sessions", key=key))


def test_revocation_beats_the_end_of_a_key(gateway: Gateway) -> None:
    key = gateway.key("viewer", expiresAt="2027-01-15T08:01:00.000Z")
    gateway.post(f"/auth/api-keys/{gateway.get('/auth/api-keys').json[0]['id']}/revoke")
    gateway.clock.advance(61)
    assert (401, "API key is revoked") == told(gateway.get("/sessions", key=key))


def test_the_role_beats_the_body(gateway: Gateway) -> None:
    assert 403 == gateway.post("/sessions", key=gateway.key("viewer"), json=WRONG).status_code


def test_the_role_beats_an_unknown_query_parameter(gateway: Gateway) -> None:
    assert 403 == gateway.get("/auth/api-keys?nonsense=1", key=gateway.key("operator")).status_code


def test_the_body_beats_the_session_that_is_not_there(gateway: Gateway) -> None:
    assert 400 == gateway.post("/sessions/nobody/messages/send-text", json={}).status_code


# --- all problems at once -------------------------------------------------------------------------


def test_path_query_and_body_problems_are_told_together(gateway: Gateway) -> None:
    answer = gateway.put(f"/auth/api-keys/{'x' * 101}?colour=red", json={"role": "king", "size": 5})
    assert 400 == answer.status_code
    assert {
        "statusCode": 400,
        "message": [
            "id must be shorter than or equal to 100 characters",
            "property colour should not exist",
            "property size should not exist",
            "role must be one of the following values: admin, operator, viewer",
        ],
        "error": "Bad Request",
    } == answer.json


def test_a_missing_field_is_told_by_every_rule_it_breaks(gateway: Gateway) -> None:
    assert [
        "Session name can only contain letters, numbers, and hyphens",
        "name must be shorter than or equal to 50 characters",
        "name must be longer than or equal to 3 characters",
        "name must be a string",
    ] == gateway.post("/sessions", json={}).json["message"]


@pytest.mark.parametrize("settings", [{"VALIDATION_ERROR_DETAIL": "false"}])
def test_problems_can_be_hidden(gateway: Gateway) -> None:
    assert {
        "statusCode": 400,
        "message": "Bad Request",
        "error": "Bad Request",
    } == gateway.post("/sessions", json={}).json


def test_a_request_of_endless_problems_gets_a_bounded_answer(gateway: Gateway) -> None:
    answer = gateway.post("/sessions", json={f"field-{number}": 1 for number in range(5000)})
    assert (400, 1000) == (answer.status_code, len(answer.json["message"]))


# --- what is exempt -------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1", "METRICS_TOKEN": "secret"}])
@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_health_and_metrics_are_not_limited(gateway: Gateway, path: str) -> None:
    answers = [gateway.get(path, headers={"Authorization": "Bearer secret"}) for _ in range(3)]
    assert [200, 200, 200] == [answer.status_code for answer in answers]
    assert "X-RateLimit-Limit" not in answers[0].headers


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_health_does_not_use_up_the_limit(gateway: Gateway) -> None:
    gateway.get("/health")
    assert 200 == gateway.get("/sessions").status_code


@pytest.mark.parametrize("path", ["/health", "/metrics", "/openapi.json", "/sessions", "/nowhere"])
def test_everything_but_liveness_and_readiness_drains(gateway: Gateway, path: str) -> None:
    gateway.program.draining = True
    assert 503 == gateway.get(path).status_code


def test_liveness_answers_while_draining(gateway: Gateway) -> None:
    gateway.program.draining = True
    assert 200 == gateway.get("/health/live").status_code


# --- the limit's figures --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{"RATE_LIMIT_SHORT_LIMIT": "9", "RATE_LIMIT_MEDIUM_LIMIT": "2", "RATE_LIMIT_MEDIUM_TTL": str(MINUTE)}],
)
def test_the_headers_tell_of_the_tightest_window(gateway: Gateway) -> None:
    first, second, third = (gateway.get("/sessions") for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
    assert ["2", "2", "2"] == [a.headers["X-RateLimit-Limit"] for a in (first, second, third)]
    assert ["1", "0", "0"] == [a.headers["X-RateLimit-Remaining"] for a in (first, second, third)]
    assert 1 <= int(first.headers["X-RateLimit-Reset"]) <= 60


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_a_request_after_retry_after_passes(gateway: Gateway) -> None:
    gateway.get("/sessions")
    gateway.clock.advance(int(gateway.get("/sessions").headers["Retry-After"]))
    assert 200 == gateway.get("/sessions").status_code


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "1"}])
def test_each_client_address_has_windows_of_its_own(gateway: Gateway) -> None:
    gateway.get("/sessions", environ_base={"REMOTE_ADDR": "203.0.113.1"})
    assert 200 == gateway.get("/sessions", environ_base={"REMOTE_ADDR": "203.0.113.2"}).status_code


# --- the request's id -----------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["abc-123", "A" * 128, "0", "-"])
def test_a_request_id_of_letters_digits_and_dashes_is_echoed(gateway: Gateway, given: str) -> None:
    assert given == gateway.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "a_b", "é", "a/b", "<script>"])
def test_any_other_request_id_is_replaced(gateway: Gateway, given: str) -> None:
    answered = gateway.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert answered != given
    assert 36 == len(answered)


@pytest.mark.parametrize("path", ["/sessions", "/nowhere", "/health", "/sessions?limit=x"])
def test_every_answer_carries_a_request_id(gateway: Gateway, path: str) -> None:
    assert gateway.get(path).headers["X-Request-ID"] != gateway.get(path).headers["X-Request-ID"]


def test_an_unexpected_error_is_logged_with_the_request_id_and_shows_nothing(gateway: Gateway, caplog) -> None:
    with gateway.program.db.write() as tx:
        tx.exec_driver_sql("DROP TABLE audit_logs")
    with caplog.at_level(logging.ERROR, "openwa.http"):
        answer = gateway.post("/sessions", json={"name": "my-bot"}, headers={"X-Request-ID": "find-me"})
    assert {"statusCode": 500, "message": "Internal server error", "error": "Internal Server Error"} == answer.json
    assert ["find-me"] == [record.request_id for record in caplog.records]
    assert "audit_logs" in caplog.text
