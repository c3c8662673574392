"""The engine package's message schemas, loaded without loading the engine itself into the test process."""

import importlib.util
import sys
from pathlib import Path


def package() -> Path:
    """Where the installed engine package is. Raises ModuleNotFoundError."""
    spec = importlib.util.find_spec("neonize")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("neonize is not installed")
    return Path(spec.submodule_search_locations[0])


sys.path.append(str(package() / "proto"))

from waCommon import WACommon_pb2 as common  # noqa: E402 - the path above leads there
from waE2E import WAWebProtobufsE2E_pb2 as e2e  # noqa: E402
from waHistorySync import WAWebProtobufsHistorySync_pb2 as history  # noqa: E402
from waWeb import WAWebProtobufsWeb_pb2 as web  # noqa: E402

__all__ = ["common", "e2e", "history", "web"]
