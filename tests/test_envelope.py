"""Whatever goes wrong, and whoever notices, the answer is the envelope: statusCode, message, error."""

import pytest

from tests.support import Gateway

JSON = "application/json"
# What is refused here is refused before any database is asked for more than a key.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def status_and_message(answer) -> tuple[int, str]:
    assert {"statusCode", "message", "error"} == answer.json.keys()
    assert JSON == answer.content_type
    assert answer.status_code == answer.json["statusCode"]
    return answer.status_code, answer.json["message"]


def post(gateway: Gateway, body: bytes, content_type: str | None = JSON):
    return gateway.post("/sessions", data=body, content_type=content_type)


# --- paths and methods ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/", "", "/sessions/", "//sessions", "/Sessions", "/sessions/a/b/c", "/sessions/a%2Fb", "/../x"],
)
@pytest.mark.parametrize("key", [None, "wrong"])
def test_an_unknown_path_is_404_whoever_asks(gateway: Gateway, path: str, key: str | None) -> None:
    status, message = status_and_message(gateway.get(path, key=key))
    assert (404, True) == (status, message.startswith("Cannot GET /api"))


def test_outside_the_api_there_is_nothing(gateway: Gateway) -> None:
    answer = gateway.client.get("/")
    assert (404, "Cannot GET /") == status_and_message(answer)


def test_an_endless_path_gets_a_short_answer(gateway: Gateway) -> None:
    answer = gateway.get("/" + "x" * 100_000)
    assert (404, True) == (answer.status_code, len(answer.get_data()) < 2000)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/sessions", "GET, POST"),
        ("PUT", "/sessions/my-bot", "DELETE, GET"),
        ("GET", "/sessions/my-bot/start", "POST"),
        ("PATCH", "/auth/api-keys/x", "DELETE, GET, PUT"),
        ("POST", "/health", "GET"),
        ("TRACE", "/sessions", "GET, POST"),
        ("OPTIONS", "/sessions", "GET, POST"),
        ("FROBNICATE", "/sessions", "GET, POST"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(gateway: Gateway, method: str, path: str, allow: str) -> None:
    answer = gateway.call(method, path)
    assert (405, f"Cannot {method} /api{path}; allowed: {allow}") == status_and_message(answer)
    assert allow == answer.headers["Allow"]


def test_head_answers_as_get_does_without_a_body(gateway: Gateway) -> None:
    answer = gateway.client.head("/api/sessions", headers={"X-API-Key": gateway.admin})
    assert (200, b"") == (answer.status_code, answer.get_data())


# --- bodies that are no JSON ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Request body is empty"),
        (b'{"name":', "Malformed JSON: unexpected end of data"),
        (b"{'name': 'x'}", "Malformed JSON: unexpected character"),
        (b'{"name": "my-bot"}}', "Malformed JSON: unexpected content after document"),
        (b'{"name": "my-bot",}', "Malformed JSON: trailing comma is not allowed"),
        (b'{"name": NaN}', "Malformed JSON: "),
        (b'{"name": "my-bot", "config": {"a": 1e999}}', "Malformed JSON: number is infinity"),
        (b'{"name": "my\0bot"}', "Malformed JSON: unexpected control character"),
        (b'{"name": "\xff"}', "Malformed JSON: str is not valid UTF-8"),
        (b'{"name": "\xed\xa0\x80"}', "Malformed JSON: str is not valid UTF-8"),
        (b'{"name": "\\ud800"}', "Malformed JSON: "),
        (b'\xef\xbb\xbf{"name": "my-bot"}', "Malformed JSON: "),
        (b"[" * 100_000, "Malformed JSON: "),
        (b'{"a":' * 100_000, "Malformed JSON: "),
    ],
)
def test_a_body_that_is_no_json_is_400_and_says_where(gateway: Gateway, body: bytes, message: str) -> None:
    status, told = status_and_message(post(gateway, body))
    assert (400, message) == (status, told[: len(message)])


@pytest.mark.parametrize("depth", [100, 500, 990])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_body_nested_too_deep_is_400(gateway: Gateway, depth: int, opening: bytes, closing: bytes) -> None:
    nested = opening * depth + b'"\\u0000"' + closing * depth
    answer = post(gateway, b'{"name": "my-bot", "config": {"a": ' + nested + b"}}")
    assert (400, "Request body is nested deeper than 100 levels") == status_and_message(answer)


def test_a_body_may_be_nested_a_hundred_levels(gateway: Gateway) -> None:
    answer = post(gateway, b'{"name": "my-bot", "config": {"a": ' + b"[" * 98 + b"]" * 98 + b"}}")
    assert 201 == answer.status_code


def test_many_brackets_side_by_side_are_not_deep(gateway: Gateway) -> None:
    answer = post(gateway, b'{"name": "my-bot", "config": {"a": [' + b",".join([b"[]"] * 500) + b"]}}")
    assert 201 == answer.status_code


@pytest.mark.parametrize("body", [b"[]", b'"my-bot"', b"5", b"null", b"true"])
def test_a_body_that_is_no_object_is_400(gateway: Gateway, body: bytes) -> None:
    assert (400, ["body must be an object"]) == status_and_message(post(gateway, body))


def test_of_a_name_given_twice_the_last_counts(gateway: Gateway) -> None:
    assert "second" == post(gateway, b'{"name": "first", "name": "second"}').json["name"]


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "json"],
)
def test_a_body_of_another_type_is_415(gateway: Gateway, content_type: str | None) -> None:
    answer = post(gateway, b'{"name": "my-bot"}', content_type)
    assert (415, "Content-Type must be application/json") == status_and_message(answer)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_said_in_every_way(gateway: Gateway, content_type: str) -> None:
    assert 201 == post(gateway, b'{"name": "my-bot"}', content_type).status_code


