"""The simulator's control operations: contacts act, the network fails, and one sees what arrived."""

import base64

import pytest

from tests.support import Gateway

ADA, ECHO = "447700900006@c.us", "447700900001@c.us"
PEOPLE = "/simulator/contacts"


def on(session: str, path: str = "") -> str:
    return f"/simulator/sessions/{session}{path}"


def write(gateway: Gateway, session: str, **body) -> str:
    """Ada writes; the message's id, once the session has it."""
    answer = gateway.post(on(session, "/messages"), json={"from": ADA, "text": "Hello", **body})
    assert answer.status_code == 201, answer.json
    gateway.clock.advance(0.1)
    return str(answer.json["messageId"])


def history(gateway: Gateway, session: str) -> list[dict]:
    return gateway.get(f"/sessions/{session}/messages").json["messages"]


def send(gateway: Gateway, session: str, to: str = ADA, text: str = "hi"):
    return gateway.post(f"/sessions/{session}/messages/send-text", json={"chatId": to, "text": text})


def group_of(gateway: Gateway, session: str) -> str:
    """A group in which Ada and the session are."""
    me = gateway.world.account(session).address
    return next(room.id for room in gateway.world.registry.rooms.values() if {me, ADA} <= room.roles.keys())


@pytest.fixture
def session(gateway: Gateway) -> str:
    return gateway.session(ready=True)


# --- contacts ------------------------------------------------------------------------------------


def test_contacts_are_listed_in_pages(gateway: Gateway) -> None:
    everybody = gateway.get(PEOPLE).json

    assert everybody[0] == {"id": ECHO, "lid": everybody[0]["lid"], "name": "Echo", "behaviour": "echo",
                            "hidden": False, "received": 0}  # fmt: skip
    assert gateway.get(f"{PEOPLE}?limit=2&offset=1").json == everybody[1:3]


def test_a_contact_can_be_added(gateway: Gateway) -> None:
    made = gateway.post(PEOPLE, json={"number": "447700900020", "name": "Emmy", "behaviour": "silent"})

    assert (made.status_code, made.json["id"], made.json["behaviour"]) == (201, "447700900020@c.us", "silent")
    assert made.json in gateway.get(PEOPLE).json


def test_an_inbox_shows_what_was_sent_under_the_ids_of_the_send(gateway: Gateway, session: str) -> None:
    sent = send(gateway, session).json

    (entry,) = gateway.get(f"{PEOPLE}/{ADA}/inbox").json

    assert (sent["messageId"], "hi", session, ADA) == tuple(
        entry[name] for name in ("messageId", "body", "sessionId", "chatId")
    )
    assert entry["sendId"] == history(gateway, session)[0]["id"]


def test_an_inbox_is_paged_oldest_first(gateway: Gateway, session: str) -> None:
    for n in range(3):
        send(gateway, session, text=str(n))

    assert [entry["body"] for entry in gateway.get(f"{PEOPLE}/{ADA}/inbox?limit=1&offset=1").json] == ["1"]


def test_a_number_that_nobody_wrote_to_has_an_empty_inbox_and_is_no_contact_by_that(gateway: Gateway) -> None:
    before = gateway.get(PEOPLE).json

    assert gateway.get(f"{PEOPLE}/+62 812 3456 789/inbox").json == []
    assert gateway.get(PEOPLE).json == before


def test_an_unknown_hidden_address_is_not_found(gateway: Gateway) -> None:
    assert gateway.get(f"{PEOPLE}/1234567@lid/inbox").status_code == 404


def test_a_key_sees_in_an_inbox_only_what_its_sessions_sent(gateway: Gateway, session: str) -> None:
    other = gateway.session("other", ready=True)
    send(gateway, session, text="seen")
    send(gateway, other, text="hidden")
    scoped = gateway.key("admin", allowedSessions=[session])

    assert [entry["body"] for entry in gateway.get(f"{PEOPLE}/{ADA}/inbox", key=scoped).json] == ["seen"]


# --- contacts act --------------------------------------------------------------------------------


def test_a_contact_writes_to_a_session(gateway: Gateway, session: str) -> None:
    message_id = write(gateway, session)

    (message,) = history(gateway, session)
    assert (message["waMessageId"], message["body"], message["from"]) == (message_id, "Hello", ADA)


def test_the_same_key_writes_once(gateway: Gateway, session: str) -> None:
    first, second = write(gateway, session, key="order-1"), write(gateway, session, key="order-1")

    assert first == second
    assert len(history(gateway, session)) == 1


def test_a_member_writes_in_a_group(gateway: Gateway, session: str) -> None:
    group = group_of(gateway, session)

    write(gateway, session, group=group)

    assert [(message["chatId"], message["from"]) for message in history(gateway, session)] == [(group, ADA)]


def test_a_stranger_does_not_write_in_a_group(gateway: Gateway, session: str) -> None:
    group = group_of(gateway, session)

    body = {"from": "628123456789", "text": "Let me in", "group": group}

    assert gateway.post(on(session, "/messages"), json=body).status_code == 404


@pytest.mark.parametrize(
    ("said", "kind", "body"),
    [
        ({"location": {"latitude": -6.2, "longitude": 106.8}}, "location", "Hello"),
        ({"poll": {"name": "Lunch?", "options": ["Pizza", "Soup"]}}, "poll", "Lunch?\nPizza\nSoup"),
        ({"media": {"kind": "image", "mimetype": "image/png", "base64": "iVBORw0KGgo="}}, "image", "Hello"),
    ],
    ids=["location", "poll", "image"],
)
def test_a_contact_writes_other_kinds(gateway: Gateway, session: str, said: dict, kind: str, body: str) -> None:
    write(gateway, session, **said)

    assert [(message["type"], message["body"]) for message in history(gateway, session)] == [(kind, body)]


