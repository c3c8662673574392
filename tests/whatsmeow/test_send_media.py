"""Media that the engine sends: what a contact can open of it, and what is refused."""

import hashlib
import struct
from pathlib import Path

import pytest

from tests.whatsmeow.kit import Line, address

# isort: split
from engines import base
from tests.whatsapp.schema import e2e

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000030802000000368849d60000001049444154789c63f8cfc000440c28140044"
    "d005fba4cfde800000000049454e44ae426082"
)
"""Two pixels by three."""


@pytest.fixture
def media(file):
    """Media to send."""

    def make(kind: str, data: bytes, mimetype: str, **facts: object) -> base.Media:
        return base.Media(kind, file(data), len(data), mimetype, **facts)

    return make


def opened(line: Line, kind: str, part) -> bytes:
    """The bytes of media that a contact got."""
    return line.double.server.media.open(kind, part.directPath, part.mediaKey)


def test_an_image_arrives_with_caption_and_thumbnail(shared, contact, media):
    got = shared.said(contact, media("image", PNG, "image/png", caption="look"))
    image = got.message.imageMessage
    assert opened(shared, "image", image) == PNG
    assert (image.caption, image.mimetype, image.width, image.height) == ("look", "image/png", 2, 3)
    assert image.JPEGThumbnail[:2] == b"\xff\xd8"


def test_bytes_that_are_no_image_are_sent_without_thumbnail(shared, contact, media):
    got = shared.said(contact, media("image", b"not an image", "image/png"))
    assert got.message.imageMessage.JPEGThumbnail == b""


def test_an_image_may_carry_mentions_and_quote(shared, contact, media):
    asked = shared.heard(contact, "Picture?")
    quote = base.Quote(asked.id, asked.sender, asked.body)
    got = shared.said(contact, media("image", PNG, "image/png", mentions=(address(contact),)), quote=quote)
    context = got.message.imageMessage.contextInfo
    assert (len(context.mentionedJID), context.quotedMessage.conversation) == (1, "Picture?")


@pytest.mark.parametrize(
    ("kind", "field", "key", "mimetype"),
    [
        ("video", "videoMessage", "video", "video/mp4"),
        ("audio", "audioMessage", "audio", "audio/mpeg"),
        ("sticker", "stickerMessage", "sticker", "image/webp"),
        ("document", "documentMessage", "document", "application/pdf"),
    ],
)
def test_media_arrives_byte_for_byte(shared, contact, media, kind, field, key, mimetype):
    data = hashlib.sha256(kind.encode()).digest() * 100
    part = getattr(shared.said(contact, media(kind, data, mimetype)).message, field)
    assert opened(shared, key, part) == data
    assert part.mimetype == mimetype


def test_a_voice_message_is_marked_and_timed(shared, contact, media):
    recording = b"OggS\0\4" + struct.pack("<q", 3 * 48_000) + b"\0" * 40
    audio = shared.said(contact, media("voice", recording, "audio/ogg")).message.audioMessage
    assert (audio.PTT, audio.seconds, audio.mimetype) == (True, 3, "audio/ogg; codecs=opus")


def test_a_document_keeps_its_name_and_caption(shared, contact, media):
    got = shared.said(contact, media("document", b"%PDF", "application/pdf", filename="a.pdf", caption="read me"))
    document = got.message.documentWithCaptionMessage.message.documentMessage
    assert (document.fileName, document.caption) == ("a.pdf", "read me")


def test_view_once_is_an_envelope(shared, contact, media):
    got = shared.said(contact, media("image", PNG, "image/png", view_once=True))
    assert got.message.viewOnceMessageV2.message.imageMessage.viewOnce


def test_forwarded_media_is_not_uploaded_again(shared, contact, media):
    sent = shared.send(contact, media("image", PNG, "image/png"))
    first = contact.next().message.imageMessage
    second = shared.said(contact, base.Forward(address(contact), sent.message_id)).message.imageMessage
    assert (first.directPath, True) == (second.directPath, second.contextInfo.isForwarded)


def test_media_beyond_the_cap_is_refused(double, tmp_path, media, contact):
    with Line(double, tmp_path / "small", "small", media_cap=1000) as line:
        line.link()
        with pytest.raises(base.Refused) as refused:
            line.send(contact, media("document", b"x" * 1001, "text/plain"))
        assert refused.value.reason == "media_too_large"


def test_a_link_is_not_followed_to_a_file(shared, contact, tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(base.EngineError):
        shared.send(contact, base.Media("document", str(tmp_path / "link"), 10, "text/plain"))


def test_a_file_of_another_size_is_not_sent(shared, contact, file):
    with pytest.raises(base.EngineError):
        shared.send(contact, base.Media("document", file(b"abc"), 4, "text/plain"))


def test_media_of_50_mib_goes_both_ways(shared, contact, file):
    block = hashlib.sha256(b"block").digest() * 32768
    data = block * 50
    shared.send(contact, base.Media("document", file(data), len(data), "application/zip"))
    got = contact.next().message.documentMessage
    assert opened(shared, "document", got) == data
    back = shared.heard(contact, e2e.Message(documentMessage=got))
    assert hashlib.sha256(Path(back.media.path).read_bytes()).digest() == hashlib.sha256(data).digest()
