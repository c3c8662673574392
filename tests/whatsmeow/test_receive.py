"""What the engine reports of what contacts, groups and the own phone do."""

import hashlib
import stat
from pathlib import Path

import pytest

from tests.whatsmeow.kit import Line, address

# isort: split
from engines import base
from tests.whatsapp.nodes import Node
from tests.whatsapp.schema import common, e2e, history
from tests.whatsmeow.house import blob


def test_a_text_names_people_by_phone(shared, contact):
    heard = shared.heard(contact, "hello")
    assert (heard.body, heard.type, heard.from_me) == ("hello", "text", False)
    assert (heard.chat, heard.sender, heard.recipient) == (address(contact), address(contact), shared.address)
    assert (heard.push_name, heard.sender_lid) == (contact.account.name, str(contact.account.lid))


def test_a_hidden_id_is_linked_to_its_phone(shared, contact):
    shared.heard(contact, "hello")
    linked = shared.happened(base.AddressesLinked, lambda event: event.phone == address(contact))
    assert linked.lid == str(contact.account.lid)


def test_time_is_in_seconds(shared, contact):
    assert 1_600_000_000 < shared.heard(contact, "now").timestamp < 4_000_000_000


def test_an_extended_text_brings_mentions_and_quote(shared, contact):
    sent = shared.send(contact, base.Text("question"))
    context = e2e.ContextInfo(
        stanzaID=sent.message_id.split("_")[2],
        participant=str(shared.phone.account.lid),
        quotedMessage=e2e.Message(conversation="question"),
        mentionedJID=[str(shared.phone.account.phone)],
    )
    heard = shared.heard(contact, e2e.Message(extendedTextMessage={"text": "answer", "contextInfo": context}))
    assert (heard.body, heard.mentions) == ("answer", (shared.address,))
    assert heard.quote == base.Quote(sent.message_id, shared.address, "question")


@pytest.mark.parametrize(
    ("kind", "field", "media", "facts"),
    [
        ("image", "imageMessage", "image", {"mimetype": "image/jpeg", "caption": "see"}),
        ("video", "videoMessage", "video", {"mimetype": "video/mp4", "caption": "see"}),
        ("audio", "audioMessage", "audio", {"mimetype": "audio/mpeg"}),
        ("voice", "audioMessage", "audio", {"mimetype": "audio/ogg; codecs=opus", "PTT": True}),
        ("document", "documentMessage", "document", {"mimetype": "text/plain", "caption": "see", "fileName": "a.txt"}),
        ("sticker", "stickerMessage", "sticker", {"mimetype": "image/webp"}),
    ],
)
def test_media_is_brought_as_a_file(shared, contact, kind, field, media, facts):
    data = hashlib.sha512(kind.encode()).digest() * 500
    heard = shared.heard(contact, e2e.Message(**{field: {**blob(contact, media, data), **facts}}))
    assert (heard.type, heard.body) == (kind, facts.get("caption", ""))
    assert (heard.media.mimetype, heard.media.size) == (facts["mimetype"], len(data))
    assert heard.media.filename == facts.get("fileName")
    assert Path(heard.media.path).read_bytes() == data
    assert stat.S_IMODE(Path(heard.media.path).stat().st_mode) == 0o600


def test_media_once_viewable_is_brought_too(shared, contact):
    inner = e2e.Message(imageMessage={**blob(contact, "image", b"secret"), "mimetype": "image/png", "viewOnce": True})
    heard = shared.heard(contact, e2e.Message(viewOnceMessageV2={"message": inner}))
    assert Path(heard.media.path).read_bytes() == b"secret"


def test_media_that_is_gone_is_reported_without_bytes(shared, contact):
    fields = blob(contact, "image", b"gone")
    shared.double.server.media.lose(fields["directPath"])
    heard = shared.heard(contact, e2e.Message(imageMessage={**fields, "mimetype": "image/png"}))
    assert (heard.type, heard.media.path) == ("image", None)


def test_media_beyond_the_cap_is_left_out(double, tmp_path, contact):
    with Line(double, tmp_path / "small", "small", media_cap=1000) as line:
        line.link()
        fields = blob(contact, "document", b"x" * 1001)
        heard = line.heard(contact, e2e.Message(documentMessage={**fields, "mimetype": "text/plain"}))
        assert (heard.media.size, heard.media.path) == (1001, None)