@pytest.mark.parametrize("settings", [{"MEDIA_DOWNLOAD_MAX_BYTES": "3"}])
@pytest.mark.parametrize(("path", "spare"), [("/sessions", 4), ("/sessions/my-bot/messages/send-image", 0)])
def test_an_oversized_body_is_413(gateway: Gateway, path: str, spare: int) -> None:
    """Only where media may be in it, it may be as long as media are."""
    most = gateway.program.config.body_max_bytes - spare
    answer = gateway.post(path, data=b'{"name": "' + b"x" * most + b'"}', content_type="application/json")
    assert (413, f"Request body is larger than {most} bytes") == status_and_message(answer)
    assert "Payload Too Large" == answer.json["error"]


# --- values that no database takes ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"name": "abc\\u0000"}', "name must not contain null characters"),
        (b'{"name": "my-bot", "config": {"a": ["\\u0000"]}}', "config.a.0 must not contain null characters"),
        (b'{"name": "my-bot", "config": {"\\u0000": 1}}', "config.\\u0000 must not contain null characters"),
    ],
)
def test_a_null_character_is_400(gateway: Gateway, body: bytes, problem: str) -> None:
    answer = post(gateway, body)
    assert (400, problem) == (answer.status_code, answer.json["message"][0])


def test_a_null_character_spelt_out_is_text(gateway: Gateway) -> None:
    assert 201 == post(gateway, b'{"name": "my-bot", "config": {"a": "\\\\u0000"}}').status_code


@pytest.mark.parametrize("path", ["/sessions/%00", "/sessions?limit=%00", "/sessions/my-bot/messages?chatId=1%002"])
def test_a_null_character_in_the_address_is_400(gateway: Gateway, path: str) -> None:
    answer = gateway.get(path)
    assert (400, True) == (answer.status_code, "must not contain null characters" in answer.json["message"][0])


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1" + "0" * 300])
def test_an_integer_beyond_64_bits_is_taken_or_refused_but_never_breaks(gateway: Gateway, number: str) -> None:
    assert 400 == gateway.get(f"/sessions?limit={number}").status_code
    assert 200 == gateway.get(f"/sessions/{gateway.session()}/messages?limit={number}&offset={number}").status_code
    assert 201 == post(gateway, b'{"name": "big", "config": {"a": ' + number.encode() + b"}}").status_code


@pytest.mark.parametrize("path", ["/sessions/%FF", "/sessions/%ED%A0%80", "/sessions/%F0%9F%98%80"])
def test_a_path_that_is_no_utf8_names_nothing(gateway: Gateway, path: str) -> None:
    assert 404 == gateway.get(path).status_code


# --- what browsers are told -----------------------------------------------------------------------

PAGE = {"Origin": "https://app.example.com"}
ASKING = {**PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}


def test_any_page_may_call_by_default_without_credentials(gateway: Gateway) -> None:
    answer = gateway.get("/sessions", headers=PAGE)
    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_a_preflight_needs_no_key(gateway: Gateway) -> None:
    answer = gateway.client.options("/api/sessions", headers=ASKING)
    assert (204, b"") == (answer.status_code, answer.get_data())
    assert "X-API-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    assert "86400" == answer.headers["Access-Control-Max-Age"]


@pytest.mark.parametrize("settings", [{"CORS_ORIGINS": "https://app.example.com, https://b.example"}])
def test_a_listed_page_may_call_with_credentials(gateway: Gateway) -> None:
    headers = gateway.get("/sessions", headers=PAGE).headers
    told = [headers[f"Access-Control-Allow-{name}"] for name in ("Origin", "Credentials")]
    assert ["https://app.example.com", "true"] == told


@pytest.mark.parametrize("settings", [{"CORS_ORIGINS": "https://b.example"}])
def test_any_other_page_is_told_nothing_and_still_served(gateway: Gateway) -> None:
    answer = gateway.get("/sessions", headers=PAGE)
    assert (200, []) == (answer.status_code, [n for n, _ in answer.headers if n.startswith("Access-Control")])


def test_who_is_no_page_is_told_nothing(gateway: Gateway) -> None:
    assert [] == [name for name, _ in gateway.get("/sessions").headers if name.startswith("Access-Control")]


def test_errors_are_readable_by_pages_too(gateway: Gateway) -> None:
    assert "*" == gateway.get("/sessions", key=None, headers=PAGE).headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("path", ["/health", "/sessions", "/nowhere"])
def test_every_answer_carries_the_security_headers(gateway: Gateway, path: str) -> None:
    headers = gateway.get(path).headers
    told = [headers[name] for name in ("X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options")]
    assert ["nosniff", "no-referrer", "DENY"] == told


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json, application/problem+json", "application/json"),
        ("application/problem+json", "application/problem+json"),
        ("application/problem+json, application/json;q=0.9", "application/problem+json"),
        ("application/problem+json, */*;q=0.1", "application/problem+json"),
    ],
)
def test_who_takes_either_form_of_an_error_is_given_the_envelope(gateway: Gateway, accept: str, expected: str) -> None:
    """Generated clients name every type that the document has, and prefer none."""
    assert expected == gateway.get("/sessions/nobody", headers={"Accept": accept}).mimetype
