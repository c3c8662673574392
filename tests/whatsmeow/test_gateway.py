"""The gateway as its users have it, over HTTP and webhooks, on the simulator and on the real engine alike."""

import base64

import pytest

from tests.whatsmeow import kit  # first: it skips where neonize is missing

# isort: split
from tests.receiver import listening
from tests.whatsmeow.house import House, Real, Simulated, eventually

assert kit


def build(kind: str, folder, receiver, double) -> House:
    return Simulated(folder, receiver) if kind == "simulator" else Real(folder, receiver, double)


@pytest.fixture(scope="module", params=["simulator", "whatsmeow"])
def house(request, double, tmp_path_factory):
    """A gateway with a linked session, for all tests that do not end it."""
    with listening() as receiver:
        made = build(request.param, tmp_path_factory.mktemp("house"), receiver, double)
        try:
            made.open()
            made.link()
            yield made
        finally:
            made.close()


@pytest.fixture
def ann(house):
    return house.person()


@pytest.fixture
def ben(house):
    return house.person()


# --- one message of each kind, out


def test_a_text_is_sent_delivered_and_told(house, ann):
    sent = house.send("send-text", {"chatId": ann.address, "text": "Hello Ann"})
    ann.got("Hello Ann")
    assert house.told("message.sent", lambda data: data["id"] == sent)["body"] == "Hello Ann"
    house.told("message.ack", lambda data: data["id"] == sent and data["status"] == "delivered")


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("send-location", {"latitude": -6.2, "longitude": 106.8, "description": "The office"}, "The office"),
        ("send-contact", {"contactName": "Bob Marsh", "contactNumber": "628999000111"}, "Bob Marsh"),
        ("send-poll", {"name": "Lunch?", "options": ["Soup", "Salad"]}, "Lunch?"),
    ],
)
def test_every_kind_reaches_the_contact(house, ann, path, body, text):
    house.send(path, {"chatId": ann.address, **body})
    ann.got(text)


def test_a_reply_a_reaction_an_edit_and_a_deletion(house, ann):
    ann.says("What is for lunch?")
    question = house.told("message.received", lambda data: data["from"] == ann.address)["id"]
    chat = {"chatId": ann.address}
    house.send("reply", {**chat, "quotedMessageId": question, "text": "Soup"})
    ann.got("Soup")
    house.bot("POST", "/messages/react", {**chat, "messageId": question, "emoji": "👍"})
    sent = house.send("send-text", {**chat, "text": "At noon"})
    ann.got("At noon")
    house.bot("POST", "/messages/edit", {**chat, "messageId": sent, "body": "At one"})
    house.bot("POST", "/messages/delete", {**chat, "messageId": sent, "forEveryone": True})
    assert house.bot("GET", f"/messages/{ann.address}/{question}/reactions")


def test_a_message_is_forwarded(house, ann, ben):
    ann.says("Pass this on")
    message = house.told("message.received", lambda data: data["from"] == ann.address)["id"]
    house.send("forward", {"fromChatId": ann.address, "toChatId": ben.address, "messageId": message})
    ben.got("Pass this on")


# --- in


def test_what_people_write_is_told_stored_and_marked_read(house, ann):
    ann.says("Good morning")
    told = house.told("message.received", lambda data: data["from"] == ann.address)
    assert (told["body"], told["type"], told["fromMe"]) == ("Good morning", "text", False)
    stored = house.bot("GET", f"/messages?chatId={ann.address}")["messages"]
    assert [told["id"]] == [one["waMessageId"] for one in stored]
    assert ann.address in [chat["id"] for chat in house.bot("GET", "/chats")]
    house.bot("POST", "/chats/read", {"chatId": ann.address})
    house.bot("POST", "/chats/typing", {"chatId": ann.address, "state": "typing"})


def media(kind: str, mimetype: str) -> dict[str, object]:
    return {"media": {"kind": kind, "mimetype": mimetype, "base64": base64.b64encode(kind.encode()).decode()}}


