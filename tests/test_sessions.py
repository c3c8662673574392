"""Sessions, from creation through linking to deletion."""

import base64

import pytest
from sqlalchemy import func, select

from storage.tables import sessions
from tests.support import Gateway, together

NOBODY = "8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a"
PNG = "data:image/png;base64,"


def status(gateway: Gateway, session: str) -> str:
    return str(gateway.get(f"/sessions/{session}").json["status"])


def count(gateway: Gateway, table) -> int:
    with gateway.program.db.read() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


# --- creating -------------------------------------------------------------------------------------


def test_a_new_session_is_created_and_stands_in_the_list(gateway: Gateway) -> None:
    made = gateway.post("/sessions", json={"name": "my-bot"})
    assert 201 == made.status_code
    assert {
        "id": made.json["id"],
        "name": "my-bot",
        "status": "created",
        "phone": None,
        "pushName": None,
        "connectedAt": None,
        "lastActive": None,
        "createdAt": "2027-01-15T08:00:00.000Z",
        "updatedAt": "2027-01-15T08:00:00.000Z",
        "lastError": None,
    } == made.json
    assert [made.json] == gateway.get("/sessions").json


def test_a_session_keeps_its_settings_and_shows_no_proxy(gateway: Gateway) -> None:
    config = {"maxReconnectAttempts": 5, "anything": ["日本", 1.5, None, {"a": True}]}
    proxy = {"proxyUrl": "socks5://user:pass@proxy.example.com:1080", "proxyType": "socks5"}
    made = gateway.post("/sessions", json={"name": "my-bot", "config": config, **proxy})
    with gateway.program.db.read() as tx:
        row = tx.execute(select(sessions)).one()
    assert (row.config, row.proxy_url, row.proxy_type) == (config, *proxy.values())
    assert "pass@" not in made.get_data(as_text=True)


@pytest.mark.parametrize("name", ["abc", "A-1", "-" * 3, "x" * 50, NOBODY])
def test_a_name_is_3_to_50_letters_digits_and_hyphens(gateway: Gateway, name: str) -> None:
    assert name == gateway.post("/sessions", json={"name": name}).json["name"]


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"name": "ab"}, ["name must be longer than or equal to 3 characters"]),
        ({"name": "x" * 51}, ["name must be shorter than or equal to 50 characters"]),
        ({"name": "my bot"}, ["Session name can only contain letters, numbers, and hyphens"]),
        ({"name": "my-bot\n"}, ["Session name can only contain letters, numbers, and hyphens"]),
        ({"name": "böt"}, ["Session name can only contain letters, numbers, and hyphens"]),
        ({"name": "１２３"}, ["Session name can only contain letters, numbers, and hyphens"]),
        ({"name": 123}, ["name must be a string"]),
        ({"name": ["my-bot"]}, ["name must be a string"]),
        ({"name": None}, ["name must be a string"]),
        ({"name": "my-bot", "config": []}, ["config must be an object"]),
        ({"name": "my-bot", "config": "{}"}, ["config must be an object"]),
        ({"name": "my-bot", "config": dict.fromkeys(map(str, range(51)))},
         ["config must contain no more than 50 properties"]),
        ({"name": "my-bot", "proxyUrl": "ftp://x"}, ["proxyUrl must be a valid http(s)/socks4/socks5 URL"]),
        ({"name": "my-bot", "proxyUrl": "http://x/path"}, ["proxyUrl must be a valid http(s)/socks4/socks5 URL"]),
        ({"name": "my-bot", "proxyUrl": "http://" + "x" * 255},
         ["proxyUrl must be shorter than or equal to 255 characters"]),
        ({"name": "my-bot", "proxyType": "tor"},
         ["proxyType must be one of the following values: http, https, socks4, socks5"]),
        ({"name": "my-bot", "status": "ready"}, ["property status should not exist"]),
    ],
)  # fmt: skip
def test_a_session_that_makes_no_sense_is_refused(gateway: Gateway, body: dict, problems: list[str]) -> None:
    answer = gateway.post("/sessions", json=body)
    assert (answer.status_code, answer.json["message"]) == (400, problems)


def test_a_name_is_taken_once(gateway: Gateway) -> None:
    gateway.session()
    answer = gateway.post("/sessions", json={"name": "my-bot"})
    assert {
        "statusCode": 409,
        "message": "Session with name 'my-bot' already exists",
        "error": "Conflict",
    } == answer.json


