"""Media through the gateway and the real engine, both ways, up to the largest: not a byte differs."""

import base64
import contextlib
import hashlib
import http.client
import os

import pytest

from tests.whatsmeow import kit  # first: it skips where neonize is missing

# isort: split
from tests.receiver import listening
from tests.whatsapp.schema import e2e
from tests.whatsmeow.house import Real, blob, eventually
from tests.whatsmeow.test_send_media import PNG
from tools.faults.server import KEY

assert kit

LARGEST = 50 << 20


@pytest.fixture(scope="module")
def house(double, tmp_path_factory):
    with listening() as receiver:
        made = Real(tmp_path_factory.mktemp("media"), receiver, double)
        try:
            made.open()
            made.link()
            yield made
        finally:
            made.close()


@pytest.fixture
def ann(house):
    return house.person()


def send(house, path: str, ann, data: bytes, mimetype: str, **more) -> None:
    encoded = base64.b64encode(data).decode()
    house.send(path, {"chatId": ann.address, "base64": encoded, "mimetype": mimetype, **more})


def opened(house, ann, field: str, kind: str) -> bytes:
    """The bytes that the contact finds in what it got."""
    message = ann.contact.next().message
    part = getattr(message.documentWithCaptionMessage.message if field == "captioned" else message,
                   "documentMessage" if field == "captioned" else field)  # fmt: skip
    return bytes(house.double.server.media.open(kind, part.directPath, part.mediaKey))


def say(house, ann, message) -> None:
    house.double.run(ann.contact.say(house.phone.account, message))


def fetched(house, message_id: str) -> bytes:
    """What the gateway gives out as the media of a message."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", house.server.port, timeout=60)) as connection:
        path = f"/api/sessions/my-bot/messages/{message_id}/media"
        connection.request("GET", path, headers={"X-API-Key": KEY})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()


@pytest.mark.parametrize(
    ("path", "field", "kind", "mimetype", "more"),
    [
        ("send-image", "imageMessage", "image", "image/png", {"caption": "look"}),
        ("send-video", "videoMessage", "video", "video/mp4", {}),
        ("send-audio", "audioMessage", "audio", "audio/mpeg", {}),
        ("send-audio", "audioMessage", "audio", "audio/ogg; codecs=opus", {"ptt": True}),
        ("send-document", "documentMessage", "document", "application/pdf", {"filename": "a.pdf"}),
        ("send-document", "captioned", "document", "text/plain", {"filename": "a.txt", "caption": "read"}),
        ("send-sticker", "stickerMessage", "image", "image/webp", {}),
    ],
)
def test_media_of_every_kind_reaches_the_contact(house, ann, path, field, kind, mimetype, more):
    data = PNG if kind == "image" and path == "send-image" else os.urandom(5000)
    send(house, path, ann, data, mimetype, **more)
    assert data == opened(house, ann, field, kind)


def test_media_that_comes_in_is_told_and_given_out(house, ann):
    image = e2e.ImageMessage(**blob(ann.contact, "image", PNG), mimetype="image/png", caption="see")
    say(house, ann, e2e.Message(imageMessage=image))
    told = house.told("message.received", lambda data: data["from"] == ann.address)
    assert ("image", "see", "image/png") == (told["type"], told["body"], told["media"]["mimetype"])
    assert fetched(house, told["id"]) == PNG


def test_the_largest_media_goes_both_ways(house, ann):
    data = os.urandom(LARGEST)
    send(house, "send-document", ann, data, "application/zip", filename="all.zip")
    assert digest(data) == digest(opened(house, ann, "documentMessage", "document"))
    document = e2e.DocumentMessage(**blob(ann.contact, "document", data), mimetype="application/zip", fileName="b.zip")
    say(house, ann, e2e.Message(documentMessage=document))
    told = eventually(lambda: house.told("message.received", lambda said: said["from"] == ann.address))
    assert digest(data) == digest(fetched(house, told["id"]))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
