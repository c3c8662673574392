"""Nothing lost, nothing twice in the virtual world, also when its process is killed."""

import json

import pytest

from engines.simulator import Draft
from engines.simulator.compact import compacted
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
