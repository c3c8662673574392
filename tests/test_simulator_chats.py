"""Messages of simulated sessions changed afterwards, chats, contacts, and sinks that take their time."""

import threading

import pytest

from engines import base
from engines.simulator import Draft, Simulator, World
from tests.simulator_stage import ABSENT, ADA, HIDDEN, LINUS, Stage, text


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.world.close()


# --- what contacts and the account do to messages --------------------------------------------------


def test_a_contact_edits_reacts_and_revokes(stage):
    stage.session()
    written = stage.control.write("one", ADA, Draft("text", "Helo"))
    stage.control.edit("one", written, "Hello")
    stage.control.react("one", ADA, written, "👍")
    stage.control.revoke("one", written)
    stage.clock.advance()
    sink = stage.sinks["one"]
    assert [event.body for event in sink.of(base.MessageEdited)] == ["Hello"]
    assert [event.emoji for event in sink.of(base.ReactionReceived)] == ["👍"]
    assert [event.message_id for event in sink.of(base.MessageRevoked)] == [written]


def test_the_account_edits_reacts_and_revokes(stage):
    engine = stage.session()
    sent = engine.send(text(ADA, "Helo"))
    engine.edit(ADA, sent.message_id, "Hello")
    engine.react(ADA, sent.message_id, "🎉")
    (entry,) = stage.control.inbox(ADA)
    assert (entry["body"], entry["edited"], entry["reaction"]) == ("Hello", True, "🎉")
    engine.revoke(ADA, sent.message_id)
    assert stage.control.inbox(ADA)[0]["revoked"]


def test_only_own_messages_are_edited(stage):
    engine = stage.session()
    written = stage.control.write("one", ADA, Draft("text", "Mine"))
    with pytest.raises(base.Refused):
        engine.edit(ADA, written, "Yours")


def test_an_unknown_message_is_not_on_the_account(stage):
    engine = stage.session()
    with pytest.raises(base.NotOnAccount):
        engine.react(ADA, "true_x_3EB0", "🎉")


def test_an_edit_between_sessions_names_the_message_as_each_knows_it(stage):
    one = stage.session("one")
    stage.session("two")
    other = stage.address("two")
    sent = one.send(text(other, "Helo"))
    one.edit(other, sent.message_id, "Hello")
    stage.clock.advance()
    (edited,) = stage.sinks["two"].of(base.MessageEdited)
    assert edited.message_id == stage.sinks["two"].messages[0].id


# --- threads ---------------------------------------------------------------------------------------


def test_a_slow_sink_does_not_delay_another_session(tmp_path):
    world = World(tmp_path / "world")
    gate, arrived = threading.Event(), threading.Event()
    ready = {name: threading.Event() for name in ("slow", "quick")}

    def sink(name, events):
        for event in events:
            if isinstance(event, base.StateChanged) and event.state == "ready":
                ready[name].set()
            if isinstance(event, base.MessageReceived):
                assert name == "quick" or gate.wait(10)
                arrived.set()

    engines = [
        Simulator(
            base.Account(name, name, str(tmp_path / name)),
            lambda events, name=name: sink(name, events),
            world,
            link_after=0,
        )
        for name in ready
    ]
    for engine in engines:
        engine.start()
    assert all(event.wait(10) for event in ready.values())
    world.control.write("slow", ADA, Draft("text", "Wait"))
    world.control.write("quick", ADA, Draft("text", "Now"))
    assert arrived.wait(10)
    gate.set()
    for engine in engines:
        engine.stop()
    world.close()


# --- chats -----------------------------------------------------------------------------------------


def test_unread_messages_are_counted_until_read(stage):
    engine = stage.session()
    stage.control.storm("one", ADA, 3)
    assert [(chat.id, chat.unread_count, chat.last_message) for chat in engine.chats()] == [(ADA, 3, "Storm 3")]
    assert engine.mark_read(ADA)
    assert not engine.mark_read(ADA)
    assert engine.chats()[0].unread_count == 0


def test_the_chat_written_in_last_comes_first(stage):
    engine = stage.session()
    engine.send(text(ADA))
    stage.clock.advance(1)
    engine.send(text(LINUS, key="key-2"))
    assert [chat.id for chat in engine.chats()] == [LINUS, ADA]


