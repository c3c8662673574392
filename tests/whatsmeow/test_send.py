"""What a contact sees of what the engine sends; media has a file of its own."""

import concurrent.futures
import hashlib

import pytest

from tests.whatsmeow.kit import address, eventually

# isort: split
from engines import base
from tests.whatsapp.schema import e2e


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
    settled = shared.happened(base.SendFinished, lambda event: event.key == "settle-me")
    assert settled.sent == sent


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


def test_four_threads_send_at_once(shared, contact):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        texts = [f"parallel {number}" for number in range(40)]
        list(pool.map(lambda text: shared.engine.send(base.Outgoing(text, address(contact), base.Text(text))), texts))
    assert sorted(contact.next().text for _ in texts) == sorted(texts)
    assert eventually(lambda: shared.sink.state.state == "ready", shared.sink)
