"""Nothing lost, nothing twice in the virtual world, also when its process is killed."""

import json
from pathlib import Path

import pytest

from engines import base
from engines.simulator import Draft
from engines.simulator.compact import compacted
from engines.simulator.journal import dump_event, load_event
from tests.simulator_stage import ADA, ECHO, Stage, text


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.world.close()


def test_the_same_key_twice_is_one_message_at_the_contact(stage):
    engine = stage.session()
    first, second = engine.send(text(ADA)), engine.send(text(ADA))
    assert first == second
    assert len(stage.control.inbox(ADA)) == 1
    assert stage.control.session("one")["repeats"] == 1


def test_a_key_is_known_again_after_a_restart(stage):
    first = stage.session().send(text(ADA))
    stage.restart()
    assert stage.session().send(text(ADA)) == first
    assert len(stage.control.inbox(ADA)) == 1


def test_a_send_whose_answer_nobody_may_have_heard_is_told_after_a_restart(stage):
    sent = stage.session().send(text(ADA))
    stage.restart()
    stage.session()
    (told,) = [event for event in stage.sinks["one"].events if isinstance(event, base.SendFinished)]
    assert told.sent == sent


def test_a_send_is_told_once_after_a_restart_and_not_whenever_the_connection_comes_back(stage):
    stage.session().send(text(ADA))
    stage.restart()
    stage.session()
    stage.control.drop("one", 1)
    stage.clock.advance(5)
    assert [type(event) for event in stage.sinks["one"].events].count(base.SendFinished) == 1


def test_what_was_handed_over_again_stays_counted_after_a_restart(stage):
    engine = stage.session()
    engine.send(text(ADA))
    engine.send(text(ADA))
    stage.restart()
    assert stage.control.session("one")["repeats"] == 1


def test_what_no_sink_took_is_delivered_after_a_restart(stage):
    stage.session()
    stage.sinks["one"].refuse = True
    written = stage.control.write("one", ADA, Draft("text", "Do not lose me"))
    stage.clock.advance()
    stage.restart()
    stage.sinks["one"].refuse = False
    stage.session()
    assert [message.id for message in stage.sinks["one"].messages] == [written]


def test_what_a_sink_took_is_not_delivered_after_a_restart(stage):
    stage.session()
    stage.control.write("one", ADA, Draft("text", "Once"))
    stage.clock.advance()
    stage.restart()
    stage.session()
    assert len(stage.sinks["one"].messages) == 1


def test_contacts_go_on_after_a_restart(stage):
    sent = stage.session().send(text(ECHO, "Still there?"))
    stage.restart()
    stage.session()
    stage.clock.advance(5)
    assert stage.sinks["one"].receipts(sent) == ["delivered", "read"]
    assert [message.body for message in stage.sinks["one"].messages] == ["Still there?"]


def test_an_echo_comes_after_a_restart_however_much_was_written_since(stage):
    stage.session().send(text(ECHO, "Still there?"))
    stage.control.storm("one", ECHO, 2500)
    stage.clock.advance()
    stage.restart()
    stage.session()
    stage.clock.advance(5)
    assert stage.sinks["one"].messages[-1].body == "Still there?"


def test_an_echo_answers_once_over_restarts(stage):
    stage.session().send(text(ECHO, "Once?"))
    stage.clock.advance(5)
    for _ in range(2):
        stage.restart()
        stage.session()
        stage.clock.advance(5)
    assert [message.body for message in stage.sinks["one"].messages] == ["Once?"]


def test_a_forgotten_session_leaves_nothing_in_the_journal(stage):
    stage.session("gone").send(text(ADA, "Secret"))
    stage.session("stays").send(text(ADA, "Public"))
    stage.control.write("gone", ADA, Draft("text", "Secret too"))
    stage.world.forget("gone")
    stage.restart()
    journal = (stage.directory / "world" / "journal.jsonl").read_text()
    assert "Public" in journal
    assert "Secret" not in journal


