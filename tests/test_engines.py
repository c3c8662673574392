"""The contract of `tests/engine_contract.py`, over every engine there is."""

import threading
from collections.abc import Callable

import pytest

from engines import base
from engines.simulator import Draft, ManualClock, Pace, Simulator, World
from engines.simulator.people import Behaviour, Person
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


class RealTimeHarness(SimulatorHarness):
    """The same by the clock on the wall and in threads; it waits for events, not for time."""

    contact = "447700900050@c.us"

    def __init__(self, directory) -> None:
        self.world = World(directory / "world")
        self.world.add_person(Person(self.contact, "Quick", Behaviour("quick", 0.01, 0.01), listed=True))
        self.changed = threading.Condition()
        self.sink = Telling(self.changed)
        self._account = base.Account("0b7c5d5e-session", "main", str(directory / "session"))

    def engine(self) -> base.Engine:
        pace = Pace(connect=0.001, authenticate=0.001)
        return Simulator(self._account, self.sink, self.world, link_after=None, pace=pace)

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 10), "it did not happen within ten seconds"

    def lose_connection(self) -> None:
        self.world.control.drop(self._account.session_id, 0.01)


class Telling(Recorder):
    """A sink that tells when it was called."""

    def __init__(self, changed: threading.Condition) -> None:
        super().__init__()
        self._changed = changed

    def __call__(self, events) -> None:
        with self._changed:
            self._changed.notify_all()
            super().__call__(events)


class TestSimulator(EngineContract):
    @pytest.fixture
    def harness(self, tmp_path):
        harness = SimulatorHarness(tmp_path)
        yield harness
        harness.world.close()


class TestSimulatorInRealTime(EngineContract):
    @pytest.fixture
    def harness(self, tmp_path):
        harness = RealTimeHarness(tmp_path)
        yield harness
        harness.world.close()
