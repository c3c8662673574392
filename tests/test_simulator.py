"""What the simulator does beyond the contract of engines: contacts that live, and a network that fails on demand."""

import re
from pathlib import Path

import pytest

from engines import base
from engines.simulator import Draft
from tests.simulator_stage import ADA, BLOCKING, ECHO, HIDDEN, SLOW, Stage, text


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.world.close()


# --- linking ---------------------------------------------------------------------------------------


def test_a_session_links_by_itself_after_two_seconds(stage):
    stage.session(link_after=2.0)
    stage.clock.advance(1.9)
    assert stage.sinks["one"].states[-1] == "qr_ready"
    stage.clock.advance(1.0)
    assert stage.sinks["one"].states[-1] == "ready"


def test_the_code_looks_like_whatsapps_and_rotates(stage):
    stage.session(link_after=None)
    stage.clock.advance(61)
    first, second = stage.sinks["one"].of(base.QrChanged)
    assert re.fullmatch(r"https://wa\.me/settings/linked_devices#2@[0-9A-Z]{44}(,[0-9A-Z]{44}=){3},1", first.text)
    assert first.text != second.text
    assert second.expires_at - first.expires_at == 20_000


def test_codes_run_out_after_160_seconds_and_begin_anew(stage):
    stage.session(link_after=None)
    stage.clock.advance(161)
    assert stage.sinks["one"].states == ["initializing", "qr_ready", "disconnected", "initializing", "qr_ready"]
    assert stage.sinks["one"].of(base.StateChanged)[2].reason == "qr_timeout"


def test_credentials_are_for_their_owner_only(stage):
    stage.session()
    assert (stage.directory / "one" / "simulator.json").stat().st_mode & 0o777 == 0o600


def test_the_pairing_code_links_the_number_it_was_made_for(stage):
    engine = stage.session(link_after=None)
    engine.pairing_code("628123456789")
    stage.control.scan("one")
    stage.clock.advance(1)
    assert stage.sinks["one"].of(base.StateChanged)[-1].phone == "628123456789"


def test_a_session_has_the_same_number_in_every_world(stage, tmp_path):
    stage.session()
    other = Stage(tmp_path / "other")
    other.session()
    phones = {sink.of(base.StateChanged)[-1].phone for sink in (stage.sinks["one"], other.sinks["one"])}
    other.world.close()
    assert len(phones) == 1


# --- contacts --------------------------------------------------------------------------------------


def test_echo_reads_types_and_answers_the_same(stage):
    engine = stage.session()
    engine.send(text(ECHO, "Is there an echo?"))
    stage.clock.advance(5)
    sink = stage.sinks["one"]
    assert [message.body for message in sink.messages] == ["Is there an echo?"]
    assert [event.state for event in sink.of(base.TypingChanged)] == ["typing", "paused"]


def test_echo_answers_media_with_the_same_bytes(stage, tmp_path):
    engine = stage.session()
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"not really a picture")
    engine.send(base.Outgoing("key-1", ECHO, base.Media("image", str(picture), 20, "image/png", caption="Look")))
    stage.clock.advance(5)
    (message,) = stage.sinks["one"].messages
    assert Path(message.media.path).read_bytes() == b"not really a picture"


def test_a_contact_writes_media(stage):
    stage.session()
    stage.control.write("one", ADA, stage.control.media("voice", b"hm", "audio/ogg; codecs=opus"))
    stage.clock.advance()
    (message,) = stage.sinks["one"].messages
    assert (message.type, message.media.size) == ("voice", 2)
    assert Path(message.media.path).read_bytes() == b"hm"


def test_a_slow_contact_reads_after_about_a_minute(stage):
    engine = stage.session()
    sent = engine.send(text(SLOW))
    stage.clock.advance(40)
    assert stage.sinks["one"].receipts(sent) == ["delivered"]
    stage.clock.advance(60)
    assert stage.sinks["one"].receipts(sent) == ["delivered", "read"]


@pytest.mark.parametrize("chat", [BLOCKING, "447700900099@c.us"])
def test_who_blocks_or_is_not_on_whatsapp_never_gets_it(stage, chat):
    engine = stage.session()
    sent = engine.send(text(chat))
    stage.clock.advance(100_000)
    assert stage.sinks["one"].receipts(sent) == []


def test_any_other_number_is_a_stranger_who_reads(stage):
    engine = stage.session()
    sent = engine.send(text("628123456789@c.us"))
    stage.clock.advance(5)
    assert stage.sinks["one"].receipts(sent) == ["delivered", "read"]


