"""Whether what the engine needs is installed; needs nothing of it itself."""

import importlib.util


def missing() -> list[str]:
    """What must be installed before this engine can work, by the names one installs it under."""
    return [name for name in ("neonize", "msgspec") if importlib.util.find_spec(name) is None]
