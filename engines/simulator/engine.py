"""The simulator engine: a session that links by itself and talks to the virtual world."""

from engines.simulator.chats import Chats
from engines.simulator.messages import Messages


class Simulator(Messages, Chats):
    """One session with everything a session can do; constructed as `Life` is."""
