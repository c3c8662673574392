"""Programs that speak OpenWA's wire run unchanged: every call that its published clients make, and their errors."""

import base64
from typing import Any

import pytest

from tests.support import Gateway
from tests.wire import CALLS, ApiError, Wire

PERSON, OTHER = "447700900001@c.us", "447700900002@c.us"
PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc00000030101"
        "00c9fe92ef0000000049454e44ae426082"
    )
).decode()


@pytest.fixture
def wire(gateway: Gateway) -> Wire:
    gateway.session("bot", ready=True)
    return Wire(gateway.client, gateway.admin)


def done(answer: Any) -> None:
    assert True is answer["success"]


def test_every_call_of_the_published_clients_succeeds(wire: Wire, gateway: Gateway) -> None:
    _sessions(wire, gateway)
    sent = _messages(wire)
    _people(wire)
    _groups(wire)
    _webhooks_and_templates(wire)
    _business(wire)
    assert {"status", "timestamp", "version"} <= wire.health.check().keys()
    assert "ok" == wire.health.live()["status"]
    assert wire.health.ready()
    assert {"valid": True, "role": "admin"} == wire.auth.validate()
    assert sent
    wire.sessions.stop("bot")
    assert None is wire.sessions.delete("bot")
    missing = {f"{resource}.{name}" for resource, methods in CALLS.items() for name in methods} - wire.used
    assert set() == missing


def _sessions(wire: Wire, gateway: Gateway) -> None:
    made = wire.sessions.create(name="second")
    assert "created" == made["status"]
    assert {"second", "bot"} == {one["name"] for one in wire.sessions.list()}
    assert made["id"] == wire.sessions.get("second")["id"]
    assert 2 == wire.sessions.stats()["total"]
    wire.sessions.start("second")
    gateway.clock.advance(0.5)  # long enough for a code, too short for the phone
    assert {"qrCode", "status"} <= wire.sessions.get_qr_code("second").keys()
    assert "pairingCode" in wire.sessions.request_pairing_code("second", phoneNumber="447700900555")
    wire.sessions.force_kill("second")
    assert None is wire.sessions.delete("second")


def _messages(wire: Wire) -> Any:
    to: dict[str, Any] = {"chatId": PERSON}
    sent = wire.messages.send_text("bot", **to, text="Hello")
    assert {"messageId", "timestamp"} == sent.keys()
    media = {**to, "base64": PNG, "mimetype": "image/png"}
    for send in (wire.messages.send_image, wire.messages.send_document, wire.messages.send_sticker):
        assert "messageId" in send("bot", **media)
    assert "messageId" in wire.messages.send_video("bot", **{**media, "mimetype": "video/mp4"}, caption="Look")
    assert "messageId" in wire.messages.send_audio("bot", **{**media, "mimetype": "audio/ogg"})
    assert "messageId" in wire.messages.send_location("bot", **to, latitude=51.5, longitude=-0.1, description="London")
    assert "messageId" in wire.messages.send_contact("bot", **to, contactName="Ada", contactNumber="447700900002")
    one = sent["messageId"]
    assert "messageId" in wire.messages.reply("bot", **to, quotedMessageId=one, text="And more")
    assert "messageId" in wire.messages.forward("bot", fromChatId=PERSON, toChatId=OTHER, messageId=one)
    done(wire.messages.react("bot", **to, messageId=one, emoji="👍"))
    assert isinstance(wire.messages.reactions("bot", PERSON, one), list)
    assert isinstance(wire.messages.history("bot", PERSON, query={"limit": 5}), list)
    listed = wire.messages.list("bot", query={"chatId": PERSON, "limit": 1})
    assert (1, True) == (len(listed["messages"]), listed["total"] > 5)
    done(wire.messages.delete("bot", **to, messageId=one, forEveryone=True))
    batch = [{**to, "type": "text", "content": {"text": "All of you"}}] * 2
    accepted = wire.messages.send_bulk("bot", messages=batch, options={"delayBetweenMessages": 60000})
    assert accepted["batchId"] == wire.messages.batch_status("bot", accepted["batchId"])["batchId"]
    assert "cancelled" == wire.messages.cancel_batch("bot", accepted["batchId"])["status"]
    return sent


def _people(wire: Wire) -> None:
    assert PERSON in {one["id"] for one in wire.contacts.list("bot")}
    assert PERSON == wire.contacts.get("bot", PERSON)["id"]
    assert wire.contacts.check("bot", "447700900001")["exists"]
    assert "phone" in wire.contacts.phone("bot", PERSON)
    assert "url" in wire.contacts.profile_picture("bot", PERSON)
    done(wire.contacts.block("bot", PERSON))
    done(wire.contacts.unblock("bot", PERSON))
    assert PERSON in {one["id"] for one in wire.chats.list("bot")}
    done(wire.chats.mark_unread("bot", chatId=PERSON))
    done(wire.chats.mark_read("bot", chatId=PERSON))
    done(wire.chats.send_state("bot", chatId=PERSON, state="typing"))
    done(wire.chats.delete("bot", chatId=OTHER))