def test_a_hidden_contact_writes_under_its_hidden_address_until_revealed(stage):
    stage.session()
    stage.control.write("one", HIDDEN, Draft("text", "Who am I?"))
    stage.control.reveal("one", HIDDEN)
    stage.control.write("one", HIDDEN, Draft("text", "Me."))
    stage.clock.advance()
    sink = stage.sinks["one"]
    (link,) = sink.of(base.AddressesLinked)
    assert [message.sender for message in sink.messages] == [link.lid, HIDDEN]
    assert link.phone == HIDDEN


def test_two_sessions_reach_each_other(stage):
    one, two = stage.session("one"), stage.session("two")
    other = stage.address("two")
    sent = one.send(text(other, "Hello, you"))
    stage.clock.advance(1)
    (message,) = stage.sinks["two"].messages
    assert message.body == "Hello, you"
    two.mark_read(message.chat)
    stage.clock.advance()
    assert stage.sinks["one"].receipts(sent) == ["delivered", "read"]


def test_ids_look_like_whatsapps(stage):
    engine = stage.session()
    sent = engine.send(text(ECHO))
    stage.clock.advance(5)
    assert re.fullmatch(rf"true_{ECHO}_3EB0[0-9A-F]{{18}}", sent.message_id)
    assert re.fullmatch(rf"false_{ECHO}_3EB0[0-9A-F]{{18}}", stage.sinks["one"].messages[0].id)


# --- the network fails -----------------------------------------------------------------------------


def test_a_storm_comes_in_batches_in_order(stage):
    stage.session()
    stage.control.storm("one", ADA, 250)
    stage.clock.advance()
    sink = stage.sinks["one"]
    assert [message.body for message in sink.messages] == [f"Storm {n}" for n in range(1, 251)]
    assert sink.batches[-3:] == [100, 100, 50]


@pytest.mark.parametrize(
    ("kind", "error", "received"),
    [
        ("refused", base.Refused, 0),
        ("not_connected", base.NotConnected, 0),
        ("unknown_lost", base.OutcomeUnknown, 0),
        ("unknown_sent", base.OutcomeUnknown, 1),
    ],
)
def test_the_next_send_fails_as_ordered(stage, kind, error, received):
    engine = stage.session()
    stage.control.fail_sends("one", kind)
    with pytest.raises(error):
        engine.send(text(ADA))
    assert len(stage.control.inbox(ADA)) == received
    engine.send(text(ADA, key="key-2"))


def test_a_refusal_has_the_reason_ordered(stage):
    engine = stage.session()
    stage.control.fail_sends("one", "refused", reason="rate_limited")
    with pytest.raises(base.Refused) as caught:
        engine.send(text(ADA))
    assert caught.value.reason == "rate_limited"


def test_a_delayed_send_takes_its_time(stage):
    engine = stage.session()
    begun = stage.clock.now()
    stage.control.fail_sends("one", "delay", seconds=3)
    engine.send(text(ADA))
    assert stage.clock.now() - begun == 3000


def test_a_send_beyond_the_deadline_has_no_known_outcome(stage):
    engine = stage.session()
    stage.control.fail_sends("one", "delay", seconds=60)
    with pytest.raises(base.OutcomeUnknown):
        engine.send(text(ADA))


@pytest.mark.parametrize(
    ("reason", "returns"), [("logged_out", "qr_ready"), ("banned", "qr_ready"), ("replaced", "ready")]
)
def test_an_ended_session_failed_and_can_be_started_again(stage, reason, returns):
    engine = stage.session(link_after=None)
    stage.control.scan("one")
    stage.clock.advance(1)
    stage.control.end("one", reason)
    stage.clock.advance(100)
    last = stage.sinks["one"].of(base.StateChanged)[-1]
    assert (last.state, last.reason) == ("failed", reason)
    engine.start()
    stage.clock.advance(1)
    assert stage.sinks["one"].states[-1] == returns


def test_messages_of_a_dropped_connection_wait_for_it(stage):
    stage.session()
    stage.control.drop("one", 10)
    stage.control.write("one", ADA, Draft("text", "Later"))
    stage.clock.advance(9)
    assert stage.sinks["one"].messages == []
    stage.clock.advance(2)
    assert [message.body for message in stage.sinks["one"].messages] == ["Later"]
