"""Trying again what may have failed only because the library was about to end."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_T = TypeVar("_T")


def patiently(work: Callable[[], _T], what: str, pause: float = 2.5) -> _T | None:
    """What `work` gives, None where it fails three times; a worker that ends is gone within the pause."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause)
        try:
            return work()
        except Exception:
            log.exception("%s could not be understood", what)
    return None
