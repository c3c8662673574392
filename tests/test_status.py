"""Status posts: those of contacts, and those the account makes."""

from tests.support import Gateway

ADA, BABBAGE = "447700900006@c.us", "447700900007@c.us"
STATUS = "/sessions/my-bot/status"
TEXT = f"{STATUS}/send-text"
DAY = 86_400


def own(gateway: Gateway) -> str:
    return f"{gateway.get('/sessions/my-bot').json['phone']}@c.us"


def posted(gateway: Gateway) -> list[str]:
    return [status["caption"] for status in gateway.get(STATUS).json["statuses"]]


def types(gateway: Gateway) -> list[str]:
    return [event["type"] for event in gateway.get("/events?limit=1000").json["events"]]


# --- read ----------------------------------------------------------------------------------------


def test_statuses_of_contacts_are_listed_newest_first_for_a_day(ready: Gateway) -> None:
    first = ready.world.control.post_status(ADA, "Poetical science")
    ready.clock.advance(60)
    second = ready.world.control.post_status(BABBAGE, "An engine")

    found = ready.get(STATUS).json["statuses"]

    assert [second, first] == [status["id"] for status in found]
    ada = found[1]
    assert (ADA, "text", "Poetical science") == (ada["contact"]["id"], ada["type"], ada["caption"])
    assert "mediaUrl" not in ada
    assert [second] == [status["id"] for status in ready.get(f"{STATUS}?limit=1").json["statuses"]]
    assert [first] == [status["id"] for status in ready.get(f"{STATUS}?offset=1").json["statuses"]]
    ready.clock.advance(DAY - 30)
    assert ["An engine"] == posted(ready)


def test_a_contact_s_statuses_are_found_by_any_form_of_the_address(ready: Gateway) -> None:
    ready.world.control.post_status(ADA, "Poetical science")
    ready.world.control.post_status(BABBAGE, "An engine")
    for address in (ADA, "+44 7700 900006"):
        (found,) = ready.get(f"{STATUS}/{address}").json["statuses"]
        assert "Poetical science" == found["caption"]
    assert [] == ready.get(f"{STATUS}/447700900001@c.us").json["statuses"]


# --- posted --------------------------------------------------------------------------------------


def test_a_text_is_posted_for_a_day(ready: Gateway) -> None:
    answer = ready.post(TEXT, json={"text": "Good morning", "backgroundColor": "#25D366", "font": 1})

    (status,) = ready.get(f"{STATUS}/{own(ready)}").json["statuses"]
    assert 201 == answer.status_code
    assert answer.json == {"statusId": status["id"], "timestamp": status["timestamp"], "expiresAt": status["expiresAt"]}
    looks = {"type": "text", "caption": "Good morning", "backgroundColor": "#25D366", "font": 1}
    assert looks == {name: status[name] for name in looks}


def test_a_status_is_a_message_of_its_own_chat(ready: Gateway) -> None:
    answer = ready.post(TEXT, json={"text": "Good morning", "font": 1, "recipients": ["+44 7700 900006"]})

    (message,) = ready.get("/sessions/my-bot/messages?chatId=status@broadcast").json["messages"]

    assert (answer.json["statusId"], "sent", "Good morning") == (
        message["waMessageId"],
        message["status"],
        message["body"],
    )
    assert {"font": 1, "recipients": [ADA]} == message["metadata"]
    (event,) = ready.get("/events?type=message.sent").json["events"]
    assert ("status@broadcast", True) == (event["chatId"], event["data"]["isStatusBroadcast"])


def test_a_status_is_seen_by_its_recipients_only(ready: Gateway) -> None:
    other = ready.session("other", ready=True)
    me, you = own(ready), ready.world.account(other).address
    ready.post(TEXT, json={"text": "Only you", "recipients": [you]})
    ready.post(TEXT, json={"text": "Only Ada", "recipients": [ADA]})

    seen = ready.get(f"/sessions/other/status/{me}").json["statuses"]

    assert ["Only you"] == [status["caption"] for status in seen]


