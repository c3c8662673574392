"""Settings: read by admins, never changed by a request."""

import pytest

from tests.support import Gateway

READ_ONLY = (
    "Settings are derived from environment configuration and are read-only at runtime. "
    "Change the corresponding environment variable and restart the service."
)


@pytest.fixture
def settings() -> dict[str, str]:
    return {"BASE_URL": "https://wa.example.com/", "LOG_LEVEL": "debug", "RATE_LIMIT_MEDIUM_TTL": "30000"}


def test_settings_tell_what_the_environment_has_set(gateway: Gateway) -> None:
    assert {
        "general": {"apiBaseUrl": "https://wa.example.com", "autoReconnect": False, "debugMode": True},
        "api": {"rateLimit": 1_000_000, "rateLimitWindow": 30_000, "enableDocs": True},
        "notifications": {"emailEnabled": False, "notificationEmail": "", "webhookAlerts": True},
    } == gateway.get("/settings").json


@pytest.mark.parametrize("body", [{}, {"json": {"general": {"debugMode": False}}}, {"data": b"{"}])
def test_no_request_changes_settings(gateway: Gateway, body: dict) -> None:
    answer = gateway.put("/settings", **body)
    assert {"statusCode": 501, "message": READ_ONLY, "error": "Not Implemented"} == answer.json


def test_only_admins_see_settings(gateway: Gateway) -> None:
    operator = gateway.key("operator")
    assert [403, 403] == [gateway.call(how, "/settings", key=operator).status_code for how in ("GET", "PUT")]
