"""What every engine keeps, whatever it speaks to. A harness per engine says how to play WhatsApp's part.

`tests/test_engines.py` runs this over all of them: it subclasses `EngineContract` with a fixture `harness`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from engines import base


@dataclass
class Recorder:
    """A sink that remembers; `refuse` makes it raise, as a gateway whose database is down."""

    events: list[base.Event] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    refuse: bool = False
    refused: int = 0

    def __call__(self, events: Sequence[base.Event]) -> None:
        if self.refuse:
            self.refused += 1
            raise RuntimeError("the database is down")
        self.batches.append(len(events))
        self.events.extend(events)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.of(base.StateChanged)]

    def receipts(self, sent: base.Sent) -> list[str]:
        """What was reported of a message, in order."""
        return [event.receipt for event in self.of(base.ReceiptReceived) if sent.message_id in event.message_ids]

    @property
    def messages(self) -> list[base.Message]:
        return [event.message for event in self.of(base.MessageReceived)]


class Harness(Protocol):
    """One account's engine and the other side of it. `until` lets time pass until something is true, or fails."""

    sink: Recorder
    contact: str  # somebody who receives and reads what is written to them
    nobody: str  # the number (digits) of nobody

    def engine(self) -> base.Engine: ...  # a fresh one for the same account, as after a restart of the gateway
    def until(self, condition: Callable[[], bool]) -> None: ...
    def scan(self) -> None: ...  # the phone scans the code
    def enter_code(self, code: str) -> None: ...  # the phone is given the pairing code
    def write(self, body: str) -> None: ...  # the contact writes to the account
    def lose_connection(self) -> None: ...  # it comes back by itself


def outgoing(harness: Harness, body: str, key: str = "key-1") -> base.Outgoing:
    return base.Outgoing(key, harness.contact, base.Text(body))