def test_a_location_is_told(shared, contact):
    point = {"degreesLatitude": 1.5, "degreesLongitude": -2.5, "name": "Pier", "address": "Dock 1"}
    heard = shared.heard(contact, e2e.Message(locationMessage=point))
    assert (heard.type, heard.location) == ("location", base.Location(1.5, -2.5, "Pier", "Dock 1"))


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("contact", "BEGIN:VCARD", {"contactMessage": {"displayName": "Joe", "vcard": "BEGIN:VCARD"}}),
        ("contact", "A\nB", {"contactsArrayMessage": {"contacts": [{"vcard": "A"}, {"vcard": "B"}]}}),
        ("poll", "Lunch?", {"pollCreationMessageV3": {"name": "Lunch?", "options": [{"optionName": "a"}]}}),
        ("location", "live", {"liveLocationMessage": {"degreesLatitude": 1, "degreesLongitude": 2, "caption": "live"}}),
        ("text", "brief", {"ephemeralMessage": {"message": {"conversation": "brief"}}}),
        ("unknown", "", {"productMessage": {"body": "for sale"}}),
    ],
)
def test_other_kinds_have_their_type_and_text(shared, contact, kind, body, message):
    heard = shared.heard(contact, e2e.Message(**message))
    assert (heard.type, heard.body) == (kind, body)


def test_an_edit_names_the_message(shared, contact):
    heard = shared.heard(contact, "teh")
    key = common.MessageKey(remoteJID=str(shared.phone.account.lid), fromMe=True, ID=heard.id.split("_")[2])
    edit = {"type": e2e.ProtocolMessage.MESSAGE_EDIT, "key": key, "editedMessage": {"conversation": "the"}}
    message = e2e.Message(editedMessage={"message": {"protocolMessage": edit}})
    shared.double.run(contact.say(shared.phone.account, message, edit="1"))
    edited = shared.happened(base.MessageEdited, lambda event: event.message_id == heard.id)
    assert (edited.body, edited.sender, edited.chat) == ("the", heard.sender, heard.chat)


def test_a_revocation_names_the_message(shared, contact):
    heard = shared.heard(contact, "oops")
    key = common.MessageKey(remoteJID=str(shared.phone.account.lid), fromMe=True, ID=heard.id.split("_")[2])
    revoke = e2e.Message(protocolMessage={"type": e2e.ProtocolMessage.REVOKE, "key": key})
    shared.double.run(contact.say(shared.phone.account, revoke, edit="7"))
    revoked = shared.happened(base.MessageRevoked, lambda event: event.message_id == heard.id)
    assert (revoked.sender, revoked.from_me) == (address(contact), False)


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_names_the_message(shared, contact, emoji):
    sent = shared.send(contact, base.Text("like me"))
    key = common.MessageKey(remoteJID=str(contact.account.lid), fromMe=False, ID=sent.message_id.split("_")[2])
    shared.double.run(contact.say(shared.phone.account, e2e.Message(reactionMessage={"key": key, "text": emoji})))
    reaction = shared.happened(base.ReactionReceived, lambda event: event.message_id == sent.message_id)
    assert (reaction.emoji, reaction.sender) == (emoji, address(contact))


@pytest.mark.parametrize(
    ("state", "facts", "word"),
    [("composing", {}, "typing"), ("composing", {"media": "audio"}, "recording"), ("paused", {}, "paused")],
)
def test_typing_is_told(shared, contact, state, facts, word):
    shared.heard(contact, "first")
    shared.double.run(contact.typing(shared.phone.account, state, **facts))
    typing = shared.happened(base.TypingChanged, lambda event: event.sender == address(contact))
    assert (typing.state, typing.chat) == (word, address(contact))


def test_a_call_is_told_and_can_be_rejected(shared, contact):
    call_id = shared.double.run(contact.call(shared.phone.account))
    call = shared.happened(base.CallReceived, lambda event: event.call_id == call_id)
    assert (call.caller, call.video) == (address(contact), False)
    shared.engine.reject_call(call_id)
    shared.eventually(lambda: shared.double.server.relay.calls)
    assert shared.double.server.relay.calls[-1].find("reject")
    with pytest.raises(base.NotOnAccount):
        shared.engine.reject_call(call_id)


def test_presence_is_told_once_watched(shared, contact):
    shared.heard(contact, "hello")
    shared.engine.watch_presence(address(contact))
    shared.eventually(lambda: contact.account.watchers)
    shared.double.run(shared.double.server.relay.appear(contact.account, None))
    shared.happened(base.PresenceChanged, lambda event: event.sender == address(contact) and event.online)
    shared.double.run(shared.double.server.relay.appear(contact.account, "unavailable"))
    gone = shared.happened(base.PresenceChanged, lambda event: event.sender == address(contact) and not event.online)
    assert gone.last_seen


