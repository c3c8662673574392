"""Messages: a text sent, and the history of what was sent and received."""

from uuid import uuid4

import pytest

from engines.simulator import Draft
from storage import messages
from tests.support import START, Gateway

AYU = "447700900006@c.us"
BIMA = "447700900007@c.us"
SEND = "/sessions/my-bot/messages/send-text"
HISTORY = "/sessions/my-bot/messages"


def send(gateway: Gateway, text: str = "hi", chat: str = AYU, **more):
    return gateway.post(SEND, json={"chatId": chat, "text": text, **more})


def write(gateway: Gateway, text: str = "hello", contact: str = AYU, **more) -> None:
    """A contact writes to the session."""
    session = gateway.get("/sessions/my-bot").json["id"]
    gateway.world.control.write(session, contact, Draft("text", text), **more)
    gateway.clock.advance()


def bodies(gateway: Gateway, query: str = "") -> list[str]:
    return [message["body"] for message in gateway.get(f"{HISTORY}{query}").json["messages"]]


def fill(gateway: Gateway, number: int) -> None:
    """So many messages in the history, numbered from 0."""
    session = gateway.get("/sessions/my-bot").json["id"]
    with gateway.program.db.write() as tx:
        rows = [
            {
                "id": str(uuid4()), "wa_message_id": f"id-{n}", "chat_id": AYU, "sender": AYU, "recipient": BIMA,
                "body": str(n),
                "type": "text", "direction": "incoming", "status": "sent", "timestamp": START // 1000, "metadata": None,
            }
            for n in range(number)
        ]  # fmt: skip
        messages.add(tx, session, rows, START)


# --- sending --------------------------------------------------------------------------------------


def test_a_text_is_answered_with_its_whatsapp_id_and_time(ready: Gateway) -> None:
    answer = send(ready)
    assert 201 == answer.status_code
    assert answer.json["messageId"].startswith(f"true_{AYU}_")
    assert ready.clock.now() // 1000 == answer.json["timestamp"]


def test_a_sent_text_is_in_the_history(ready: Gateway) -> None:
    sent = send(ready, "hi", mentions=[BIMA]).json
    session = ready.get("/sessions/my-bot").json
    (kept,) = ready.get(HISTORY).json["messages"]
    assert {
        "id": kept["id"],
        "sessionId": session["id"],
        "waMessageId": sent["messageId"],
        "chatId": AYU,
        "from": f"{session['phone']}@c.us",
        "to": AYU,
        "body": "hi",
        "type": "text",
        "direction": "outgoing",
        "timestamp": sent["timestamp"],
        "metadata": {"mentionedIds": [BIMA]},
        "status": "sent",
        "createdAt": kept["createdAt"],
    } == kept


@pytest.mark.parametrize(
    "written", [AYU, "447700900006", "+44 7700 900006", "447700900006@s.whatsapp.net", "447700900006:12@c.us"]
)
def test_any_written_form_of_an_address_is_the_same_chat(ready: Gateway, written: str) -> None:
    send(ready, chat=written)
    assert AYU == ready.get(HISTORY).json["messages"][0]["chatId"]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4096,
        "😀" * 4096,
        "日本語 العربية עברית",
        "\u202eabc\u202c \u200b\ufeff",
        "\x01\x02\x1b[31m\x7f\x85",
        "line\r\nline\u2028line",
        "\U0010ffff\U000f0000\ue000\ufffe",
        "e\u0301 \u00e9 👨\u200d👩\u200d👧",
        " ",
        "'; DROP TABLE messages; --",
        "%s %d {0} \\u0041",
    ],
)
def test_a_text_of_any_characters_arrives_as_it_was(ready: Gateway, text: str) -> None:
    assert 201 == send(ready, text).status_code
    assert [text] == bodies(ready)
    assert text == ready.world.control.inbox(AYU)[0]["body"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"text": ""}, "text should not be empty"),
        ({"text": "x" * 4097}, "text must be shorter than or equal to 4096 characters"),
        ({"text": 5}, "text must be a string"),
        ({"text": None}, "text must be a string"),
        ({"text": ["hi"]}, "text must be a string"),
        ({"chatId": 628123456789}, "chatId must be a string"),
        ({"chatId": "x" * 101}, "chatId must be shorter than or equal to 100 characters"),
        ({"mentions": AYU}, "mentions must be an array"),
        ({"mentions": [AYU] * 257}, "mentions must contain no more than 256 elements"),
        ({"mentions": [5]}, "mentions.0 must be a string"),
        ({"quotedMessageId": "x"}, "property quotedMessageId should not exist"),
    ],
)
def test_a_text_that_makes_no_sense_is_refused(ready: Gateway, body: dict, problem: str) -> None:
    answer = ready.post(SEND, json={"chatId": AYU, "text": "hi", **body})
    assert (400, True) == (answer.status_code, problem in answer.json["message"])
    assert [] == bodies(ready)


NO_ADDRESSES = [
    "nobody", "12", "0812345678", "@c.us", "a@b@c.us", "628123456789@example.com", "628123456789@C.US ",
    "６２８１２３４５６７８９@c.us",
]  # fmt: skip


