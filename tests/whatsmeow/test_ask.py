"""What the engine answers when asked about people, groups, channels and the account itself."""

import pytest

from tests.whatsmeow.kit import Line, address

# isort: split
from engines import base
from engines.base import Capability
from engines.things import GroupSettings, ParticipantResult
from engines.verbs import (
    CallVerbs,
    ChannelVerbs,
    ChatVerbs,
    ContactVerbs,
    GroupVerbs,
    MessageVerbs,
    ProfileVerbs,
    StatusVerbs,
)

JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest.mark.parametrize(
    "family",
    [CallVerbs, ChannelVerbs, ChatVerbs, ContactVerbs, GroupVerbs, MessageVerbs, ProfileVerbs, StatusVerbs],
)
def test_it_has_the_verbs_of_its_families(line, family):
    assert isinstance(line.engine, family)


def test_what_neonize_cannot_do_is_no_capability(line):
    absent = set(Capability) - line.engine.capabilities
    assert absent == {
        Capability.DELETE_FOR_ME,
        Capability.MARK_UNREAD,
        Capability.DELETE_CHAT,
        Capability.ARCHIVE,
        Capability.PIN,
        Capability.MUTE,
        Capability.STAR,
        Capability.LABELS,
        Capability.CATALOG,
    }


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.star("1@c.us", "x", starred=True),
        lambda engine: engine.mark_unread("1@c.us"),
        lambda engine: engine.delete_chat("1@c.us"),
        lambda engine: engine.archive("1@c.us", archived=True),
        lambda engine: engine.pin("1@c.us", pinned=True),
        lambda engine: engine.mute("1@c.us", None),
        lambda engine: engine.set_picture(None),
        lambda engine: engine.post_status("k", base.StatusText("x"), ["1@c.us"]),
    ],
)
def test_what_it_cannot_do_says_so(shared, ask):
    with pytest.raises(base.NotSupported):
        ask(shared.engine)


# --- people


def test_numbers_are_checked_in_the_order_asked(shared, contact):
    digits = contact.account.phone.user
    nobody, somebody = shared.engine.check_numbers(["15559999999", digits])
    assert (nobody.exists, nobody.address) == (False, None)
    assert (somebody.number, somebody.exists, somebody.address) == (digits, True, address(contact))


def test_who_wrote_is_among_the_contacts(shared, contact):
    shared.heard(contact, "hi")
    found = {each.id: each for each in shared.engine.contacts()}
    assert (found[address(contact)].push_name, found[address(contact)].lid) == (
        contact.account.name,
        str(contact.account.lid),
    )


def test_a_contact_tells_about_itself(shared, contact):
    contact.account.about = "Busy"
    shared.heard(contact, "hi")
    assert (shared.engine.contact(address(contact)).about, True) == ("Busy", True)


def test_a_hidden_person_has_a_phone(shared, contact):
    shared.heard(contact, "hi")
    assert shared.engine.phone_of(str(contact.account.lid)) == contact.account.phone.user
    assert shared.engine.phone_of("999@lid") is None


def test_a_person_can_be_blocked_and_unblocked(shared, contact):
    shared.heard(contact, "hi")
    shared.engine.block(address(contact))
    assert address(contact) in shared.engine.blocked()
    assert shared.engine.contact(address(contact)).is_blocked
    shared.engine.unblock(address(contact))
    assert address(contact) not in shared.engine.blocked()


def test_a_picture_has_an_address_or_none(shared, contact):
    assert shared.engine.picture_url(address(contact)) is None
    contact.account.picture = JPEG
    assert shared.engine.picture_url(address(contact)).startswith("https://pps.whatsapp.net/")


# --- chats and the account


def test_unread_messages_are_marked_read_once(shared, contact):
    stanzas = [shared.heard(contact, text).id.split("_")[2] for text in ("one", "two")]
    (chat,) = [each for each in shared.engine.chats() if each.id == address(contact)]
    assert (chat.unread_count, chat.last_message, chat.name) == (2, "two", contact.account.name)
    assert shared.engine.mark_read(address(contact))
    receipt = contact.next_stanza("receipt", lambda node: node.attrs.get("type") == "read")
    listed = [item.attrs["id"] for item in receipt.find("list").children] if receipt.find("list") else []
    assert {receipt.attrs["id"], *listed} == set(stanzas)
    assert not shared.engine.mark_read(address(contact))


@pytest.mark.parametrize(("state", "tag"), [("typing", "composing"), ("recording", "composing"), ("paused", "paused")])
def test_typing_is_shown(shared, contact, state, tag):
    shared.engine.typing(address(contact), state)
    shown = contact.next_stanza("chatstate").children[0]
    assert (shown.tag, shown.attrs.get("media")) == (tag, "audio" if state == "recording" else None)