def test_what_the_owner_writes_on_the_phone_is_told(shared, contact):
    stanza = shared.double.run(shared.phone.write(contact, "from my phone"))
    told = shared.message(lambda message: stanza in message.id)
    assert (told.from_me, told.chat, told.body) == (True, address(contact), "from my phone")
    assert told.id == f"true_{address(contact)}_{stanza}"


def test_a_group_message_comes_once_with_its_author(shared, contact):
    group = shared.double.group(contact.account, "Team", shared.phone.account)
    for text in ("first", "second"):
        shared.double.run(contact.say_in(group, text))
    shared.message(lambda message: message.chat == str(group) and message.body == "second")
    told = [message for message in shared.sink.messages if message.chat == str(group)]
    assert [message.body for message in told] == ["first", "second"]
    assert {message.sender for message in told} == {address(contact)}
    assert told[0].id.endswith(f"_{address(contact)}")


def test_being_put_into_a_group_is_told(shared, contact):
    group = shared.double.group(contact.account, "Surprise", shared.phone.account)
    joined = shared.happened(base.GroupChanged, lambda event: event.chat == str(group))
    assert (joined.change, joined.author, joined.details["subject"]) == ("join", address(contact), "Surprise")
    assert set(joined.participants) == {address(contact), shared.address}


@pytest.mark.parametrize(
    ("verb", "change", "details"),
    [("add", "join", {}), ("remove", "leave", {}), ("promote", "update", "promoted"), ("demote", "update", "demoted")],
)
def test_changes_in_a_group_are_told(shared, contact, verb, change, details):
    other = shared.double.contact("Other")
    members = [shared.phone.account] if verb == "add" else [shared.phone.account, other.account]
    groups = shared.double.server.groups
    jid = shared.double.group(contact.account, "Team", *members)
    shared.happened(base.GroupChanged, lambda event: event.chat == str(jid))
    shared.double.run(groups.change(groups[jid], contact.account, verb, [other.account]))
    told = shared.happened(base.GroupChanged, lambda event: event.chat == str(jid) and event.change == change
                           and (change != "join" or address(other) in event.participants))  # fmt: skip
    assert told.participants == (address(other),)
    assert told.details == ({details: [address(other)]} if details else {})


def test_a_message_that_nothing_opens_harms_nobody(shared, contact):
    node = {"id": "3ABROKEN", "from": contact.account.lid, "t": 1, "type": "text"}
    broken = Node("message", node, [Node("enc", {"v": "2", "type": "msg"}, b"\x33garbage-garbage-garbage")])
    shared.double.run(shared.phone.device.deliver(broken))
    assert shared.heard(contact, "still there?").body == "still there?"


def test_history_comes_as_backfill_with_progress(line):
    line.link()
    friend = line.double.contact("Old Friend")
    past = history.HistorySync(syncType=history.HistorySync.INITIAL_BOOTSTRAP, progress=40)
    chat = past.conversations.add(ID=str(friend.account.phone), unreadCount=1, conversationTimestamp=1_700_000_002)
    for number, text in ((2, "newer"), (1, "older")):  # newest first, as phones tell it
        item = chat.messages.add()
        item.message.key.CopyFrom(common.MessageKey(remoteJID=chat.ID, fromMe=False, ID=f"3AOLD{number}"))
        item.message.message.conversation = text
        item.message.messageTimestamp = 1_700_000_000 + number
    line.double.run(line.phone.share_history(past))
    progress = line.happened(base.HistoryProgress)
    assert progress.percent == 40
    assert [(each.body, each.backfill) for each in line.sink.messages] == [("older", True), ("newer", True)]
    assert [each.body for each in line.engine.history(address(friend), 10)] == ["older", "newer"]
    (found,) = [each for each in line.engine.chats() if each.id == address(friend)]
    assert (found.unread_count, found.last_message) == (1, "newer")


def test_many_messages_come_in_order(shared, contact):
    for number in range(200):
        shared.double.run(contact.say(shared.phone.account, f"flood {number}"))
    shared.message(lambda message: message.body == "flood 199")
    bodies = [message.body for message in shared.sink.messages if message.chat == address(contact)]
    assert bodies == [f"flood {number}" for number in range(200)]