@pytest.mark.parametrize("chat", NO_ADDRESSES)
def test_what_is_no_address_is_refused_by_the_document(ready: Gateway, chat: str) -> None:
    answer = ready.post(SEND, json={"chatId": chat, "text": "hi"})
    assert (400, list) == (answer.status_code, type(answer.json["message"]))


def test_a_session_that_is_not_started_sends_nothing(gateway: Gateway) -> None:
    told = f"Session '{gateway.session()}' is not active. Start the session first."
    assert (400, told) == ((answer := send(gateway)).status_code, answer.json["message"])


def test_a_session_that_is_not_connected_sends_nothing(ready: Gateway) -> None:
    ready.world.control.drop(ready.get("/sessions/my-bot").json["id"], 10)
    ready.clock.advance()
    told = "Session is not connected. The WhatsApp client is not ready."
    assert (409, told) == ((answer := send(ready)).status_code, answer.json["message"])


@pytest.mark.parametrize(("fault", "status"), [("refused", 422), ("unknown_lost", 504), ("unknown_sent", 504)])
def test_what_the_engine_says_is_told(ready: Gateway, fault, status: int) -> None:
    ready.world.control.fail_sends(ready.get("/sessions/my-bot").json["id"], fault)
    assert status == send(ready).status_code


# --- history --------------------------------------------------------------------------------------


def test_a_session_that_never_ran_has_no_history(gateway: Gateway) -> None:
    gateway.session()
    assert {"messages": [], "total": 0} == gateway.get(HISTORY).json


def test_what_a_contact_writes_is_in_the_history(ready: Gateway) -> None:
    write(ready, "good morning")
    (kept,) = ready.get(HISTORY).json["messages"]
    assert ("incoming", "good morning", AYU, AYU) == tuple(kept[n] for n in ("direction", "body", "chatId", "from"))


def test_history_is_newest_first_page_by_page(ready: Gateway) -> None:
    fill(ready, 5)
    assert ["4", "3", "2", "1", "0"] == bodies(ready)
    assert ["3", "2"] == bodies(ready, "?limit=2&offset=1")
    assert [] == bodies(ready, "?offset=5")


@pytest.mark.parametrize("chat", ["", f"&chatId={AYU}"])
def test_every_page_is_a_part_of_the_whole(ready: Gateway, chat: str) -> None:
    fill(ready, 7)
    whole = bodies(ready, f"?limit=100{chat}")
    parts = {
        (limit, offset): bodies(ready, f"?limit={limit}&offset={offset}{chat}")
        for limit in (1, 3, 8)
        for offset in range(9)
    }
    assert {(limit, offset): whole[offset : offset + limit] for limit, offset in parts} == parts


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("", 50),
        ("?limit=100", 100),
        ("?limit=101", 100),
        ("?limit=999999999999999999999999", 100),
        ("?limit=0", 1),
        ("?limit=-5", 1),
        ("?offset=-1", 50),
        ("?offset=-99999999999999999999&limit=2", 2),
        ("?offset=99999999999999999999", 0),
    ],
)
def test_limit_and_offset_are_moved_into_their_bounds(ready: Gateway, query: str, number: int) -> None:
    fill(ready, 101)
    assert number == len(bodies(ready, query))


@pytest.mark.parametrize("query", ["limit=ten", "limit=", "limit=1.0", "offset=x", "limit=1&limit=2", "page=1"])
def test_a_page_that_makes_no_sense_is_refused(ready: Gateway, query: str) -> None:
    assert 400 == ready.get(f"{HISTORY}?{query}").status_code


def test_history_can_be_of_one_chat(ready: Gateway) -> None:
    send(ready, "to Ayu", AYU)
    send(ready, "to Bima", BIMA)
    write(ready, "from Bima", BIMA)
    assert ["from Bima", "to Bima"] == bodies(ready, f"?chatId={BIMA}")
    assert 2 == ready.get(f"{HISTORY}?chatId=%2B44-7700-900007&limit=1").json["total"]


def test_history_can_be_of_one_writer(ready: Gateway) -> None:
    send(ready, "to Bima", BIMA)
    write(ready, "from Ayu", AYU)
    write(ready, "from Bima", BIMA)
    assert ["from Bima"] == bodies(ready, f"?from={BIMA}")
    assert 1 == ready.get(f"{HISTORY}?from={BIMA}&chatId={BIMA}").json["total"]
    assert 0 == ready.get(f"{HISTORY}?from={BIMA}&chatId={AYU}").json["total"]


@pytest.mark.parametrize("query", ["", f"?chatId={AYU}", f"?from={AYU}", f"?chatId={AYU}&from={AYU}"])
def test_the_total_counts_all_that_match(ready: Gateway, query: str) -> None:
    fill(ready, 60)
    write(ready, "other", BIMA)
    assert 60 + (not query) == ready.get(HISTORY + query).json["total"]


def test_a_chat_that_is_no_address_is_refused(ready: Gateway) -> None:
    assert 400 == ready.get(f"{HISTORY}?chatId=nobody").status_code


def test_receipts_move_a_message_forward_and_never_back(ready: Gateway) -> None:
    send(ready)
    seen = []
    for _ in range(20):
        seen.append(ready.get(HISTORY).json["messages"][0]["status"])
        ready.clock.advance(0.2)
    assert ["sent", "delivered", "read"] == list(dict.fromkeys(seen))
