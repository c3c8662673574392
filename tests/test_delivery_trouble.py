"""Endpoints that fail, hang, send elsewhere or want no more; the others go on as if they were alone."""

import pytest

from gateway.retries import HOUR, MINUTE, SECOND
from tests.delivery_stage import DAY, Stage
from tests.receiver import answer, close, hang


@pytest.mark.parametrize("trouble", [hang, close, answer(429), answer(503), answer(502)])
def test_an_endpoint_that_does_not_answer_is_probed_by_one_delivery_at_a_time(stage: Stage, trouble) -> None:
    hook = stage.hook()
    stage.receiver.behaviour = trouble
    stage.happen(*[f"{n}@c.us" for n in range(50)])
    tried = stage.turn()

    probes = [stage.turn(10 * MINUTE) for _ in range(3)]

    assert tried <= 2
    assert probes == [1, 1, 1]
    stage.receiver.behaviour = answer()
    stage.receiver.released.set()
    stage.turn(10 * MINUTE)
    assert set(stage.state(hook)) == {"done"}


def test_an_hour_of_500_loses_nothing_and_recovers_at_once(stage: Stage) -> None:
    hook = stage.hook()
    stage.receiver.behaviour = answer(500)
    for n in range(60):
        stage.happen(f"{n % 7}@c.us")
        stage.turn(MINUTE)
    tried = len(stage.receiver.received)
    stage.receiver.behaviour = answer()

    stage.turn(10 * MINUTE)

    assert set(stage.state(hook)) == {"done"}
    assert tried < 60
    assert {len(set(numbers)) for numbers in [stage.got()]} == {60}
    assert (stage.row(hook).failures, stage.row(hook).failing_since) == (0, None)


def test_retry_after_is_honoured_up_to_an_hour(stage: Stage) -> None:
    stage.hook()
    stage.receiver.behaviour = answer(429, Retry_After="120")
    stage.happen("1@c.us")
    stage.turn()

    assert [stage.turn(119 * SECOND), stage.turn(2 * SECOND)] == [0, 1]

    stage.receiver.behaviour = answer(503, Retry_After="86400")
    stage.turn(HOUR)
    assert [stage.turn(HOUR - SECOND), stage.turn(2 * SECOND)] == [0, 1]


def test_retry_after_may_be_a_date(stage: Stage) -> None:
    stage.hook()
    stage.receiver.behaviour = answer(429, Retry_After="Fri, 15 Jan 2027 08:10:00 GMT")
    stage.happen("1@c.us")
    stage.turn()

    assert [stage.turn(10 * MINUTE - SECOND), stage.turn(2 * SECOND)] == [0, 1]


def test_a_redirect_is_a_failure_and_leads_nowhere(stage: Stage) -> None:
    hook = stage.hook()
    stage.receiver.paths["/hook"] = answer(307, b"", Location=stage.receiver.url + "/inside")
    stage.happen("1@c.us")

    stage.turn()

    assert (stage.got("/inside"), [one.status_code for one in stage.attempts(hook)]) == ([], [307])


def test_an_answer_of_20_megabytes_is_taken_for_what_it_is(stage: Stage) -> None:
    hook = stage.hook()
    stage.receiver.behaviour = answer(200, b"x" * 20_000_000)
    stage.happen("1@c.us", "1@c.us")

    stage.turn()

    assert (stage.state(hook), len(stage.attempts(hook)[0].response)) == (["done", "done"], 512)


def test_410_disables_at_once_and_says_so(stage: Stage) -> None:
    hook = stage.hook()
    stage.hook("/other", events=["webhook.disabled"])
    stage.receiver.paths["/hook"] = answer(410)
    stage.happen("1@c.us", "2@c.us", "3@c.us")

    stage.turn()

    row = stage.row(hook)
    assert (row.active, row.disabled_reason, stage.state(hook).count("dead")) == (False, "gone", len(stage.got()))
    said = stage.receiver.at("/other")[0].json
    assert (said["event"], said["data"]["webhookId"], said["data"]["reason"]) == ("webhook.disabled", hook, "gone")


def test_an_endpoint_that_fails_for_five_days_is_disabled(stage: Stage) -> None:
    hook = stage.hook()
    stage.receiver.behaviour = answer(500)
    active = []
    for _ in range(6):
        stage.happen("1@c.us")
        stage.turn(DAY)
        active.append(stage.row(hook).active)

    assert (active, stage.row(hook).disabled_reason) == ([True] * 5 + [False], "failing")
    assert stage.turn(DAY) == 0


def test_a_success_starts_the_five_days_anew(stage: Stage) -> None:
    hook = stage.hook()
    for status in (500, 500, 500, 200, 500, 500, 500):
        stage.receiver.behaviour = answer(status)
        stage.happen("1@c.us")
        stage.turn(DAY)

    assert stage.row(hook).active


def test_what_is_not_taken_for_three_days_is_dead(stage: Stage) -> None:
    hook = stage.hook()
    stage.receiver.behaviour = answer(400)
    stage.happen("1@c.us")
    for _ in range(73):
        stage.turn(HOUR)

    assert stage.state(hook) == ["dead"]
    assert 15 < len(stage.attempts(hook)) < 40


def test_what_waits_behind_a_dead_endpoint_for_three_days_is_dead_too(stage: Stage) -> None:
    hook = stage.hook()
    stage.receiver.behaviour = close
    stage.happen(*["1@c.us"] * 20)

    for _ in range(4):
        stage.turn(DAY)

    assert set(stage.state(hook)) == {"dead"}


def test_nine_endpoints_are_served_while_the_tenth_hangs(stage: Stage) -> None:
    """With threads and real time: every live one has everything before the hanging one has answered anything."""
    stage.delivery = stage.loop(timeout=30.0, workers=4)
    stage.hook("/dead")
    stage.receiver.paths["/dead"] = hang
    for n in range(9):
        stage.hook(f"/{n}")
    stage.happen(*[f"{n}@c.us" for n in range(20)])
    stage.delivery.start()
    stage.delivery.wake()

    for n in range(9):
        stage.receiver.wait(f"/{n}", 20)

    assert not stage.receiver.released.is_set()
    assert len(stage.receiver.at("/dead")) <= 2


def test_a_dead_endpoint_costs_the_others_no_attempt(stage: Stage) -> None:
    live = [stage.hook(f"/{n}") for n in range(9)]
    stage.hook("/dead")
    stage.receiver.paths["/dead"] = close
    for _ in range(10):
        stage.happen("1@c.us")
        stage.turn(SECOND)

    assert [stage.got(f"/{n}") for n in range(9)] == [list(range(1, 11))] * 9
    assert {len(stage.attempts(hook, which)) for hook in live for which in range(10)} == {1}
