"""How the gateway and a worker talk, and what happens where one of them is too slow: frames, asks, delivery."""

import concurrent.futures
import itertools
import socket
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from tests.whatsmeow.kit import Sink, eventually

# isort: split
from engines import base
from engines.whatsmeow import frames
from engines.whatsmeow.delivery import Delivery
from engines.whatsmeow.inside.office import Office
from engines.whatsmeow.seat import Seat


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield frames.Channel(ours, frames.Outward, send_seconds=1), frames.Channel(theirs, frames.Inward)
    ours.close()
    theirs.close()


def ready(text: str) -> base.MessageReceived:
    return base.MessageReceived(base.Message("id", "1@c.us", "1@c.us", "text", text, 1))


# --- frames


@pytest.mark.parametrize("event", [ready("x"), base.StateChanged("ready"), base.PollVoted("m", "c", "s", ("a",), 1)])
def test_an_event_arrives_as_it_was(pair, event):
    gateway, worker = pair
    worker.send(frames.report("s", 7, [event]))
    received = gateway.receive()
    assert (received.session, received.number, frames.events(received)) == ("s", 7, [event])


def test_sessions_that_report_for_the_first_time_at_once_do_not_end_the_gateway():
    """Each of these ended three times in ten while msgspec looked at the events' classes."""
    command = [sys.executable, "-m", "tests.whatsmeow.first"]
    assert [0] * 10 == [subprocess.run(command, check=False).returncode for _ in range(10)]


def test_a_frame_of_the_wrong_kind_ends_the_conversation(pair):
    gateway, worker = pair
    gateway.send(frames.Committed("s", [1]))
    assert worker.receive() == frames.Committed("s", [1])
    worker.send(frames.Committed("s", [1]))  # only a gateway says so
    with pytest.raises(EOFError):
        gateway.receive()


def test_a_frame_too_long_is_not_sent(pair):
    with pytest.raises(ValueError, match="too long"):
        pair[1].send(frames.Answer("s", 1, frames.pack(b"x" * (frames.MAX_FRAME + 1))))


def test_who_does_not_read_holds_nobody_for_ever(pair):
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        pair[0].send(frames.Ask("s", 1, "x", 1.0, frames.pack(b"x" * 4_000_000)))


def test_an_unknown_setting_or_one_of_the_wrong_type_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"call_seconds": "soon"}, frames.Settings)


# --- back-pressure


class Mute:
    """A worker that never answers."""

    pid = 1

    def alone(self) -> bool:
        return True

    def send(self, frame: frames.Inward) -> None: ...

    def kill(self) -> None: ...


def test_a_session_that_is_asked_too_much_refuses_at_once():
    seat = Seat(Mute(), "s", lambda _: None, itertools.count(1))
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        asked = [pool.submit(seat.ask, "x", 30.0, {}) for _ in range(64)]
        eventually(lambda: seat._room._value == 0, Sink())  # noqa: SLF001 - all of them wait
        with pytest.raises(base.EngineError, match="busy"):
            seat.ask("x", 0.01, {})
        seat.away()
    assert {base.OutcomeUnknown} == {type(future.exception()) for future in asked}


def test_a_worker_that_is_asked_too_much_refuses_at_once():
    over, told = threading.Event(), []

    class Desk:
        def work(self) -> None:
            over.wait(30)

    office = Office("s", [Desk()], told.append)
    for number in range(64 + 8 + 1):  # eight work on it, 64 wait; the queue may be full before the eight have begun
        office.take(frames.Ask("s", number, "work", 30.0, frames.pack({})), time.monotonic())
    office.take(frames.Ask("s", 99, "work", 30.0, frames.pack({})), time.monotonic())
    assert ("EngineError", "The session is busy: too many requests at once") == (told[-1].error, told[-1].message)
    over.set()


def test_what_waited_too_long_for_its_turn_is_not_done():
    told = []
    office = Office("s", [], told.append)
    office.take(frames.Ask("s", 1, "send", 1.0, frames.pack({})), time.monotonic() - 2)
    eventually(lambda: told, Sink())
    assert ("EngineError", "The request waited too long and was dropped") == (told[0].error, told[0].message)


# --- delivery


def test_batches_wait_for_a_sink_that_is_busy():
    sink, acknowledged = Sink(), []
    delivery = Delivery("x", sink, acknowledged.extend)
    sink.refuse = True
    for number in range(1, 31):
        delivery.push(number, [ready(str(number))])
    eventually(lambda: sink.refused, sink)
    assert acknowledged == []
    sink.refuse = False
    eventually(lambda: len(acknowledged) == 30, sink)
    assert [message.body for message in sink.messages] == [str(number) for number in range(1, 31)]
    delivery.close(5, farewell=False)


def test_after_the_farewell_nothing_is_delivered():
    sink = Sink()
    delivery = Delivery("x", sink, lambda _: None)
    sink.refuse = True
    delivery.push(1, [ready("dropped")])
    eventually(lambda: sink.refused, sink)
    sink.refuse = False
    delivery.push(0, [base.StateChanged("disconnected")])
    delivery.close(5, farewell=True)
    assert sink.events[-1] == base.StateChanged("disconnected")
    assert not [thread for thread in threading.enumerate() if thread.name == "delivery-x"]