class EngineContract:
    """Subclasses give a fixture `harness`."""

    @pytest.fixture
    def shown(self, harness: Harness) -> base.Engine:
        """An engine that shows a code."""
        engine = harness.engine()
        engine.start()
        harness.until(lambda: "qr_ready" in harness.sink.states and bool(harness.sink.of(base.QrChanged)))
        return engine

    @pytest.fixture
    def ready(self, harness: Harness, shown: base.Engine) -> base.Engine:
        """An engine that is linked and connected."""
        harness.scan()
        harness.until(lambda: harness.sink.states[-1] == "ready")
        return shown

    def test_is_an_engine(self, harness):
        assert isinstance(harness.engine(), base.Engine)

    def test_start_reports_initializing_before_it_returns(self, harness):
        harness.engine().start()
        assert harness.sink.states[:1] == ["initializing"]

    def test_a_second_start_is_the_wrong_state(self, shown):
        with pytest.raises(base.WrongState):
            shown.start()

    def test_the_code_to_scan_is_the_one_reported(self, harness, shown):
        latest = harness.sink.of(base.QrChanged)[-1]
        assert shown.qr() == base.Qr(latest.text, latest.expires_at)

    @pytest.mark.usefixtures("ready")
    def test_linking_by_qr_walks_through_the_states_in_order(self, harness):
        assert harness.sink.states == ["initializing", "qr_ready", "authenticating", "ready"]

    @pytest.mark.usefixtures("ready")
    def test_ready_tells_whose_account_it_is(self, harness):
        last = harness.sink.of(base.StateChanged)[-1]
        assert re.fullmatch("[1-9][0-9]{4,19}", last.phone)
        assert last.push_name

    def test_linking_by_pairing_code(self, harness, shown):
        code = shown.pairing_code("628123456789")
        assert re.fullmatch("[1-9A-HJ-NP-Z]{8}", code)
        harness.enter_code(code)
        harness.until(lambda: harness.sink.states[-1] == "ready")

    def test_there_is_no_code_before_it_is_shown(self, harness):
        with pytest.raises(base.WrongState):
            harness.engine().qr()

    def test_there_is_no_code_once_linked(self, ready):
        with pytest.raises(base.WrongState):
            ready.qr()
        with pytest.raises(base.WrongState):
            ready.pairing_code("628123456789")

    def test_nothing_is_sent_before_it_is_linked(self, harness, shown):
        with pytest.raises(base.NotConnected):
            shown.send(outgoing(harness, "Hello"))

    def test_a_text_is_delivered_then_read(self, harness, ready):
        sent = ready.send(outgoing(harness, "Hello"))
        harness.until(lambda: "read" in harness.sink.receipts(sent))
        assert harness.sink.receipts(sent) == ["delivered", "read"]

    def test_a_sent_message_has_an_id_and_a_time_in_seconds(self, harness, ready):
        sent = ready.send(outgoing(harness, "Hello"))
        assert sent.message_id
        assert 1_600_000_000 < sent.timestamp < 4_000_000_000

    def test_two_sends_are_two_messages(self, harness, ready):
        ids = {ready.send(outgoing(harness, "Hello", key)).message_id for key in ("key-1", "key-2")}
        assert len(ids) == 2

    @pytest.mark.usefixtures("ready")
    def test_a_text_comes_in_once_with_its_author(self, harness):
        harness.write("Good morning")
        harness.until(lambda: bool(harness.sink.messages))
        (message,) = harness.sink.messages
        assert (message.body, message.type, message.from_me) == ("Good morning", "text", False)
        assert message.sender == message.chat == harness.contact

    @pytest.mark.usefixtures("ready")
    def test_texts_come_in_in_the_order_written(self, harness):
        for number in range(20):
            harness.write(f"Line {number}")
        harness.until(lambda: len(harness.sink.messages) >= 20)
        assert [message.body for message in harness.sink.messages] == [f"Line {number}" for number in range(20)]

    @pytest.mark.usefixtures("ready")
    def test_a_lost_connection_comes_back_by_itself(self, harness):
        harness.lose_connection()
        harness.until(lambda: harness.sink.states.count("ready") == 2)
        assert "disconnected" in harness.sink.states
        assert harness.sink.states.count("qr_ready") == 1

    @pytest.mark.usefixtures("ready")
    def test_what_a_sink_refuses_is_offered_again(self, harness):
        harness.sink.refuse = True
        harness.write("Do not lose me")
        harness.until(lambda: harness.sink.refused > 0)
        harness.sink.refuse = False
        harness.until(lambda: bool(harness.sink.messages))
        assert [message.body for message in harness.sink.messages] == ["Do not lose me"]

    def test_stop_reports_disconnected_and_is_silent_after(self, harness, ready):
        ready.stop()
        count = len(harness.sink.events)
        assert harness.sink.states[-1] == "disconnected"
        harness.write("Anybody there?")
        assert len(harness.sink.events) == count

    def test_stop_keeps_the_credentials(self, harness, ready):
        ready.stop()
        harness.sink.events.clear()
        harness.engine().start()
        harness.until(lambda: harness.sink.states[-1:] == ["ready"])
        assert "qr_ready" not in harness.sink.states

    def test_what_was_written_meanwhile_comes_after_the_next_start(self, harness, ready):
        ready.stop()
        harness.write("While you were out")
        harness.engine().start()
        harness.until(lambda: bool(harness.sink.messages))
        assert [message.body for message in harness.sink.messages] == ["While you were out"]

    def test_a_killed_engine_comes_back_without_a_code(self, harness, ready):
        ready.kill()
        harness.sink.events.clear()
        harness.engine().start()
        harness.until(lambda: harness.sink.states[-1:] == ["ready"])
        assert "qr_ready" not in harness.sink.states

    def test_a_stopped_engine_can_start_again(self, harness, ready):
        ready.stop()
        ready.start()
        harness.until(lambda: harness.sink.states[-1] == "ready")

    def test_stop_and_kill_may_be_called_at_any_time(self, harness):
        engine = harness.engine()
        engine.stop()
        engine.kill()
        engine.start()
        engine.kill()
        engine.stop()

    def test_a_stopped_engine_is_not_connected(self, harness, ready):
        ready.stop()
        with pytest.raises(base.NotConnected):
            ready.send(outgoing(harness, "Hello"))

    def test_logout_forgets_the_credentials(self, harness, ready):
        ready.logout()
        harness.sink.events.clear()
        harness.engine().start()
        harness.until(lambda: bool(harness.sink.of(base.QrChanged)))
        assert "ready" not in harness.sink.states

    def test_chats_show_what_was_written(self, harness, ready):
        harness.write("Good morning")
        harness.until(lambda: bool(harness.sink.messages))
        found = {chat.id: chat for chat in ready.chats()}
        assert not found[harness.contact].is_group

    def test_typing_is_accepted(self, harness, ready):
        ready.typing(harness.contact, "typing")
        ready.typing(harness.contact, "paused")