def test_of_two_creations_of_one_name_at_once_one_succeeds(gateway: Gateway) -> None:
    answers = together(*[lambda: gateway.post("/sessions", json={"name": "my-bot"})] * 8)
    assert [201] + [409] * 7 == sorted(answer.status_code for answer in answers)
    assert 1 == len(gateway.get("/sessions").json)


def test_creations_of_many_names_at_once_all_succeed(gateway: Gateway) -> None:
    calls = [lambda n=n: gateway.post("/sessions", json={"name": f"bot-{n}"}) for n in range(8)]
    assert [201] * 8 == [answer.status_code for answer in together(*calls)]


# --- listing and reading --------------------------------------------------------------------------


def test_sessions_are_listed_newest_first_page_by_page(gateway: Gateway) -> None:
    for name in ("one", "two", "three", "four"):
        gateway.session(name)
    assert ["four", "three", "two", "one"] == [s["name"] for s in gateway.get("/sessions").json]
    assert ["three", "two"] == [s["name"] for s in gateway.get("/sessions?limit=2&offset=1").json]
    assert [] == gateway.get("/sessions?offset=2147483647").json


def test_a_session_is_found_by_id_and_by_name(gateway: Gateway) -> None:
    session = gateway.session()
    assert gateway.get("/sessions/my-bot").json == gateway.get(f"/sessions/{session}").json


