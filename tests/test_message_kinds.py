"""What can be sent besides a text, and what can be done to a message afterwards."""

from typing import Any

import pytest

from engines import base
from engines.simulator import Draft
from storage import events
from tests.support import START, Gateway

AYU = "447700900006@c.us"
BIMA = "447700900007@c.us"
MESSAGES = "/sessions/my-bot/messages"
PLACE = {"latitude": -6.2, "longitude": 106.8, "description": "Our shop", "address": "Jalan Merdeka 1"}
POLL = {"name": "Tea or coffee?", "options": ["Tea", "Coffee"]}
KINDS: dict[str, tuple[dict[str, Any], str, str, dict[str, Any]]] = {  # body; type, text and metadata in the history
    "send-location": (PLACE, "location", "📍 Our shop", {"location": PLACE}),
    "send-contact": (
        {"contactName": "Ada", "contactNumber": "+62 812-3456-789"},
        "contact",
        "📇 Ada",
        {"contact": {"name": "Ada", "number": "628123456789"}},
    ),
    "send-poll": (POLL, "poll", "Tea or coffee?", {"poll": {**POLL, "allowMultipleAnswers": False}}),
}


def post(gateway: Gateway, verb: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return gateway.post(f"{MESSAGES}/{verb}", json={"chatId": AYU, **body}, headers=headers or {})


def text(gateway: Gateway, body: str = "hi", **more: Any) -> str:
    """The WhatsApp id of a text that was sent."""
    return str(post(gateway, "send-text", text=body, **more).json["messageId"])


def heard(gateway: Gateway, draft: Draft) -> str:
    """The WhatsApp id of a message that Ayu wrote."""
    session = gateway.get("/sessions/my-bot").json["id"]
    gateway.world.control.write(session, AYU, draft)
    gateway.clock.advance()
    return str(newest(gateway)["waMessageId"])


def newest(gateway: Gateway) -> dict[str, Any]:
    return dict(gateway.get(f"{MESSAGES}?limit=1").json["messages"][0])


def told(gateway: Gateway, kind: str) -> list[dict[str, Any]]:
    with gateway.program.db.read() as tx:
        return [row.data for row in events.page(tx, 0, 1000) if row.type == kind]


def received(gateway: Gateway, chat: str = AYU) -> list[tuple[str, str]]:
    return [(entry["type"], entry["body"]) for entry in gateway.world.control.inbox(chat)]


# --- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", KINDS)
def test_every_kind_is_sent_stored_and_told_of(ready: Gateway, verb: str) -> None:
    body, kind, shown, metadata = KINDS[verb]

    answer = post(ready, verb, **body)

    kept = newest(ready)
    assert 201 == answer.status_code
    assert (kind, shown, metadata) == (kept["type"], kept["body"], kept["metadata"])
    assert [kind] == [entry[0] for entry in received(ready)]
    assert (kept["waMessageId"], kind) == tuple(told(ready, "message.sent")[0][name] for name in ("id", "type"))


@pytest.mark.parametrize("verb", KINDS)
def test_every_kind_is_sent_once_for_one_idempotency_key(ready: Gateway, verb: str) -> None:
    headers = {"Idempotency-Key": "once"}
    first, second = (post(ready, verb, headers, **KINDS[verb][0]) for _ in range(2))

    assert (201, first.json, 1) == (second.status_code, second.json, len(received(ready)))


@pytest.mark.parametrize("verb", KINDS)
def test_every_kind_can_be_looked_at_queued_and_scheduled(ready: Gateway, verb: str) -> None:
    body, kind, *_ = KINDS[verb]

    look = post(ready, verb, {"X-Preflight": "true"}, **body)
    queued = post(ready, verb, {"Prefer": "respond-async"}, **body)
    scheduled = post(ready, verb, sendAt="2027-01-15T09:00:00Z", **body)

    assert (200, kind, True) == (look.status_code, look.json["type"], look.json["wouldSend"])
    assert [(202, "queued")] * 2 == [(one.status_code, one.json["status"]) for one in (queued, scheduled)]


@pytest.mark.parametrize(
    ("verb", "body", "problem"),
    [
        ("send-location", {"latitude": 91, "longitude": 0}, "latitude must not be greater than 90"),
        ("send-poll", {"name": "?", "options": ["Tea"]}, "options must contain at least 2 elements"),
        ("send-contact", {"contactName": "A", "contactNumber": "x"}, "contactNumber must be a phone number"),
        ("react", {"messageId": "x"}, "emoji must be a string"),
        ("delete", {"messageId": "x", "forEveryone": "false"}, "forEveryone must be a boolean value"),
    ],
)
def test_what_is_wrong_is_named(ready: Gateway, verb: str, body: dict[str, Any], problem: str) -> None:
    answer = post(ready, verb, **body)

    assert 400 == answer.status_code
    assert problem in answer.json["message"]


def test_a_reply_quotes_what_it_answers_by_either_id(ready: Gateway) -> None:
    asked = heard(ready, Draft("text", "Tea?"))
    own_id = newest(ready)["id"]

    answers = [post(ready, "reply", quotedMessageId=known_as, text="Yes!") for known_as in (asked, own_id)]

    assert [201, 201] == [answer.status_code for answer in answers]
    assert {"quotedMessage": {"id": asked, "body": "Tea?"}} == newest(ready)["metadata"]
    assert {"id": asked, "body": "Tea?"} == told(ready, "message.sent")[0]["quotedMessage"]


def test_a_reply_to_what_is_not_in_the_chat_is_not_found(ready: Gateway) -> None:
    elsewhere = text(ready)

    unknown = post(ready, "reply", quotedMessageId="nothing", text="Yes!")
    other = post(ready, "reply", chatId=BIMA, quotedMessageId=elsewhere, text="Yes!")

    assert [404, 404] == [unknown.status_code, other.status_code]
    assert f"Message nothing not found in {AYU}" == unknown.json["message"]


def test_a_forward_passes_on_what_the_message_says(ready: Gateway) -> None:
    heard(ready, Draft("text", "Tea?"))

    answer = ready.post(
        f"{MESSAGES}/forward", json={"fromChatId": AYU, "toChatId": BIMA, "messageId": newest(ready)["waMessageId"]}
    )

    kept = newest(ready)
    assert (201, [("text", "Tea?")]) == (answer.status_code, received(ready, BIMA))
    assert (BIMA, "text", "Tea?", {"forwarded": True}) == tuple(
        kept[name] for name in ("chatId", "type", "body", "metadata")
    )


def test_a_forward_of_what_nobody_knows_is_not_found(ready: Gateway) -> None:
    answer = ready.post(f"{MESSAGES}/forward", json={"fromChatId": AYU, "toChatId": BIMA, "messageId": "nothing"})
    assert (404, "Message nothing not found in " + AYU) == (answer.status_code, answer.json["message"])


# --- afterwards -----------------------------------------------------------------------------------


def test_a_reaction_arrives_is_kept_told_of_and_taken_back(ready: Gateway) -> None:
    message_id = heard(ready, Draft("text", "Tea?"))
    phone = f"{ready.get('/sessions/my-bot').json['phone']}@c.us"
    live = f"{MESSAGES}/{AYU}/{message_id}/reactions"

    answer = post(ready, "react", messageId=message_id, emoji="👍")
    shown, kept = ready.get(live).json, newest(ready)["metadata"]["reactions"]
    ready.clock.advance(2)
    post(ready, "react", messageId=message_id, emoji="")

    assert (200, {"success": True}) == (answer.status_code, answer.json)
    assert [("👍", [phone])] == [(one["emoji"], [sender["senderId"] for sender in one["senders"]]) for one in shown]
    assert {phone: "👍"} == kept
    assert ([], {}) == (ready.get(live).json, newest(ready)["metadata"]["reactions"])
    assert ["👍", ""] == [data["reaction"] for data in told(ready, "message.reaction")]


def test_two_reactions_of_one_second_are_two_events_and_the_same_twice_is_one(ready: Gateway) -> None:
    message_id = heard(ready, Draft("text", "Tea?"))
    session = ready.get("/sessions/my-bot").json["id"]
    quick = [
        base.ReactionReceived(message_id, AYU, AYU, emoji, START // 1000, ms) for emoji, ms in (("👍", 7), ("❤", 9))
    ]

    for event in (*quick, quick[1]):
        ready.program.engines.record(session, [event])

    assert ["👍", "❤"] == [data["reaction"] for data in told(ready, "message.reaction")]


@pytest.mark.parametrize(
    ("verb", "body", "event"),
    [
        ("react", {"emoji": "👍"}, "message.reaction"),
        ("edit", {"body": "Hello again"}, "message.edited"),
        ("delete", {}, "message.revoked"),
    ],
)
def test_a_change_with_an_idempotency_key_is_made_once(ready: Gateway, verb: str, body: dict, event: str) -> None:
    message_id = text(ready)
    key = {"Idempotency-Key": "k"}

    answers = []
    for chat in (AYU, AYU, BIMA):
        request = {"chatId": chat, "messageId": message_id, **body}
        answers.append(ready.post(f"{MESSAGES}/{verb}", json=request, headers=key))
        ready.clock.advance(1)

    assert [200, 200, 422] == [answer.status_code for answer in answers]
    assert (answers[0].json, 1) == (answers[1].json, len(told(ready, event)))


def test_a_change_that_was_refused_keeps_no_idempotency_key(ready: Gateway) -> None:
    key = {"Idempotency-Key": "k"}
    answers = [
        ready.post(f"{MESSAGES}/react", json={"chatId": AYU, "messageId": known, "emoji": "👍"}, headers=key)
        for known in ("nothing", text(ready))
    ]
    assert [404, 200] == [answer.status_code for answer in answers]


def test_a_deleted_message_is_gone_for_everyone_and_stays_as_revoked(ready: Gateway) -> None:
    message_id = text(ready)

    answer = post(ready, "delete", messageId=message_id)

    assert (200, {"success": True}) == (answer.status_code, answer.json)
    assert ("revoked", "") == tuple(newest(ready)[name] for name in ("type", "body"))
    assert [message_id] == [data["revokedId"] for data in told(ready, "message.revoked")]
    assert [True] == [entry["revoked"] for entry in ready.world.control.inbox(AYU)]


def test_a_message_deleted_for_me_stays_with_the_others(ready: Gateway) -> None:
    message_id = heard(ready, Draft("text", "Tea?"))

    answer = post(ready, "delete", messageId=message_id, forEveryone=False)

    assert 200 == answer.status_code
    assert (["revoked"], []) == ([newest(ready)["type"]], told(ready, "message.revoked"))
    assert 404 == post(ready, "react", messageId=message_id, emoji="👍").status_code


def test_an_edited_message_has_its_new_text_everywhere(ready: Gateway) -> None:
    message_id = text(ready, "helo")

    answer = post(ready, "edit", messageId=message_id, body="hello")

    assert (200, message_id) == (answer.status_code, answer.json["messageId"])
    assert ("hello", [("text", "hello")]) == (newest(ready)["body"], received(ready))
    assert [("hello", True)] == [(data["body"], data["fromMe"]) for data in told(ready, "message.edited")]


def test_what_others_wrote_can_neither_be_edited_nor_deleted_for_everyone(ready: Gateway) -> None:
    message_id = heard(ready, Draft("text", "Tea?"))

    edited = post(ready, "edit", {"Accept": "application/problem+json"}, messageId=message_id, body="Coffee?")
    deleted = post(ready, "delete", messageId=message_id)

    assert (403, "not_allowed", 422) == (edited.status_code, edited.json["code"], deleted.status_code)
    assert "Tea?" == newest(ready)["body"]


@pytest.mark.parametrize("verb", ["react", "delete", "edit"])
def test_what_the_account_does_not_know_is_not_found(ready: Gateway, verb: str) -> None:
    text(ready)
    more = {"react": {"emoji": "👍"}, "edit": {"body": "x"}, "delete": {}}[verb]
    assert 404 == post(ready, verb, messageId="nothing", **more).status_code


def test_without_an_engine_a_message_cannot_be_changed(gateway: Gateway) -> None:
    gateway.session()
    assert 400 == post(gateway, "react", messageId="x", emoji="👍").status_code
    assert 400 == gateway.get(f"{MESSAGES}/{AYU}/history").status_code


# --- live -----------------------------------------------------------------------------------------


def test_live_history_is_what_the_account_has_oldest_first(ready: Gateway) -> None:
    heard(ready, Draft("text", "Tea?"))
    text(ready, "Yes!")

    shown = ready.get(f"{MESSAGES}/+44%207700%20900006/history").json

    assert [("Tea?", False), ("Yes!", True)] == [(one["body"], one["fromMe"]) for one in shown]
    assert ["Yes!"] == [one["body"] for one in ready.get(f"{MESSAGES}/{AYU}/history?limit=1").json]


def test_live_history_of_a_chat_that_is_not_there_is_not_found(ready: Gateway) -> None:
    assert 404 == ready.get(f"{MESSAGES}/{BIMA}/history").status_code
