"""A virtual world whose time the test moves, with the sessions in it."""

from engines import base
from engines.simulator import ManualClock, Simulator, World
from tests.engine_contract import Recorder

ECHO = "447700900001@c.us"
SLOW = "447700900002@c.us"
BLOCKING = "447700900003@c.us"
SILENT = "447700900005@c.us"
ADA = "447700900006@c.us"
ALAN = "447700900007@c.us"
LINUS = "447700900010@c.us"
HIDDEN = "447700900013@c.us"
ABSENT = "447700900099@c.us"


class Stage:
    """A world with a hand-moved clock; `session` links and connects one."""

    def __init__(self, directory) -> None:
        self.directory = directory
        self.clock = ManualClock()
        self.world = World(directory / "world", clock=self.clock)
        self.sinks: dict[str, Recorder] = {}

    @property
    def control(self):
        return self.world.control

    def session(self, name: str = "one", link_after: float | None = 0) -> Simulator:
        sink = self.sinks.setdefault(name, Recorder())
        account = base.Account(name, name, str(self.directory / name))
        engine = Simulator(account, sink, self.world, link_after=link_after)
        engine.start()
        self.clock.advance(0 if link_after == 0 else 0.1)
        return engine

    def address(self, name: str) -> str:
        """The phone address of a session that is linked."""
        return self.world.account(name).address

    def restart(self) -> None:
        """The process was killed: nothing of it is left but its files."""
        self.world.close()
        self.clock = ManualClock(self.clock.now())
        self.world = World(self.directory / "world", clock=self.clock)


def text(chat: str, body: str = "Hello", key: str = "key-1") -> base.Outgoing:
    return base.Outgoing(key, chat, base.Text(body))
