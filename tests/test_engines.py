"""The contract of `tests/engine_contract.py`, over every engine there is."""

from collections.abc import Callable

import pytest

from engines import base
from engines.simulator import Draft, ManualClock, Simulator, World
from tests.engine_contract import EngineContract, Recorder


class SimulatorHarness:
    """A simulated session whose time the test moves."""

    contact = "447700900006@c.us"
    nobody = "447700900099"

    def __init__(self, directory) -> None:
        self.clock = ManualClock()
        self.world = World(directory / "world", clock=self.clock)
        self.sink = Recorder()
        self._account = base.Account("0b7c5d5e-session", "main", str(directory / "session"))

    def engine(self) -> base.Engine:
        return Simulator(self._account, self.sink, self.world, link_after=None)

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100):
            self.clock.advance(0.1)
            if condition():
                return
        pytest.fail("it did not happen within ten seconds")

    def scan(self) -> None:
        self.world.control.scan(self._account.session_id)

    def enter_code(self, code: str) -> None:
        assert code
        self.scan()

    def write(self, body: str) -> None:
        self.world.control.write(self._account.session_id, self.contact, Draft("text", body))

    def lose_connection(self) -> None:
        self.world.control.drop(self._account.session_id, 1.0)


class TestSimulator(EngineContract):
    @pytest.fixture
    def harness(self, tmp_path):
        harness = SimulatorHarness(tmp_path)
        yield harness
        harness.world.close()
