"""Groups of the simulator: who may do what, and who is told."""

import pytest

from engines import base
from engines.simulator import Draft
from engines.simulator.rooms import OPEN_HOUSE
from tests.simulator_stage import ABSENT, ADA, ALAN, BLOCKING, ECHO, LINUS, SILENT, Stage, text


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.world.close()


@pytest.fixture
def one(stage):
    return stage.session("one")


def own(engine):
    return next(group for group in engine.groups() if group.is_admin)


def other(engine):
    return next(group for group in engine.groups() if not group.is_admin)


def admins(engine, group_id):
    return [participant.id for participant in engine.group(group_id).participants if participant.is_admin]


def test_a_new_account_rules_one_group_and_is_a_member_of_another(one):
    assert sorted((group.name, group.is_admin) for group in one.groups()) == [("Book club", False), ("Family", True)]


def test_every_member_gets_a_message_once_and_acknowledges_it(stage, one):
    sent = one.send(text(own(one).id, "Dear all"))
    stage.clock.advance(5)
    assert [entry["body"] for entry in stage.control.inbox(ADA)] == ["Dear all"]
    readers = {event.participant for event in stage.sinks["one"].of(base.ReceiptReceived) if event.receipt == "read"}
    assert readers == {participant.id for participant in own(one).participants} - {stage.address("one")}
    assert sent.message_id.endswith(f"_{stage.address('one')}")


def test_a_contact_writes_in_a_group(stage, one):
    group = own(one)
    stage.control.write("one", ADA, Draft("text", "Hello all"), group=group.id)
    stage.clock.advance()
    (message,) = stage.sinks["one"].messages
    assert (message.chat, message.sender) == (group.id, ADA)
    assert message.id.endswith(f"_{ADA}")


def test_a_group_is_made_with_whoever_can_be_added(one):
    group = one.create_group("Plans", [ADA, ABSENT, LINUS])
    assert [participant.id for participant in group.participants][1:] == [ADA, LINUS]
    assert one.group(group.id) == group


def test_every_participant_has_a_result(one):
    results = one.change_participants(own(one).id, "add", [LINUS, ADA, ABSENT, BLOCKING, SILENT])
    assert [(result.id, result.outcome) for result in results] == [
        (LINUS, "ok"),
        (ADA, "already_in_group"),
        (ABSENT, "not_on_whatsapp"),
        (BLOCKING, "not_allowed"),
        (SILENT, "invite_required"),
    ]


def test_participants_are_promoted_demoted_and_removed(one):
    group = own(one).id
    one.change_participants(group, "promote", [ADA])
    assert ADA in admins(one, group)
    one.change_participants(group, "demote", [ADA])
    assert ADA not in admins(one, group)
    one.change_participants(group, "remove", [ADA])
    assert ADA not in {participant.id for participant in one.group(group).participants}
    assert [result.outcome for result in one.change_participants(group, "remove", [ECHO])] == ["not_in_group"]


def test_only_admins_change_participants(one):
    with pytest.raises(base.Refused) as caught:
        one.change_participants(other(one).id, "remove", [ALAN])
    assert caught.value.reason == "not_admin"


def test_subject_and_description_are_for_members_unless_locked(stage, one):
    group = other(one).id
    one.set_group_subject(group, "Book club, Tuesdays")
    one.set_group_description(group, "Bring a book")
    assert (one.group(group).name, one.group(group).description) == ("Book club, Tuesdays", "Bring a book")
    stage.world.rooms.update(ADA, group, locked=True)
    with pytest.raises(base.Refused):
        one.set_group_subject(group, "Mine")


def test_only_admins_write_in_an_announcing_group(stage, one):
    group = other(one).id
    stage.world.rooms.update(ADA, group, announce=True)
    with pytest.raises(base.Refused) as caught:
        one.send(text(group))
    assert caught.value.reason == "announce_only"


def test_settings_change_one_by_one(one):
    group = own(one).id
    one.set_group_settings(group, announce=True)
    settings = one.set_group_settings(group, ephemeral_seconds=86400)
    assert (settings.announce, settings.locked, settings.ephemeral_seconds) == (True, False, 86400)


def test_a_revoked_invite_is_worth_nothing(stage, one):
    group = own(one).id
    old = one.invite_code(group)
    new = one.revoke_invite(group)
    two = stage.session("two")
    with pytest.raises(base.NotOnAccount):
        two.join_group(old)
    assert two.join_group(new).id == group


def test_everybody_else_is_told_of_a_change(stage, one):
    two = stage.session("two")
    group = one.create_group("Both", [stage.address("two")])
    two.leave_group(group.id)
    one.set_group_subject(group.id, "Alone")
    stage.clock.advance()
    assert [event.change for event in stage.sinks["two"].of(base.GroupChanged)] == ["join"]
    assert [event.change for event in stage.sinks["one"].of(base.GroupChanged)] == ["leave"]


def test_two_sessions_talk_in_a_group(stage, one):
    two = stage.session("two")
    group = one.create_group("Both", [stage.address("two")])
    sent = one.send(text(group.id, "Hello"))
    stage.clock.advance(1)
    (message,) = stage.sinks["two"].messages
    assert (message.chat, message.sender) == (group.id, stage.address("one"))
    two.mark_read(group.id)
    stage.clock.advance()
    assert stage.sinks["one"].receipts(sent) == ["delivered", "read"]


def test_whoever_left_may_not_write(one):
    group = other(one).id
    one.leave_group(group)
    with pytest.raises(base.Refused) as caught:
        one.send(text(group))
    assert caught.value.reason == "not_a_participant"


def test_the_open_house_is_open(one):
    assert one.join_group(OPEN_HOUSE).name == "Open house"


def test_groups_survive_a_restart(stage, one):
    group = one.create_group("Plans", [ADA])
    stage.restart()
    assert stage.session("one").group(group.id) == group


def test_an_unknown_group_is_not_on_the_account(one):
    with pytest.raises(base.NotOnAccount):
        one.group("1203630000@g.us")