def _groups(wire: Wire) -> None:
    group = wire.groups.create("bot", name="Friends", participants=[PERSON])["id"]
    assert group in {one["id"] for one in wire.groups.list("bot")}
    assert group == wire.groups.get("bot", group)["id"]
    done(wire.groups.add_participants("bot", group, participants=[OTHER]))
    done(wire.groups.promote_participants("bot", group, participants=[OTHER]))
    done(wire.groups.demote_participants("bot", group, participants=[OTHER]))
    done(wire.groups.remove_participants("bot", group, participants=[OTHER]))
    done(wire.groups.set_subject("bot", group, subject="Good friends"))
    done(wire.groups.set_description("bot", group, description="Of mine"))
    assert {"inviteCode", "inviteLink"} <= wire.groups.invite_code("bot", group).keys()
    assert "inviteCode" in wire.groups.revoke_invite_code("bot", group)
    done(wire.groups.leave("bot", group))


def _webhooks_and_templates(wire: Wire) -> None:
    hook = wire.webhooks.create("bot", url="https://1.1.1.1/hook", events=["message.received"])["id"]
    assert [hook] == [one["id"] for one in wire.webhooks.list("bot")]
    assert hook == wire.webhooks.get("bot", hook)["id"]
    assert False is wire.webhooks.update("bot", hook, active=False)["active"]
    assert "success" in wire.webhooks.test("bot", hook)
    assert None is wire.webhooks.delete("bot", hook)
    template = wire.templates.create("bot", name="greeting", body="Hello {{name}}")["id"]
    assert [template] == [one["id"] for one in wire.templates.list("bot")]
    assert "greeting" == wire.templates.get("bot", template)["name"]
    assert "Hi {{name}}" == wire.templates.update("bot", template, body="Hi {{name}}")["body"]
    assert "messageId" in wire.messages.send_template("bot", chatId=PERSON, templateId=template, vars={"name": "Ada"})
    assert None is wire.templates.delete("bot", template)


def _business(wire: Wire) -> None:
    label = wire.labels.list("bot")[0]["id"]
    assert label == wire.labels.get("bot", label)["id"]
    done(wire.labels.add_to_chat("bot", PERSON, labelId=label))
    assert label in {one["id"] for one in wire.labels.for_chat("bot", PERSON)}
    done(wire.labels.remove_from_chat("bot", PERSON, label))
    channel = wire.channels.subscribe("bot", inviteCode="0029SimulatorWeather01")["id"]
    assert channel in {one["id"] for one in wire.channels.list("bot")}
    assert channel == wire.channels.get("bot", channel)["id"]
    assert isinstance(wire.channels.messages("bot", channel), list)
    done(wire.channels.unsubscribe("bot", channel))
    wire.catalog.info("bot")
    product = wire.catalog.products("bot")["products"][0]["id"]
    assert product == wire.catalog.product("bot", product)["id"]
    assert wire.catalog.send_product("bot", chatId=PERSON, productId=product)
    assert wire.catalog.send_catalog("bot", chatId=PERSON)
    posted = wire.status.send_text("bot", text="Open today", backgroundColor="#25D366")
    assert wire.status.send_image("bot", image={"base64": PNG, "mimetype": "image/png"})
    assert wire.status.send_video("bot", video={"base64": PNG, "mimetype": "video/mp4"})
    assert {"statuses"} == wire.status.list("bot").keys()
    assert {"statuses"} == wire.status.from_contact("bot", PERSON).keys()
    assert "message" in wire.status.delete("bot", posted["statusId"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "Bad Request"), (401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found"), (409, "Conflict"),
        (501, "Not Implemented"),
    ],
)  # fmt: skip
def test_errors_are_told_apart_as_clients_tell_them(wire: Wire, gateway: Gateway, status: int, kind: str) -> None:
    viewer = Wire(gateway.client, gateway.key("viewer"))
    calls = {
        400: lambda: wire.sessions.create(name="no"),
        501: lambda: wire.request("PUT /settings", settings={}),
        401: Wire(gateway.client, "wrong").sessions.list,
        403: lambda: viewer.sessions.create(name="another"),
        404: lambda: wire.sessions.get("nobody"),
        409: lambda: wire.sessions.create(name="bot"),
    }
    with pytest.raises(ApiError) as raised:
        calls[status]()
    assert (status, kind, status) == (raised.value.status, raised.value.error_kind, raised.value.body["statusCode"])


@pytest.mark.parametrize("settings", [{"RATE_LIMIT_SHORT_LIMIT": "20"}])
def test_too_many_requests_are_told_apart_too(wire: Wire) -> None:
    with pytest.raises(ApiError) as raised:
        list(map(wire.sessions.get, ["bot"] * 21))
    assert (429, "Too Many Requests") == (raised.value.status, raised.value.error_kind)


@pytest.mark.usefixtures("wire")
def test_addresses_in_a_path_may_be_percent_encoded(gateway: Gateway) -> None:
    found = [gateway.get(f"/sessions/bot/contacts/{one}").json["id"] for one in (PERSON, PERSON.replace("@", "%40"))]
    assert [PERSON, PERSON] == found
