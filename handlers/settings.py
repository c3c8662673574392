"""The few words and numbers of the configuration that handlers need."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Settings(NamedTuple):
    """`draining` says whether the gateway is shutting down."""

    version: str
    data_dir: Path
    pepper: str = ""
    metrics_token: str = ""
    draining: Callable[[], bool] = lambda: False
