"""What a contact sees of what the engine sends."""

import concurrent.futures
import hashlib
import struct
from pathlib import Path

import pytest

from tests.whatsmeow.kit import Line, address, eventually

# isort: split
from engines import base
from tests.whatsapp.schema import e2e

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000030802000000368849d60000001049444154789c63f8cfc000440c28140044"
    "d005fba4cfde800000000049454e44ae426082"
)
"""Two pixels by three."""


@pytest.fixture
def file(tmp_path):
    """Writes bytes into a file of ours."""

    def write(data: bytes, name: str = "blob") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


@pytest.fixture
def media(file):
    """Media to send."""

    def make(kind: str, data: bytes, mimetype: str, **facts: object) -> base.Media:
        return base.Media(kind, file(data), len(data), mimetype, **facts)

    return make


def opened(line: Line, kind: str, part) -> bytes:
    """The bytes of media that a contact got."""
    return line.double.server.media.open(kind, part.directPath, part.mediaKey)


def test_a_text_arrives_as_written(shared, contact):
    assert shared.said(contact, base.Text("Grüße 👋\nline two")).text == "Grüße 👋\nline two"


def test_a_text_carries_no_bot_tag(shared, contact):
    shared.said(contact, base.Text("I am a person"))
    assert [node.tag for node in shared.double.server.relay.sent[-1].all("bot")] == []


def test_mentions_name_people(shared, contact):
    someone = shared.double.contact("Someone")
    digits = someone.account.phone.user
    got = shared.said(contact, base.Text(f"hi @{digits}", (address(someone),)))
    assert list(got.message.extendedTextMessage.contextInfo.mentionedJID) == [f"{digits}@s.whatsapp.net"]


def test_a_reply_quotes_the_message_it_answers(shared, contact):
    asked = shared.heard(contact, "What time is it?")
    got = shared.said(contact, base.Text("Noon"), quote=base.Quote(asked.id, asked.sender, asked.body))
    context = got.message.extendedTextMessage.contextInfo
    assert (context.stanzaID, context.quotedMessage.conversation) == (asked.id.split("_")[2], "What time is it?")
    assert context.participant == str(contact.account.phone)


def test_a_reply_to_an_unknown_message_quotes_what_it_is_told(shared, contact):
    got = shared.said(contact, base.Text("Yes"), quote=base.Quote("3EB0AAAA", address(contact), "long ago"))
    assert got.message.extendedTextMessage.contextInfo.quotedMessage.conversation == "long ago"


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


def test_a_location_arrives(shared, contact):
    point = shared.said(contact, base.Location(52.5, 13.25, "Office", "Main St 1")).message.locationMessage
    assert (point.degreesLatitude, point.degreesLongitude) == (52.5, 13.25)
    assert (point.name, point.address) == ("Office", "Main St 1")


def test_a_contact_card_cannot_be_given_extra_lines(shared, contact):
    card = shared.said(contact, base.ContactCard("Joe; Doe\nTEL:666", "15551234567")).message.contactMessage
    assert card.displayName == "Joe; Doe\nTEL:666"
    assert card.vcard.splitlines() == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "FN:Joe\\; Doe TEL:666",
        "TEL;type=CELL;type=VOICE;waid=15551234567:+15551234567",
        "END:VCARD",
    ]


@pytest.mark.parametrize(("multiple", "selectable"), [(False, 1), (True, 0)])
def test_a_poll_arrives_and_its_votes_come_back(shared, contact, multiple, selectable):
    sent = shared.send(contact, base.Poll("Lunch?", ("Pizza", "Soup"), multiple))
    got = contact.next()
    poll = next(part for field, part in got.message.ListFields() if field.name.startswith("pollCreation"))
    assert (poll.name, poll.selectableOptionsCount) == ("Lunch?", selectable)
    secret = got.message.messageContextInfo.messageSecret
    shared.double.run(contact.say(shared.phone.account, contact.vote(got, secret, [hashlib.sha256(b"Soup").digest()])))
    voted = shared.happened(base.PollVoted, lambda event: event.message_id == sent.message_id)
    assert (voted.options, voted.sender) == (("Soup",), address(contact))


def test_a_forwarded_text_says_so(shared, contact):
    heard = shared.heard(contact, "Pass it on")
    other = shared.double.contact("Other")
    text = shared.said(other, base.Forward(heard.chat, heard.id)).message.extendedTextMessage
    assert (text.text, text.contextInfo.isForwarded, text.contextInfo.forwardingScore) == ("Pass it on", True, 1)


def test_forwarded_media_is_not_uploaded_again(shared, contact, media):
    sent = shared.send(contact, media("image", PNG, "image/png"))
    first = contact.next().message.imageMessage
    second = shared.said(contact, base.Forward(address(contact), sent.message_id)).message.imageMessage
    assert (first.directPath, True) == (second.directPath, second.contextInfo.isForwarded)


