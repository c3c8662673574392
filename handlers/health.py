"""Is the gateway there, alive, ready."""

from typing import Any

import storage
from handlers.shapes import moment
from handlers.settings import Settings
from storage.db import Database
from storage.migrate import version


def check(now: int, settings: Settings) -> dict[str, Any]:
    """Say that the gateway answers, when, and which release it is."""
    return {"status": "ok", "timestamp": moment(now), "version": settings.version}


def live() -> dict[str, str]:
    """Say that the process answers; true even while draining."""
    return {"status": "ok"}


def ready(db: Database, settings: Settings) -> tuple[dict[str, Any], int]:
    """Say whether requests would succeed: the database answers and the gateway is not shutting down."""
    if settings.draining():
        return {"status": "error", "details": {"shutdown": {"status": "draining"}}}, 503
    try:
        version(db)
    except storage.Unavailable:
        return {
            "status": "error",
            "details": {"mainDatabase": {"status": "down"}, "dataDatabase": {"status": "down"}},
        }, 503
    return {"status": "ok", "details": {"mainDatabase": {"status": "up"}, "dataDatabase": {"status": "up"}}}, 200
