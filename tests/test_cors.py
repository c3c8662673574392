"""Pages of other origins: what a browser is told."""

import pytest

from tests.support import Gateway

PAGE = "https://app.example.com"


@pytest.mark.parametrize("settings", [{"CORS_ORIGINS": PAGE}])
def test_a_listed_origin_may_call_and_read_the_limits(gateway: Gateway) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    preflight = gateway.client.options("/api/sessions", headers=asked)
    answer = gateway.get("/sessions", headers={"Origin": PAGE})

    assert (204, PAGE) == (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"])
    assert PAGE == answer.headers["Access-Control-Allow-Origin"]
    assert "X-RateLimit-Remaining" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("settings", [{"CORS_ORIGINS": PAGE}])
def test_another_origin_is_served_without_leave_to_read(gateway: Gateway) -> None:
    answer = gateway.get("/sessions", headers={"Origin": "https://evil.example.com"})

    assert 200 == answer.status_code
    assert "Access-Control-Allow-Origin" not in answer.headers
