"""How the network reaches into a running engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Terminal = Literal["logged_out", "banned", "outdated", "replaced"]
TERMINAL: tuple[Terminal, ...] = ("logged_out", "banned", "outdated", "replaced")


@dataclass(slots=True)
class Handles:
    """What an admin can do to a session's connection."""

    scan: Callable[[], None]
    drop: Callable[[float], None]
    end: Callable[[Terminal], None]
