"""The rate limiter: windows that slide, counted together, by a clock that is an argument."""

import pytest

from gateway import limiter
from gateway.limiter import Limiter, Window
from tests.support import together

SECOND = 1_000
START = 1_800_000_000_000
DEFAULT = [Window(10, SECOND), Window(100, 60 * SECOND), Window(1000, 3600 * SECOND)]


def passed(windows: Limiter, times: int, now: int, client: str = "a") -> int:
    """How many of so many requests at `now` pass."""
    return sum(windows.admit(client, now).retry_after == 0 for _ in range(times))


def test_a_window_takes_its_limit_and_no_more() -> None:
    assert 10 == passed(Limiter(DEFAULT), 50, START)


@pytest.mark.parametrize("into", [0, 1, 500, 999])
def test_a_burst_at_a_boundary_does_not_double_the_limit(into: int) -> None:
    """Ten just before the boundary: just after it, what is left of their second still counts."""
    windows = Limiter([Window(10, SECOND)])
    passed(windows, 10, START + 999)
    assert 10 * into // 1000 == passed(windows, 10, START + 1000 + into)


def test_after_two_windows_everything_is_forgotten() -> None:
    windows = Limiter([Window(10, SECOND)])
    passed(windows, 10, START)
    assert 10 == passed(windows, 50, START + 2 * SECOND)


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("into", [0, 1, 333, 999])
def test_who_waits_as_long_as_told_passes(limit: int, into: int) -> None:
    windows = Limiter([Window(limit, SECOND), Window(10 * limit, 60 * SECOND)])
    now = START + into
    for _ in range(5):
        passed(windows, limit, now)
        now += windows.admit("a", now).retry_after * SECOND
        assert 0 == windows.admit("a", now).retry_after


def test_who_waits_less_than_told_does_not_pass_a_long_window() -> None:
    windows = Limiter([Window(1, 60 * SECOND)])
    windows.admit("a", START)
    wait = windows.admit("a", START).retry_after
    assert 0 < windows.admit("a", START + (wait - 1) * SECOND).retry_after


def test_a_refused_request_counts_in_no_window() -> None:
    windows = Limiter([Window(1, SECOND), Window(3, 60 * SECOND)])
    passed(windows, 100, START)
    assert [1, 1, 0] == [passed(windows, 100, START + n * 2 * SECOND) for n in (1, 2, 3)]


def test_the_figures_are_those_of_the_tightest_window() -> None:
    windows = Limiter([Window(10, SECOND), Window(2, 60 * SECOND)])
    assert [(2, 1), (2, 0), (2, 0)] == [windows.admit("a", START)[:2] for _ in range(3)]


def test_the_reset_is_when_the_window_ends() -> None:
    windows = Limiter([Window(10, 60 * SECOND)])
    assert [60, 30, 1] == [windows.admit("a", START + n).reset for n in (0, 30_000, 59_999)]


def test_clients_do_not_share_a_window() -> None:
    windows = Limiter([Window(1, SECOND)])
    assert [1, 1] == [passed(windows, 5, START, "a"), passed(windows, 5, START, "b")]


def test_many_addresses_do_not_grow_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "_MOST_CLIENTS", 100)
    windows = Limiter(DEFAULT)
    for n in range(10_000):
        windows.admit(str(n), START)
    assert 100 >= len(windows._clients)  # noqa: SLF001 - what it remembers is what this is about


def test_threads_do_not_slip_past_the_limit() -> None:
    windows = Limiter([Window(100, SECOND)])
    assert 100 == sum(together(*[lambda: passed(windows, 50, START)] * 8))


def test_a_clock_that_goes_back_breaks_nothing() -> None:
    windows = Limiter(DEFAULT)
    passed(windows, 10, START)
    assert 0 <= windows.admit("a", START - 10 * SECOND).remaining
