"""Health, without a key: is it there, alive, ready."""

from gateway import __version__
from tests.support import Gateway

UP = {"status": "ok", "details": {"mainDatabase": {"status": "up"}, "dataDatabase": {"status": "up"}}}
DOWN = {"status": "error", "details": {"mainDatabase": {"status": "down"}, "dataDatabase": {"status": "down"}}}
DRAINING = {"status": "error", "details": {"shutdown": {"status": "draining"}}}


def test_health_tells_the_time_and_the_release(gateway: Gateway) -> None:
    told = {"status": "ok", "timestamp": "2027-01-15T08:00:00.000Z", "version": __version__}
    assert told == gateway.get("/health", key=None).json


def test_health_moves_with_the_clock(gateway: Gateway) -> None:
    gateway.clock.advance(1.5)
    assert "2027-01-15T08:00:01.500Z" == gateway.get("/health", key=None).json["timestamp"]


def test_a_live_process_says_so(gateway: Gateway) -> None:
    assert {"status": "ok"} == gateway.get("/health/live", key=None).json


def test_a_ready_gateway_says_that_its_database_is_up(gateway: Gateway) -> None:
    answer = gateway.get("/health/ready", key=None)
    assert (200, UP) == (answer.status_code, answer.json)


def test_a_gateway_that_shuts_down_is_not_ready(gateway: Gateway) -> None:
    gateway.program.draining = True
    answer = gateway.get("/health/ready", key=None)
    assert (503, DRAINING) == (answer.status_code, answer.json)


def test_health_takes_no_parameters(gateway: Gateway) -> None:
    assert {400} == {gateway.get(f"/health{path}?x=1").status_code for path in ("", "/live", "/ready")}