@pytest.mark.parametrize(
    ("kind", "said", "body"),
    [
        ("location", {"location": {"latitude": -6.2, "longitude": 106.8}}, "hello"),
        ("contact", {"contact": {"name": "Emmy", "number": "447700900021"}}, "waid=447700900021"),
        ("poll", {"poll": {"name": "Lunch?", "options": ["Soup", "Salad"]}}, "Lunch?"),
        ("image", media("image", "image/png"), "hello"),
        ("video", media("video", "video/mp4"), "hello"),
        ("document", media("document", "text/plain"), "hello"),
        ("audio", media("audio", "audio/mpeg"), ""),
        ("voice", media("voice", "audio/ogg"), ""),
        ("sticker", media("sticker", "image/webp"), ""),
    ],
)
def test_every_kind_that_people_write_is_told(house, ann, kind, said, body):
    ann.says("hello", **said)
    told = house.told("message.received", lambda data: data["from"] == ann.address)
    assert kind == told["type"]
    assert body in told["body"]
    if "media" in said:
        assert (said["media"]["mimetype"], len(kind)) == (told["media"]["mimetype"], told["media"]["sizeBytes"])


def test_what_people_do_to_messages_is_told(house, ann):
    ann.says("teh")
    first = house.told("message.received", lambda data: data["from"] == ann.address)["id"]
    ann.does("edit", first, "the")
    assert "the" == house.told("message.edited", lambda data: data["messageId"] == first)["body"]
    ann.does("revoke", first)
    house.told("message.revoked", lambda data: first in (data["id"], data.get("revokedId")))
    sent = house.send("send-text", {"chatId": ann.address, "text": "like me"})
    ann.got("like me")
    ann.does("react", sent, "👍")
    assert "👍" == house.told("message.reaction", lambda data: data["messageId"] == sent)["reaction"]


def test_many_people_are_told_in_the_order_they_wrote(house, ann):
    for number in range(20):
        ann.says(f"line {number}")
    house.told("message.received", lambda data: data["from"] == ann.address and data["body"] == "line 19")
    told = [one.json for one in house.receiver.received]
    bodies = [p["data"]["body"] for p in told if p["event"] == "message.received" and p["data"]["from"] == ann.address]
    assert [f"line {number}" for number in range(20)] == bodies


# --- groups


def test_a_group_from_its_creation_to_the_farewell(house, ann, ben):
    group = house.bot("POST", "/groups", {"name": "Lunch", "participants": [ann.address, ben.address]})["id"]
    house.send("send-text", {"chatId": group, "text": "Hello all"})
    ann.got("Hello all")
    ben.got("Hello all")
    house.bot("PUT", f"/groups/{group}/subject", {"subject": "Dinner"})
    house.bot("POST", f"/groups/{group}/participants/promote", {"participants": [ann.address]})
    found = house.bot("GET", f"/groups/{group}")
    assert "Dinner" == found["name"]
    assert {ann.address, ben.address} < {one["id"] for one in found["participants"]}
    assert house.bot("GET", f"/groups/{group}/invite-code")
    assert group in [one["id"] for one in house.bot("GET", "/groups")]
    house.bot("POST", f"/groups/{group}/leave")


# --- people and the account


def test_numbers_are_checked(house, ann):
    number = ann.address.partition("@")[0]
    assert house.bot("GET", f"/contacts/check/{number}")["exists"] is True


def test_an_unknown_number_is_a_clear_refusal(house):
    body = {"chatId": "19995550123@c.us", "text": "anybody?"}
    status, said = house.server.ask("POST", "/sessions/my-bot/messages/send-text", body)
    assert status == (201 if isinstance(house, Simulated) else 422)  # everybody is on the simulated network
    assert isinstance(house, Simulated) or "not on WhatsApp" in said["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("archive", {"archived": True}),
        ("pin", {"pinned": True}),
        ("mute", {}),
        ("unread", {}),
        ("delete", {}),
    ],
)
def test_what_an_engine_cannot_do_is_501(house, ann, path, body):
    ann.says("hi")
    house.told("message.received", lambda data: data["from"] == ann.address)
    status, _ = house.server.ask("POST", f"/sessions/my-bot/chats/{path}", {"chatId": ann.address, **body})
    assert status == (200 if isinstance(house, Simulated) else 501)