def test_a_deleted_chat_is_gone(stage):
    engine = stage.session()
    engine.send(text(ADA))
    assert engine.delete_chat(ADA)
    assert not engine.delete_chat(ADA)
    assert engine.chats() == []


def test_marks_of_a_chat_survive_a_restart(stage):
    engine = stage.session()
    engine.send(text(ADA))
    assert engine.archive(ADA, archived=True)
    assert engine.mark_unread(ADA)
    stage.restart()
    engine = stage.session()
    assert engine.chats()[0].unread_count == 1
    assert not engine.archive(ADA, archived=True)


def test_a_forward_says_the_same_to_another(stage):
    engine = stage.session()
    sent = engine.send(text(ADA, "Pass it on"))
    engine.send(base.Outgoing("key-2", LINUS, base.Forward(ADA, sent.message_id)))
    assert [entry["body"] for entry in stage.control.inbox(LINUS)] == ["Pass it on"]


def test_a_forward_of_nothing_is_not_on_the_account(stage):
    engine = stage.session()
    with pytest.raises(base.NotOnAccount):
        engine.send(base.Outgoing("key-1", LINUS, base.Forward(ADA, "true_x_3EB0")))


def test_reactions_are_listed_by_sender(stage):
    engine = stage.session()
    sent = engine.send(text(ADA))
    stage.control.react("one", ADA, sent.message_id, "🎉")
    engine.react(ADA, sent.message_id, "👍")
    found = [(reaction.sender, reaction.emoji) for reaction in engine.reactions(ADA, sent.message_id)]
    assert found == [(ADA, "🎉"), (stage.address("one"), "👍")]


# --- contacts --------------------------------------------------------------------------------------


def test_the_address_book_holds_the_cast(stage):
    engine = stage.session()
    found = engine.contacts()
    assert len(found) == 13
    assert all(contact.is_my_contact and contact.lid for contact in found)


def test_a_hidden_contact_has_no_number_yet(stage):
    engine = stage.session()
    lid = stage.world.person(HIDDEN).lid
    assert engine.contact(lid).number == ""
    assert engine.phone_of(lid) is None
    stage.control.reveal("one", HIDDEN)
    assert engine.phone_of(lid) == HIDDEN.partition("@")[0]


def test_an_added_contact_survives_a_restart(stage):
    stage.session()
    address = stage.control.add_contact("+44 7700 900042", "Zoe", "echo")
    stage.restart()
    engine = stage.session()
    assert engine.contact(address).name == "Zoe"
    engine.send(text(address, "Zoe?"))
    stage.clock.advance(5)
    assert [message.body for message in stage.sinks["one"].messages] == ["Zoe?"]


def test_a_crowd_is_in_the_address_book_and_writes(stage):
    engine = stage.session()
    stage.control.crowd("one", contacts=50, chats=20)
    stage.restart()
    engine = stage.session()
    assert len(engine.contacts()) == 13 + 50
    assert len(engine.chats()) == 20


def test_an_unknown_contact_is_not_on_the_account(stage):
    engine = stage.session()
    with pytest.raises(base.NotOnAccount):
        engine.contact("628123456789@c.us")


def test_numbers_are_checked(stage):
    engine = stage.session()
    absent = ABSENT.partition("@")[0]
    checks = engine.check_numbers(["628123456789", absent])
    assert [(check.number, check.exists, check.address) for check in checks] == [
        ("628123456789", True, "628123456789@c.us"),
        (absent, False, None),
    ]


def test_a_blocked_contact_writes_into_the_void(stage):
    engine = stage.session()
    engine.block(ADA)
    stage.restart()
    engine = stage.session()
    stage.control.write("one", ADA, Draft("text", "Hello?"))
    stage.clock.advance()
    assert stage.sinks["one"].messages == []
    assert engine.contact(ADA).is_blocked
    engine.unblock(ADA)
    stage.control.write("one", ADA, Draft("text", "Hello!"))
    stage.clock.advance()
    assert [message.body for message in stage.sinks["one"].messages] == ["Hello!"]