def test_a_forgotten_session_leaves_its_groups(stage):
    stage.session("gone")
    before = len(stage.world.registry.rooms)
    stage.world.forget("gone")
    stage.restart()
    assert before - len(stage.world.registry.rooms) == 1
    assert not any("999" in address[:3] for room in stage.world.registry.rooms.values() for address in room.roles)


def test_media_wait_for_their_session_and_go_when_taken(stage):
    stage.session().stop()
    stage.control.write("one", ADA, stage.control.media("image", b"bytes", "image/png"))
    stage.restart()
    stage.session()
    (message,) = stage.sinks["one"].messages
    path = Path(message.media.path)
    assert path.read_bytes() == b"bytes"
    path.unlink()
    stage.restart()
    assert list((stage.directory / "world" / "media").iterdir()) == []


def test_what_was_edited_is_edited_after_a_restart(stage):
    engine = stage.session()
    sent = engine.send(text(ADA, "Helo"))
    engine.edit(ADA, sent.message_id, "Hello")
    stage.restart()
    (entry,) = stage.control.inbox(ADA)
    assert (entry["body"], entry["edited"]) == ("Hello", True)


@pytest.mark.parametrize(
    "event",
    [
        base.MessageReceived(base.Message("i", "c", "s", "text", "", 0)),
        base.MessageReceived(
            base.Message(
                "i",
                "c",
                "s",
                "image",
                "b",
                1,
                mentions=("a", "b"),
                quote=base.Quote("q", "a", "b"),
                media=base.IncomingMedia("image/png", 0),
                location=base.Location(0.0, -1.5),
                backfill=True,
            )
        ),
        base.ReceiptReceived(("a", "b"), "c", "read", "p", 1),
        base.MessageEdited("i", "c", "s", "b", 1),
        base.MessageRevoked("i", "c", "s", 1, from_me=True, id="r"),
        base.ReactionReceived("i", "c", "s", "", 1),
        base.GroupChanged("c", "join", ("a",), None, 1, {"action": "add"}),
        base.CallReceived("i", "c", 1, video=True),
        base.AddressesLinked("l", "p"),
    ],
)
def test_events_are_read_back_as_written(event):
    assert load_event(json.loads(json.dumps(dump_event(event)))) == event


def test_an_incomplete_last_line_of_the_journal_is_left_out(stage):
    stage.session().send(text(ADA))
    stage.world.close()
    with (stage.directory / "world" / "journal.jsonl").open("a") as file:
        file.write('["in","one",7,{"ki')
    stage.restart()
    stage.session().send(text(ADA, key="key-2"))
    stage.restart()
    assert len(stage.control.inbox(ADA)) == 2


def test_a_compacted_journal_makes_the_same_world(stage):
    engine = stage.session()
    engine.send(text(ADA))
    stage.control.write("one", ADA, Draft("text", "Taken"))
    stage.clock.advance(5)
    stage.sinks["one"].refuse = True
    stage.control.write("one", ADA, Draft("text", "Waiting"))
    path = stage.directory / "world" / "journal.jsonl"
    stage.world.close()
    records = [json.loads(line) for line in path.read_text().splitlines()]
    fresh = compacted(records, 1000)
    path.write_text("".join(json.dumps(record) + "\n" for record in fresh))
    stage.restart()
    assert len(fresh) < len(records)
    assert stage.control.inbox(ADA)[0]["receipt"] == "read"
    stage.sinks["one"].refuse = False
    engine = stage.session()
    assert [message.body for message in stage.sinks["one"].messages] == ["Taken", "Waiting"]
    assert [message.body for message in engine.history(ADA, 10)] == ["Hello", "Taken", "Waiting"]


def test_writing_with_a_key_again_writes_nothing(stage):
    stage.session()
    ids = {stage.control.write("one", ADA, Draft("text", "Once"), key="w-1") for _ in range(2)}
    stage.clock.advance()
    assert [message.id for message in stage.sinks["one"].messages] == list(ids)
