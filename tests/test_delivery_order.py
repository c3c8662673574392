"""Order within a chat, retries, and what is written down of them."""

import pytest

from gateway.retries import MINUTE, SECOND
from storage import webhooks
from tests.delivery_stage import DAY, Stage, refusing
from tests.receiver import answer, close


def test_a_chat_arrives_in_order(stage: Stage) -> None:
    stage.hook()
    stage.happen(*["1@c.us", "2@c.us", "3@c.us"] * 40)

    stage.turn()

    by_chat = {chat: [n for n in stage.got() if n % 3 == chat] for chat in range(3)}
    assert by_chat == {chat: sorted(numbers) for chat, numbers in by_chat.items()}
    assert len(stage.got()) == 120


def test_a_chat_waits_for_its_failing_delivery_and_the_others_do_not(stage: Stage) -> None:
    stage.hook()
    stage.receiver.behaviour = refusing(1)
    stage.happen("1@c.us", "1@c.us", "2@c.us")

    stage.turn()

    assert sorted(stage.got()) == [1, 3]


def test_a_delivery_that_fails_too_often_is_set_aside(stage: Stage) -> None:
    """Three quick retries after 5, 10 and 20 seconds, then the chat goes on without it; then ever more rarely."""
    hook = stage.hook()
    stage.receiver.behaviour = refusing(1)
    stage.happen("1@c.us", "1@c.us")

    waited = [stage.turn(seconds * SECOND) for seconds in (0, 4, 1, 9, 1, 19, 1)]

    assert (waited, stage.got()) == ([1, 0, 1, 0, 1, 0, 2], [1, 1, 1, 1, 2])
    assert [stage.turn(5 * MINUTE - 1), stage.turn(1), stage.turn(10 * MINUTE - 1), stage.turn(1)] == [0, 1, 0, 1]
    assert stage.state(hook) == ["pending", "done"]


def test_retry_count_zero_never_holds_a_chat_up(stage: Stage) -> None:
    stage.hook(retry_count=0)
    stage.receiver.behaviour = refusing(1)
    stage.happen("1@c.us", "1@c.us")

    stage.turn()

    assert stage.got() == [1, 2]


def test_a_set_aside_delivery_still_arrives(stage: Stage) -> None:
    hook = stage.hook(retry_count=0)
    stage.receiver.behaviour = answer(500)
    stage.happen("1@c.us")
    stage.turn()
    stage.receiver.behaviour = answer()

    stage.turn(5 * MINUTE)

    assert stage.state(hook) == ["done"]


def test_every_attempt_is_recorded(stage: Stage) -> None:
    hook = stage.hook()
    stage.happen("1@c.us")
    for behaviour in (answer(500, b"no\0t now"), close, answer(200, b"fine")):
        stage.receiver.behaviour = behaviour
        stage.turn(MINUTE)

    told = [(one.status_code, one.error, one.response) for one in stage.attempts(hook)]
    assert told == [
        (500, None, "no\N{REPLACEMENT CHARACTER}t now"),
        (None, "The connection was closed without an answer", None),
        (200, None, "fine"),
    ]


def test_a_delivery_whose_success_could_not_be_written_is_not_posted_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = stage.hook()
    stage.happen("1@c.us")
    with monkeypatch.context() as broken:
        broken.setattr("gateway.settling.settle", _fail)
        with pytest.raises(RuntimeError):
            stage.turn()

    stage.turn(DAY)
    stage.turn(DAY)

    assert (stage.got(), stage.state(hook)) == ([1], ["done"])


def test_what_a_dead_process_held_is_taken_up(stage: Stage) -> None:
    stage.hook()
    stage.happen("1@c.us", "1@c.us")
    stage.delivery._step(stage.now)  # noqa: SLF001 - a process that dies right after claiming
    other = stage.loop()
    assert other.turn(stage.now) == 0

    other.start()
    stage.receiver.wait("/hook", 2)
    other.stop(1)

    assert stage.got() == [1, 2]


def test_a_lease_that_ran_out_is_taken_up_without_a_restart(stage: Stage) -> None:
    stage.hook()
    stage.happen("1@c.us")
    stage.delivery._step(stage.now)  # noqa: SLF001

    stage.now += MINUTE
    assert stage.loop().turn(stage.now) == 1


def test_ended_deliveries_are_forgotten_in_time(stage: Stage) -> None:
    hook = stage.hook()
    stage.happen("1@c.us")
    stage.turn()

    stage.turn(14 * DAY)
    assert stage.state(hook) == ["done"]
    stage.turn(2 * MINUTE)
    assert stage.state(hook) == []


def test_a_webhook_deleted_meanwhile_takes_its_deliveries_along(stage: Stage) -> None:
    hook = stage.hook()
    stage.happen("1@c.us")
    done = [stage.delivery._work(run) for run in stage.delivery._step(stage.now)]  # noqa: SLF001
    with stage.db.write() as tx:
        webhooks.remove(tx, stage.session, hook)

    stage.delivery._done.extend(done)  # noqa: SLF001

    assert stage.turn() == 0


def _fail(*_: object) -> None:
    raise RuntimeError("the database is away")
