"""Whether what the engine needs is installed; needs nothing of it itself."""

import ctypes.util
import importlib.util


def missing() -> list[str]:
    """What must be installed before this engine can work, by the names one installs it under."""
    absent = [name for name in ("neonize", "msgspec") if importlib.util.find_spec(name) is None]
    magic = ctypes.util.find_library("magic") or importlib.util.find_spec("pylibmagic")
    return absent if magic else [*absent, "libmagic"]
