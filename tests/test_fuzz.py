"""What the fuzz says of what it did: with what, how much, and how to see each finding again."""

import re

import pytest

from tools import fuzz
from tools.fuzz import Round, Seen, _documented, _tell

ALL = set(_documented())
ROUND = Round(7, "postgres", examples=3)


def seen(
    *,
    tried: set[str] = frozenset(ALL),
    failed: set[str] = frozenset(),
    succeeded: set[str] = frozenset(ALL),
    faults: tuple[str, ...] = (),
) -> Seen:
    return Seen("report\n\nTest Phases:\n", 42, {*tried}, {*succeeded}, {*failed}, [*faults], crashed=False)


def test_a_round_without_findings_tells_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == _tell([ROUND], [seen()], 9.0)
    told = capsys.readouterr().out
    count = len(ALL)
    assert f"seeds 7 (postgres); 42 requests, {count} of {count} operations; {count} passed, 0 failed in 9 s" in told
    assert "Operations that were not tried: none" in told


def test_a_finding_is_told_with_the_command_that_shows_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == _tell([ROUND], [seen(failed={"POST /sessions"})], 9.0)
    told = re.findall(r"To see (.*) again: (.*)", capsys.readouterr().out)
    command = "python -m tools.fuzz --seed 7 --database postgres --examples 3 --operation sessions.create"
    assert [("POST /sessions", command)] == told


def test_an_error_that_the_gateway_logged_is_a_finding_whatever_it_answered() -> None:
    assert 1 == _tell([ROUND], [seen(faults=("an exception",))], 9.0)


def test_operations_that_only_answer_refusals_are_a_finding_where_chance_is_no_excuse(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An empty import once took the place of all data with the fifth request, and the fuzz met nothing but 404."""
    some = sorted(ALL)
    assert [0, 4] == [_tell([ROUND], [seen(succeeded=ALL - {*some[:count]})], 9.0) for count in (3, 4)]
    assert f"never did: {_documented()[some[0]]}" in capsys.readouterr().out


def test_an_operation_that_nothing_tried_is_a_finding_unless_time_ran_out(capsys: pytest.CaptureFixture[str]) -> None:
    rest = ALL - {"POST /sessions"}
    assert [1, 0] == [_tell([one], [seen(tried=rest)], 9.0) for one in (ROUND, ROUND._replace(minutes=1))]
    assert "Operations that were not tried: POST /sessions" in capsys.readouterr().out


def rounds(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[Round]:
    """With what schemathesis would be let loose."""
    begun: list[Round] = []
    monkeypatch.setattr(fuzz, "run", lambda one: begun.append(one) or seen())
    assert 0 == fuzz.main([*arguments])
    return begun


def test_it_runs_every_phase_over_every_operation_with_a_fixed_seed_and_with_fresh_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = rounds(monkeypatch), rounds(monkeypatch)
    fixed = [one for one in first if one.database == "sqlite"]
    assert ({1}, fixed) == ({one.seed for one in fixed}, [one for one in second if one.database == "sqlite"])
    for phase in ("examples", "coverage", "stateful"):
        parts = [one.part for one in fixed if phase in one.phases]
        assert {1} == {sum(bool(re.search(part, name)) for part in parts) for name in _documented().values()}, phase
    (fresh,), (other,) = ([one for one in run if one.database == "postgres"] for run in (first, second))
    assert ("fuzzing,stateful", "", True) == (fresh.phases, fresh.part, fresh.seed != other.seed)


def test_it_goes_on_for_as_long_as_asked_and_says_how_to_do_so_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = rounds(monkeypatch, "--minutes", "30", "--seed", "5")
    assert (30, "examples,coverage,fuzzing,stateful", "") == (one.minutes, one.phases, one.part)
    assert "python -m tools.fuzz --seed 5 --database sqlite --examples 10 --minutes 30" == one.again()
