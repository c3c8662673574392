"""Media inside of what webhooks get: as OpenWA has it, up to a size, beside its link."""

import base64

import pytest

from storage import media
from tests.media_stage import AYU, IMAGE, MESSAGES, PICTURE, SETTINGS, forward, heard, newest, post
from tests.receiver import Receiver
from tests.support import Gateway

LIMIT = len(PICTURE)


@pytest.fixture
def settings() -> dict[str, str]:
    return {**SETTINGS, "WEBHOOK_MEDIA_INLINE_MAX_BYTES": str(LIMIT), "CONTRACT_CHECK": "all"}


@pytest.fixture
def ready(gateway: Gateway, receiver: Receiver) -> Gateway:
    """A gateway whose session my-bot is linked and has a webhook for messages."""
    gateway.session(ready=True)
    hook = {"url": f"{receiver.url}/hook", "events": ["message.received", "message.sent"], "secret": "s"}
    assert gateway.post("/sessions/my-bot/webhooks", json=hook).status_code == 201
    return gateway


def told(gateway: Gateway, receiver: Receiver) -> list[dict]:
    """The media of the messages that arrived at the webhook."""
    gateway.program.delivery.turn(gateway.clock.now())
    return [one.json["data"]["media"] for one in receiver.at("/hook")]


def test_media_up_to_the_limit_is_inside_and_has_its_link(ready: Gateway, receiver: Receiver) -> None:
    kept = heard(ready)

    (shown,) = told(ready, receiver)

    assert PICTURE == base64.b64decode(shown["data"])
    rest = {name: value for name, value in shown.items() if name != "data"}
    assert {
        "mimetype": "image/png",
        "filename": "cat.png",
        "sizeBytes": LIMIT,
        "url": kept["metadata"]["media"]["url"],
    } == rest
    (event,) = ready.get("/events?type=message.received").json["events"]
    assert {**rest, "omitted": True} == event["data"]["media"]


def test_what_is_sent_and_what_is_forwarded_have_it_inside_too(ready: Gateway, receiver: Receiver) -> None:
    post(ready, **IMAGE)
    forward(ready, newest(ready))

    assert [PICTURE, PICTURE] == [base64.b64decode(shown["data"]) for shown in told(ready, receiver)]


def test_media_above_the_limit_is_a_link(ready: Gateway, receiver: Receiver) -> None:
    post(ready, **{**IMAGE, "base64": base64.b64encode(PICTURE + b"!").decode()})

    (shown,) = told(ready, receiver)

    assert (True, LIMIT + 1, False) == (shown["omitted"], shown["sizeBytes"], "data" in shown)
    assert PICTURE + b"!" == ready.get(shown["url"].removeprefix("/api")).data


@pytest.mark.parametrize("lost", ["the row", "the file"])
def test_what_is_no_longer_kept_stays_a_link(ready: Gateway, receiver: Receiver, lost: str) -> None:
    kept = heard(ready)
    if lost == "the row":
        ready.post(f"{MESSAGES}/delete", json={"chatId": AYU, "messageId": kept["waMessageId"], "forEveryone": False})
    else:
        with ready.program.db.read() as tx:
            ready.program.media.path(media.of_message(tx, kept["id"]).name).unlink()

    (shown,) = told(ready, receiver)

    assert (True, False) == (shown["omitted"], "data" in shown)


class TestSwitchedOff:
    """The limit is 0."""

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {**SETTINGS, "WEBHOOK_MEDIA_INLINE_MAX_BYTES": "0"}

    def test_all_media_is_a_link(self, ready: Gateway, receiver: Receiver) -> None:
        heard(ready)
        (shown,) = told(ready, receiver)
        assert (True, False) == (shown["omitted"], "data" in shown)