def test_a_contact_writes_a_contact_card(gateway: Gateway, session: str) -> None:
    write(gateway, session, contact={"name": "Emmy", "number": "447700900021"})

    (message,) = history(gateway, session)
    assert message["type"] == "contact"
    assert "waid=447700900021" in message["body"]


def test_written_media_has_its_bytes_counted(gateway: Gateway, session: str) -> None:
    data = base64.b64encode(b"x" * 1000).decode()

    write(gateway, session, media={"kind": "document", "mimetype": "text/plain", "base64": data, "filename": "x.txt"})

    (message,) = history(gateway, session)
    assert (
        message["metadata"]["media"].items()
        >= {"mimetype": "text/plain", "filename": "x.txt", "sizeBytes": 1000}.items()
    )


def test_a_message_is_of_one_kind(gateway: Gateway, session: str) -> None:
    two = {"location": {"latitude": 1, "longitude": 1}, "contact": {"name": "Emmy", "number": "447700900021"}}

    answer = gateway.post(on(session, "/messages"), json={"from": ADA, "text": "", **two})

    assert (answer.status_code, answer.json["message"]) == (400, "A message has only one of location, contact")


def test_bytes_that_are_no_base64_are_refused(gateway: Gateway, session: str) -> None:
    media = {"kind": "image", "mimetype": "image/png", "base64": "abcde"}

    answer = gateway.post(on(session, "/messages"), json={"from": ADA, "text": "", "media": media})

    assert (answer.status_code, answer.json["message"]) == (400, "media.base64 must be base64")


def test_a_session_that_was_never_linked_gets_nothing(gateway: Gateway) -> None:
    session = gateway.session()

    assert gateway.post(on(session, "/messages"), json={"from": ADA, "text": "Hello"}).status_code == 404


def test_a_storm_arrives_whole(gateway: Gateway, session: str) -> None:
    stormed = gateway.post(on(session, "/storm"), json={"from": ADA, "count": 250, "text": "No {n}"})
    gateway.clock.advance(1)

    assert stormed.status_code == 201
    assert gateway.get(f"/sessions/{session}/messages").json["total"] == 250
    assert history(gateway, session)[0]["waMessageId"] == stormed.json["messageIds"][-1]
    assert history(gateway, session)[0]["body"] == "No 250"


def test_a_contact_edits_and_deletes_its_message(gateway: Gateway, session: str) -> None:
    message_id = write(gateway, session)

    edited = gateway.post(on(session, f"/messages/{message_id}/edit"), json={"text": "Hello again"})
    gateway.clock.advance(0.1)
    after_edit = history(gateway, session)[0]["body"]
    gateway.post(on(session, f"/messages/{message_id}/revoke"))
    gateway.clock.advance(0.1)

    assert (edited.status_code, edited.json, after_edit) == (200, {"messageId": message_id}, "Hello again")
    assert history(gateway, session)[0]["type"] == "revoked"


def test_a_contact_cannot_edit_what_the_session_wrote(gateway: Gateway, session: str) -> None:
    message_id = send(gateway, session).json["messageId"]

    assert gateway.post(on(session, f"/messages/{message_id}/edit"), json={"text": "x"}).status_code == 404


def test_a_contact_reacts(gateway: Gateway, session: str) -> None:
    message_id = write(gateway, session)

    gateway.post(on(session, f"/messages/{message_id}/react"), json={"from": ADA, "emoji": "👍"})
    gateway.clock.advance(0.1)

    assert history(gateway, session)[0]["metadata"]["reactions"] == {ADA: "👍"}


def test_a_contact_acknowledges(gateway: Gateway, session: str) -> None:
    message_id = send(gateway, session).json["messageId"]

    gateway.post(on(session, f"/messages/{message_id}/receipt"), json={"from": ADA, "status": "read"})
    gateway.clock.advance(0.01)

    assert history(gateway, session)[0]["status"] == "read"


def test_a_contact_types_and_calls(gateway: Gateway, session: str) -> None:
    typing = gateway.post(on(session, "/typing"), json={"from": ADA, "state": "typing"})
    call = gateway.post(on(session, "/calls"), json={"from": ADA, "video": True})

    assert (typing.status_code, call.status_code) == (200, 201)
    assert call.json["callId"]


def test_a_contact_posts_a_status_for_every_session(gateway: Gateway, session: str) -> None:
    picture = {"kind": "image", "mimetype": "image/png", "base64": base64.b64encode(b"a picture").decode()}
    text = gateway.post(f"{PEOPLE}/{ADA}/status", json={"text": "Poetical science"})
    image = gateway.post(f"{PEOPLE}/{ADA}/status", json={"text": "The engine", "media": picture})
    gateway.clock.advance()

    assert (201, 201) == (text.status_code, image.status_code)
    found = gateway.get(f"/sessions/{session}/status/{ADA}").json["statuses"]
    told = {status["id"]: (status["type"], status["caption"]) for status in found}
    wanted = {text.json["messageId"]: ("text", "Poetical science"), image.json["messageId"]: ("image", "The engine")}
    assert wanted == told
    (message, _) = gateway.get(f"/sessions/{session}/messages?chatId=status@broadcast").json["messages"]
    assert ("image/png", 9) == (message["metadata"]["media"]["mimetype"], message["metadata"]["media"]["sizeBytes"])