def test_only_a_message_that_is_known_can_be_forwarded(shared, contact):
    with pytest.raises(base.NotOnAccount):
        shared.send(contact, base.Forward(address(contact), "false_x_3EB0"))


def test_an_edit_replaces_the_text(shared, contact):
    sent = shared.send(contact, base.Text("teh"))
    contact.next()
    assert shared.engine.edit(address(contact), sent.message_id, "the").message_id == sent.message_id
    edit = contact.next().message.editedMessage.message.protocolMessage
    assert (edit.key.ID, edit.editedMessage.conversation) == (sent.message_id.split("_")[2], "the")


def test_only_own_messages_can_be_edited(shared, contact):
    heard = shared.heard(contact, "mine")
    with pytest.raises(base.Refused) as refused:
        shared.engine.edit(heard.chat, heard.id, "yours")
    assert refused.value.reason == "not_own_message"


def test_a_message_can_be_deleted_for_everyone(shared, contact):
    sent = shared.send(contact, base.Text("oops"))
    contact.next()
    shared.engine.revoke(address(contact), sent.message_id)
    message = contact.next().message.protocolMessage
    assert (message.type, message.key.ID) == (e2e.ProtocolMessage.REVOKE, sent.message_id.split("_")[2])


def test_deleting_for_the_account_only_is_not_supported(shared, contact):
    sent = shared.send(contact, base.Text("stay"))
    with pytest.raises(base.NotSupported):
        shared.engine.revoke(address(contact), sent.message_id, for_everyone=False)


def test_a_reaction_arrives_and_is_listed(shared, contact):
    heard = shared.heard(contact, "funny")
    shared.engine.react(heard.chat, heard.id, "😂")
    reaction = contact.next().message.reactionMessage
    assert (reaction.text, reaction.key.ID) == ("😂", heard.id.split("_")[2])
    assert [each.emoji for each in shared.engine.reactions(heard.chat, heard.id)] == ["😂"]


def test_a_group_gets_one_message_each(shared, contact):
    other = shared.double.contact("Other")
    group = shared.double.group(shared.phone.account, "Team", contact.account, other.account)
    shared.engine.send(base.Outgoing(f"group-{group.user}", str(group), base.Text("hello all")))
    assert [contact.next().text, other.next().text] == ["hello all", "hello all"]


def test_the_phone_gets_a_copy(shared, contact):
    shared.send(contact, base.Text("copy me"))
    copies = [shared.phone.next()]
    while copies[-1].message.deviceSentMessage.message.conversation != "copy me":
        copies.append(shared.phone.next())
    assert copies[-1].message.deviceSentMessage.destinationJID.split("@")[0] in contact.account.lid.user


def test_receipts_come_back(shared, contact):
    sent = shared.send(contact, base.Text("seen?"))
    shared.double.run(contact.read(contact.next()))
    shared.eventually(lambda: "read" in shared.sink.receipts(sent))
    assert shared.sink.receipts(sent) == ["delivered", "read"]


def test_every_send_is_settled_with_its_key(shared, contact):
    sent = shared.engine.send(base.Outgoing("settle-me", address(contact), base.Text("x")))
    settled = shared.happened(base.SendSettled, lambda event: event.key == "settle-me")
    assert (settled.message_id, settled.timestamp) == (sent.message_id, sent.timestamp)


def test_the_same_key_is_sent_once(shared, contact):
    first = shared.engine.send(base.Outgoing("once", address(contact), base.Text("one")))
    again = shared.engine.send(base.Outgoing("once", address(contact), base.Text("one")))
    shared.send(contact, base.Text("two"))
    assert first == again
    assert [contact.next().text, contact.next().text] == ["one", "two"]


def test_a_number_that_is_not_on_whatsapp_is_refused(shared):
    with pytest.raises(base.Refused) as refused:
        shared.engine.send(base.Outgoing("nobody", "15559999999@c.us", base.Text("?")))
    assert refused.value.reason == "not_on_whatsapp"


@pytest.mark.parametrize(("code", "reason"), [(463, "stranger"), (429, "rate_limited"), (400, "refused")])
def test_a_refusal_has_its_reason(shared, contact, code, reason):
    shared.double.server.relay.refusals.append(code)
    with pytest.raises(base.Refused) as refused:
        shared.send(contact, base.Text("may I?"))
    assert refused.value.reason == reason


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


def test_four_threads_send_at_once(shared, contact):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        texts = [f"parallel {number}" for number in range(40)]
        list(pool.map(lambda text: shared.engine.send(base.Outgoing(text, address(contact), base.Text(text))), texts))
    assert sorted(contact.next().text for _ in texts) == sorted(texts)
    assert eventually(lambda: shared.sink.state.state == "ready", shared.sink)
