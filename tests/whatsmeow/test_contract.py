"""The contract of every engine, kept by the real one."""

import pytest

from tests.whatsmeow.kit import Line, Sink, address, eventually, housed  # first: it skips where neonize is missing

# isort: split
from engines import base
from tests.engine_contract import EngineContract
from tests.whatsapp.schema import history


@pytest.fixture(scope="module", params=[1, 100], ids=["alone", "together"])
def workers(request, double, tmp_path_factory):
    """One worker process for each session, then one for all sessions of this module."""
    with housed(double, tmp_path_factory.mktemp("house"), request.param) as made:
        yield made


class Harness:
    """The double plays WhatsApp's part."""

    nobody = "15559999999"

    def __init__(self, line: Line) -> None:
        self.line, self.sink = line, Sink()
        line.sink = self.sink
        self.friend = line.double.contact("Friend")
        self.contact = address(self.friend)

    def engine(self) -> base.Engine:
        return self.line.make()

    def until(self, condition) -> None:
        eventually(condition, self.sink)
        self._read_everything()

    def _read_everything(self) -> None:
        while not self.friend.messages.empty():
            self.line.double.run(self.friend.read(self.friend.messages.get()))

    def scan(self) -> None:
        self.line.scan()

    def enter_code(self, code: str) -> None:
        self.line.double.run(self.line.phone.type_code(code))

    def write(self, body: str) -> None:
        self.line.double.run(self.friend.say(self.line.phone.account, body))

    def lose_connection(self) -> None:
        connection = self.line.phone.device.connection
        self.line.double.run(connection.close())


class TestWhatsmeow(EngineContract):
    @pytest.fixture
    def harness(self, line):
        return Harness(line)

    def test_ready_tells_whose_account_it_is(self, harness, ready):
        """The number at once; the name when the phone has told it."""
        assert ready.qr is not None
        assert harness.sink.state.phone == harness.line.phone.account.phone.user
        own = harness.line.phone.account.phone
        told = history.HistorySync(syncType=history.HistorySync.PUSH_NAME, progress=100)
        told.pushnames.add(ID=str(own), pushname="Alice")
        harness.line.double.run(harness.line.phone.share_history(told))
        harness.until(lambda: harness.sink.state.push_name == "Alice")

    def test_a_text_is_delivered_then_read(self, harness, ready):
        sent = ready.send(base.Outgoing("key-1", harness.contact, base.Text("Hello")))
        harness.line.double.run(harness.friend.read(harness.friend.next()))
        eventually(lambda: "read" in harness.sink.receipts(sent), harness.sink)
        assert harness.sink.receipts(sent) == ["delivered", "read"]