def test_deliveries_are_acknowledged_as_seen_by_a_device(shared, contact):
    shared.heard(contact, "tick tick")
    receipt = contact.next_stanza("receipt")
    assert receipt.attrs.get("type") is None


def test_the_history_of_a_chat_is_both_sides(shared, contact):
    shared.heard(contact, "ping")
    shared.send(contact, base.Text("pong"))
    told = shared.engine.history(address(contact), 10)
    assert [(each.body, each.from_me) for each in told] == [("ping", False), ("pong", True)]


def test_name_about_picture_and_presence_can_be_set(shared, contact, tmp_path):
    (tmp_path / "me.jpg").write_bytes(JPEG)
    with pytest.raises(base.Refused) as refused:
        shared.engine.set_profile_name("Alice")
    assert refused.value.reason == "not_synchronised"
    shared.double.run(shared.phone.share_key())
    shared.eventually(lambda: _renamed(shared, "Alice"))
    shared.engine.set_about("at work")
    shared.engine.set_picture(str(tmp_path / "me.jpg"))
    assert shared.phone.account.picture == JPEG
    shared.phone.account.watchers.add(contact)
    for online, shown in ((True, None), (False, "unavailable")):
        shared.engine.set_presence(online=online)
        assert contact.next_stanza("presence").attrs.get("type") == shown


def _renamed(line: Line, name: str) -> bool:
    try:
        line.engine.set_profile_name(name)
    except base.Refused:
        return False
    return True


# --- groups


@pytest.fixture
def group(shared, contact):
    """A group that the account made."""
    return shared.engine.create_group("Team", [address(contact)])


def test_a_group_is_made_with_its_members(shared, contact, group):
    assert (group.name, group.owner, group.is_admin) == ("Team", shared.address, True)
    assert {each.id: each.is_super_admin for each in group.participants} == {
        shared.address: True,
        address(contact): False,
    }
    assert group.id in {each.id for each in shared.engine.groups()}


def test_a_group_is_asked_for_by_its_id(shared, group):
    assert shared.engine.group(group.id) == group


def test_an_unknown_group_does_not_exist(shared):
    with pytest.raises(base.NotOnAccount):
        shared.engine.group("120363999999999999@g.us")


@pytest.mark.parametrize("change", ["add", "remove", "promote", "demote"])
def test_members_are_changed(shared, contact, group, change):
    other = shared.double.contact("Other")
    who = address(other) if change == "add" else address(contact)
    assert shared.engine.change_participants(group.id, change, [who]) == [ParticipantResult(who, "ok")]
    people = {each.id: each.is_admin for each in shared.engine.group(group.id).participants}
    assert people.get(who) == {"add": False, "remove": None, "promote": True, "demote": False}[change]


def test_subject_and_description_are_changed(shared, group):
    shared.engine.set_group_subject(group.id, "New name")
    shared.engine.set_group_description(group.id, "What we do")
    changed = shared.engine.group(group.id)
    assert (changed.name, changed.description) == ("New name", "What we do")


def test_settings_are_changed_one_by_one(shared, group):
    assert shared.engine.group_settings(group.id) == GroupSettings(announce=False, locked=False, ephemeral_seconds=0)
    assert shared.engine.set_group_settings(group.id, announce=True).announce
    changed = shared.engine.set_group_settings(group.id, locked=True, ephemeral_seconds=86_400)
    assert changed == GroupSettings(announce=True, locked=True, ephemeral_seconds=86_400)
    assert not shared.engine.set_group_settings(group.id, announce=False).announce


def test_an_invite_works_until_it_is_revoked(shared, contact):
    theirs = shared.double.group(contact.account, "Open house")
    code = shared.double.server.groups[theirs].code
    assert shared.engine.join_group(code).id == str(theirs)
    old = shared.engine.invite_code(str(theirs))
    assert old == code
    assert shared.engine.revoke_invite(str(theirs)) != old
    with pytest.raises(base.NotOnAccount):
        shared.engine.join_group(old)


def test_a_group_can_be_left(shared, group):
    shared.engine.leave_group(group.id)
    with pytest.raises(base.NotOnAccount):
        shared.engine.group(group.id)


def test_a_reaction_in_a_group_names_the_author(shared, contact):
    jid = shared.double.group(contact.account, "Team", shared.phone.account)
    stanza = shared.double.run(contact.say_in(jid, "react to me"))
    heard = shared.message(lambda message: stanza in message.id)
    shared.engine.react(heard.chat, heard.id, "👍")
    key = contact.next().message.reactionMessage.key
    assert (key.ID, key.participant.split("@")[0]) == (stanza, contact.account.lid.user)
