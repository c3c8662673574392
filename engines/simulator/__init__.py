"""The simulator: an engine without WhatsApp, for the first minute, for development and for tests.

`World` is the virtual network that all sessions of a process share, `Simulator` one session in it.
"""

from engines.simulator.clock import Clock, ManualClock, RealClock
from engines.simulator.control import Control
from engines.simulator.drafts import Draft
from engines.simulator.engine import Simulator
from engines.simulator.life import Pace
from engines.simulator.world import World

__all__ = ["Clock", "Control", "Draft", "ManualClock", "Pace", "RealClock", "Simulator", "World"]