def test_an_id_wins_over_a_name_that_looks_like_it(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.session(session)
    assert "my-bot" == gateway.get(f"/sessions/{session}").json["name"]


@pytest.mark.parametrize("named", ["nobody", NOBODY, "日本", "a'b", "%25"])
def test_a_session_that_is_not_there_is_not_found(gateway: Gateway, named: str) -> None:
    answer = gateway.get(f"/sessions/{named}")
    told = "%" if named == "%25" else named
    assert {"statusCode": 404, "message": f"Session '{told}' not found", "error": "Not Found"} == answer.json


def test_every_operation_on_a_session_says_that_it_is_not_there(gateway: Gateway) -> None:
    paired, sent = {"phoneNumber": "628123456789"}, {"chatId": "628123456789@c.us", "text": "hi"}
    answers = [
        gateway.get("/sessions/nobody"),
        gateway.delete("/sessions/nobody"),
        gateway.post("/sessions/nobody/start"),
        gateway.post("/sessions/nobody/stop"),
        gateway.post("/sessions/nobody/force-kill"),
        gateway.get("/sessions/nobody/qr"),
        gateway.post("/sessions/nobody/pairing-code", json=paired),
        gateway.get("/sessions/nobody/chats"),
        gateway.get("/sessions/nobody/messages"),
        gateway.post("/sessions/nobody/messages/send-text", json=sent),
    ]
    assert {(404, "Session 'nobody' not found")} == {(answer.status_code, answer.json["message"]) for answer in answers}


# --- linking --------------------------------------------------------------------------------------


def test_a_session_walks_from_created_to_ready(gateway: Gateway) -> None:
    session, seen = gateway.session(), ["created"]
    gateway.post(f"/sessions/{session}/start")
    for _ in range(40):
        now = status(gateway, session)
        seen += [now] if now != seen[-1] else []
        gateway.clock.advance(0.05)
    assert ["created", "initializing", "qr_ready", "authenticating", "ready"] == seen


def test_a_session_that_is_ready_knows_who_it_is_and_since_when(gateway: Gateway) -> None:
    session = gateway.get(f"/sessions/{gateway.session(ready=True)}").json
    assert session["phone"].isdigit()
    assert session["pushName"]
    assert "2027-01-15T08:00:00.000Z" < session["connectedAt"] <= session["lastActive"]


def test_a_session_is_started_once(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.post(f"/sessions/{session}/start")
    answer = gateway.post(f"/sessions/{session}/start")
    assert (answer.status_code, answer.json["message"]) == (400, "Session is already started")


def test_of_two_starts_at_once_one_succeeds(gateway: Gateway) -> None:
    session = gateway.session()
    answers = together(*[lambda: gateway.post(f"/sessions/{session}/start")] * 8)
    assert [200] + [400] * 7 == sorted(answer.status_code for answer in answers)
    refused = {answer.json["message"] for answer in answers if answer.status_code == 400}
    assert refused <= {"Session is already started", "Session is already starting"}


@pytest.mark.parametrize("settings", [{"MAX_CONCURRENT_SESSIONS": "1"}])
def test_no_more_sessions_start_than_may_run(gateway: Gateway) -> None:
    first, second = gateway.session("one"), gateway.session("two")
    gateway.post(f"/sessions/{first}/start")
    answer = gateway.post(f"/sessions/{second}/start")
    assert 400 == answer.status_code
    gateway.post(f"/sessions/{first}/stop")
    assert 200 == gateway.post(f"/sessions/{second}/start").status_code


def test_a_code_to_scan_is_a_picture(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.post(f"/sessions/{session}/start")
    gateway.clock.advance(0.5)
    answer = gateway.get(f"/sessions/{session}/qr").json
    assert "qr_ready" == answer["status"]
    assert base64.b64decode(answer["qrCode"].removeprefix(PNG)).startswith(b"\x89PNG\r\n")


def test_a_code_to_type_has_eight_characters(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.post(f"/sessions/{session}/start")
    gateway.clock.advance(0.5)
    answer = gateway.post(f"/sessions/{session}/pairing-code", json={"phoneNumber": "628123456789"})
    assert (201, 8, "qr_ready") == (answer.status_code, len(answer.json["pairingCode"]), answer.json["status"])


def test_a_paired_session_has_the_number_it_was_paired_with(gateway: Gateway) -> None:
    session = gateway.session()
    gateway.post(f"/sessions/{session}/start")
    gateway.clock.advance(0.5)
    gateway.post(f"/sessions/{session}/pairing-code", json={"phoneNumber": "4915112345678"})
    gateway.clock.advance(5)
    assert "4915112345678" == gateway.get(f"/sessions/{session}").json["phone"]


WRONG_NUMBERS = ["", "+628123456789", "0628123456", "62812", "6" * 16, "62 812 345", "６２８１２３４５６"]


@pytest.mark.parametrize("number", WRONG_NUMBERS)
def test_a_number_to_pair_is_7_to_15_digits(gateway: Gateway, number: str) -> None:
    answer = gateway.post("/sessions/my-bot/pairing-code", json={"phoneNumber": number})
    assert 400 == answer.status_code
    assert isinstance(answer.json["message"], list)


PAIR = {"phoneNumber": "628123456789"}


@pytest.mark.parametrize(("method", "tail", "body"), [("GET", "/qr", None), ("POST", "/pairing-code", PAIR)])
def test_a_code_needs_a_session_that_is_started_and_not_linked(gateway: Gateway, method: str, tail: str, body) -> None:
    session = gateway.session()
    ask = lambda: gateway.call(method, f"/sessions/{session}{tail}", json=body)  # noqa: E731 - three times the same
    not_started = ask()
    gateway.post(f"/sessions/{session}/start")
    not_yet = ask()
    gateway.clock.advance(5)
    linked = ask()
    assert [400, 400, 400] == [answer.status_code for answer in (not_started, not_yet, linked)]
    what = "QR code" if tail == "/qr" else "pairing code"
    assert [
        "Session is not started. Call POST /sessions/{sessionId}/start first.",
        "QR code is not ready yet. Please wait...",
        f"Session is already authenticated, no {what} needed",
    ] == [answer.json["message"] for answer in (not_started, not_yet, linked)]


# --- losing the connection ------------------------------------------------------------------------


def test_a_lost_connection_comes_back_by_itself(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.world.control.drop(session, 10)
    gateway.clock.advance()
    assert "disconnected" == status(gateway, session)
    gateway.clock.advance(11)
    assert "ready" == status(gateway, session)


@pytest.mark.parametrize("reason", ["logged_out", "banned", "outdated", "replaced"])
def test_an_ended_session_says_why(gateway: Gateway, reason) -> None:
    session = gateway.session(ready=True)
    gateway.world.control.end(session, reason)
    gateway.clock.advance()
    shown = gateway.get(f"/sessions/{session}").json
    assert (shown["status"], shown["lastError"].partition(":")[0]) == ("failed", reason)


def test_an_error_is_forgotten_with_the_next_start(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.world.control.end(session, "replaced")
    gateway.clock.advance()
    gateway.post(f"/sessions/{session}/stop")
    gateway.post(f"/sessions/{session}/start")
    gateway.clock.advance(5)
    shown = gateway.get(f"/sessions/{session}").json
    assert (shown["status"], shown["lastError"]) == ("ready", None)