def test_labels_and_a_deletion_for_oneself_are_501_and_in_the_matrix(house, ann):
    sent = house.send("send-text", {"chatId": ann.address, "text": "mine"})
    wrong = {"chatId": ann.address, "messageId": sent, "forEveryone": False}
    labels, deleted = (
        house.server.ask(*asked)[0]
        for asked in (("GET", "/sessions/my-bot/labels"), ("POST", "/sessions/my-bot/messages/delete", wrong))
    )
    assert (labels, deleted) == ((200, 200) if isinstance(house, Simulated) else (501, 501))
    (row,) = [each for each in house.ask("GET", "/infra/engines") if each["id"] == "whatsmeow"]
    assert not {"labels", "archive", "pin", "mute", "star", "mark_unread"} & set(row["features"])


# --- life


@pytest.fixture(params=["simulator", "whatsmeow"])
def fresh(request, double, tmp_path):
    """A gateway with a session that is not started."""
    with listening() as receiver:
        made = build(request.param, tmp_path, receiver, double)
        try:
            made.open()
            yield made
        finally:
            made.close()


def test_a_phone_is_linked_by_code_survives_a_restart_and_is_logged_out(fresh):
    ann = fresh.person()
    fresh.start()
    fresh.type_code(fresh.bot("POST", "/pairing-code", {"phoneNumber": fresh.number})["pairingCode"])
    fresh.reach("ready")
    fresh.told("session.authenticated")
    assert fresh.server.stop() == 0
    if isinstance(fresh, Real):
        ann.says("While you were out")
    fresh.server.start()
    fresh.server.await_health()
    fresh.reach("ready")
    if isinstance(fresh, Real):
        fresh.told("message.received", lambda data: data["body"] == "While you were out")
    fresh.send("send-text", {"chatId": ann.address, "text": "Back again"})
    ann.got("Back again")
    fresh.server.insist("DELETE", "/sessions/my-bot")
    if isinstance(fresh, Real):
        eventually(lambda: fresh.phone.account.linked == [])
        eventually(lambda: fresh.workers() == [])
        assert [] == [*(fresh.server.data / "sessions").iterdir()]


@pytest.fixture(params=["1", "3"])
def boot(request, double, tmp_path):
    """A gateway on the real engine with three linked sessions, a worker for each or one for all."""
    with listening() as receiver:
        made = Real(tmp_path, receiver, double, WHATSMEOW_SESSIONS_PER_WORKER=request.param)
        made.expected = 3 // int(request.param)
        try:
            made.open()
            made.link()
            for name in ("second", "third"):
                made.ask("POST", "/sessions", {"name": name})
                made.ask("POST", f"/sessions/{name}/start")
                code = eventually(lambda name=name: made.server.ask("GET", f"/sessions/{name}/qr")[1].get("qrText"))
                double.run(double.phone(name).scan(code))
                eventually(lambda name=name: made.ask("GET", f"/sessions/{name}")["status"] == "ready")
            yield made
        finally:
            double.server.proxy.mode = "open"
            made.close()


def test_all_sessions_come_back_at_boot(boot):
    assert boot.server.stop() == 0
    boot.double.server.proxy.mode = "hang"
    boot.server.start()
    boot.server.await_health()  # whatever WhatsApp does, the API answers
    assert "ready" not in {session["status"] for session in boot.ask("GET", "/sessions")}
    boot.double.server.proxy.mode = "open"
    eventually(lambda: ["ready"] * 3 == [session["status"] for session in boot.ask("GET", "/sessions")])
    assert boot.expected == len(boot.workers())