def test_the_same_key_posts_once_and_answers_the_same(ready: Gateway) -> None:
    key = {"Idempotency-Key": "morning"}
    answers = [ready.post(TEXT, json={"text": "Good morning"}, headers=key) for _ in range(2)]

    assert answers[0].json == answers[1].json
    assert ["Good morning"] == posted(ready)
    assert 422 == ready.post(TEXT, json={"text": "Good evening"}, headers=key).status_code


def test_a_status_whose_outcome_nobody_knows_is_not_posted_again(ready: Gateway) -> None:
    ready.post("/simulator/sessions/my-bot/faults", json={"kind": "unknown_sent"})
    key = {"Idempotency-Key": "morning"}

    answers = [ready.post(TEXT, json={"text": "Good morning"}, headers=key) for _ in range(2)]

    assert [504, 504] == [answer.status_code for answer in answers]
    assert ["Good morning"] == posted(ready)
    assert 1 == types(ready).count("message.unknown")


def test_a_status_can_wait_and_be_watched_or_only_looked_at(ready: Gateway) -> None:
    looked = ready.post(TEXT, json={"text": "Good morning"}, headers={"X-Preflight": "true"})
    assert (200, True, "status@broadcast") == (looked.status_code, looked.json["wouldSend"], looked.json["chatId"])
    waiting = ready.post(TEXT, json={"text": "Later", "sendAt": "2999-01-01T00:00:00.000Z"})
    assert (202, "queued") == (waiting.status_code, waiting.json["status"])
    assert 200 == ready.post(f"/sessions/my-bot/sends/{waiting.json['id']}/cancel").status_code
    assert [] == posted(ready)


def test_a_session_that_is_not_running_posts_nothing(gateway: Gateway) -> None:
    gateway.session()
    assert 400 == gateway.post(TEXT, json={"text": "Good morning"}).status_code
    assert (400, 400) == (gateway.get(STATUS).status_code, gateway.delete(f"{STATUS}/x").status_code)


# --- deleted -------------------------------------------------------------------------------------


def test_an_own_status_is_taken_back_from_everybody(ready: Gateway) -> None:
    ready.session("other", ready=True)
    status = ready.post(TEXT, json={"text": "Oops"}).json["statusId"]
    ready.clock.advance()

    answer = ready.delete(f"{STATUS}/{status}")
    ready.clock.advance()

    assert (200, {"message": "Status deleted successfully"}) == (answer.status_code, answer.json)
    assert [] == posted(ready)
    assert [] == ready.get("/sessions/other/status").json["statuses"]
    revoked = ready.get("/events?type=message.revoked").json["events"]
    assert {"my-bot", "other"} == {ready.get(f"/sessions/{event['sessionId']}").json["name"] for event in revoked}
    (message,) = ready.get("/sessions/my-bot/messages").json["messages"]
    assert ("revoked", "") == (message["type"], message["body"])


def test_only_an_own_status_can_be_taken_back(ready: Gateway) -> None:
    theirs = ready.world.control.post_status(ADA, "Mine")
    for status in (theirs, "true_status@broadcast_3EB0"):
        answer = ready.delete(f"{STATUS}/{status}")
        assert (404, f"Status {status} not found") == (answer.status_code, answer.json["message"])
    assert ["Mine"] == posted(ready)


# --- refused -------------------------------------------------------------------------------------


def test_a_body_that_is_no_text_status_is_refused_and_posts_nothing(ready: Gateway) -> None:
    bodies = [
        {},
        {"text": 1},
        {"text": "x" * 4097},
        {"text": "x", "backgroundColor": "green"},
        {"text": "x", "backgroundColor": "#25D36"},
        {"text": "x", "font": 3},
        {"text": "x", "font": "1"},
        {"text": "x", "recipients": "447700900006@c.us"},
        {"text": "x", "recipients": ["120363000000000001@g.us"]},
        {"text": "x", "recipients": [ADA] * 257},
        {"text": "x", "chatId": ADA},
    ]
    answers = [ready.post(TEXT, json=body) for body in bodies]
    assert [(400, list)] * len(bodies) == [(answer.status_code, type(answer.json["message"])) for answer in answers]
    assert ["backgroundColor must be a hex color (e.g., #25D366)"] == answers[3].json["message"]
    assert ["Invalid recipient JID"] == answers[8].json["message"]
    assert [] == posted(ready)
