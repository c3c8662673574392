"""The few words and numbers of the configuration that handlers need, and what of them is shown."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from handlers.errors import ReadOnly


class Settings(NamedTuple):
    """`draining` says whether the gateway is shutting down; `shown` is every variable as text, secrets masked."""

    version: str
    data_dir: Path
    pepper: str = ""
    metrics_token: str = ""
    draining: Callable[[], bool] = lambda: False
    shown: Mapping[str, str] = MappingProxyType({})


def get(settings: Settings) -> dict[str, Any]:
    """What the environment has set, in OpenWA's words."""
    shown = settings.shown
    base_url = shown["BASE_URL"] or f"http://localhost:{shown['PORT']}"
    return {
        "general": {
            "apiBaseUrl": base_url.rstrip("/"),
            "autoReconnect": shown["AUTO_START_SESSIONS"] == "true",
            "debugMode": shown["LOG_LEVEL"] == "debug",
        },
        "api": {
            "rateLimit": int(shown["RATE_LIMIT_MEDIUM_LIMIT"]),
            "rateLimitWindow": int(shown["RATE_LIMIT_MEDIUM_TTL"]),
            "enableDocs": True,
        },
        "notifications": {"emailEnabled": False, "notificationEmail": "", "webhookAlerts": True},
    }


def update() -> None:
    """Refuse: nothing is set by request."""
    raise ReadOnly(
        "Settings are derived from environment configuration and are read-only at runtime. "
        "Change the corresponding environment variable and restart the service."
    )
