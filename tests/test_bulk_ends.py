"""Bulk sends: how a batch ends, when it is cancelled and when the gateway is killed."""

import threading
from typing import Any

import pytest

from engines import base
from gateway import retention
from storage import batches, sends
from tests.bulk_stage import AYU, URL, bulk, faults, item, kill, received, run, status, turn, wait
from tests.support import Gateway

# --- cancelling ------------------------------------------------------------------------------------


def test_a_cancelled_batch_takes_back_what_is_queued(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two"), item("three"), batch_id="b")
    turn(ready)
    ready.clock.advance(3)
    ready.program.bulk.turn(ready.clock.now())
    answer = ready.post(f"{URL}/batch/b/cancel")
    wait(ready, 3600)

    assert (200, "cancelled") == (answer.status_code, answer.json["status"])
    assert answer.json["progress"] == {"total": 3, "sent": 1, "failed": 0, "pending": 0, "cancelled": 2}
    assert ("cancelled", ["one"]) == (status(ready)["status"], received(ready))
    assert status(ready)["completedAt"] is not None


def claimed(gateway: Gateway) -> Any:
    """The batch's first item, handed over and not answered yet."""
    bulk(gateway, item("one"), item("two"), batch_id="b")
    now = gateway.clock.now()
    gateway.program.bulk.turn(now)
    with gateway.program.db.write() as tx:
        return sends.claim(tx, sends.Lane(gateway.get("/sessions/my-bot").json["id"], AYU), now)


def test_an_item_that_was_handed_over_before_the_cancellation_is_told_as_it_ends(ready: Gateway) -> None:
    row = claimed(ready)
    answer = ready.post(f"{URL}/batch/b/cancel")
    ready.program.sender.send(row)
    wait(ready, 3600)

    assert (1, 1) == (answer.json["progress"]["pending"], answer.json["progress"]["cancelled"])
    assert ("cancelled", 1, 1) == (
        status(ready)["status"], status(ready)["progress"]["sent"], status(ready)["progress"]["cancelled"]
    )  # fmt: skip
    assert received(ready) == ["one"]


def test_an_item_that_was_handed_over_in_vain_before_the_cancellation_is_not_tried_again(ready: Gateway) -> None:
    row = claimed(ready)
    faults(ready, "not_connected")
    ready.post(f"{URL}/batch/b/cancel")
    ready.program.sender.send(row)
    wait(ready, 3600)

    assert (2, []) == (status(ready)["progress"]["cancelled"], received(ready))


def test_cancellations_and_vain_attempts_at_one_moment_leave_nothing_queued(ready: Gateway) -> None:
    session, now = ready.get("/sessions/my-bot").json["id"], ready.clock.now()
    chats = [f"6281234567{n}@c.us" for n in range(10, 30)]
    for chat in chats:
        bulk(ready, item("one", chat), batch_id=chat.partition("@")[0])
    ready.program.bulk.turn(now)
    with ready.program.db.write() as tx:
        rows = [sends.claim(tx, sends.Lane(session, chat), now) for chat in chats]
    faults(ready, "not_connected", times=len(rows))
    attempts = threading.Thread(target=lambda: [ready.program.sender.send(row) for row in rows if row])
    attempts.start()
    answers = [ready.post(f"{URL}/batch/{chat.partition('@')[0]}/cancel").status_code for chat in chats]
    attempts.join()

    assert [200] * len(chats) == answers
    assert {"cancelled"} == {send["status"] for send in ready.get("/sessions/my-bot/sends").json}


def test_a_cancellation_after_the_last_item_still_counts(ready: Gateway) -> None:
    bulk(ready, item("one"), batch_id="b")
    turn(ready)
    ready.post(f"{URL}/batch/b/cancel")
    turn(ready)

    assert ("cancelled", 1) == (status(ready)["status"], status(ready)["progress"]["sent"])


def test_a_loop_that_read_the_batch_before_the_cancellation_queues_nothing(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk(ready, item("one"), batch_id="b")
    agenda = batches.agenda

    def slowly(*given: Any) -> Any:
        steps = agenda(*given)
        ready.post(f"{URL}/batch/b/cancel")
        return steps

    monkeypatch.setattr(batches, "agenda", slowly)
    turn(ready)

    assert ("cancelled", []) == (status(ready)["status"], ready.get("/sessions/my-bot/sends").json)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_a_batch_that_ended_cannot_be_cancelled(ready: Gateway, end: str) -> None:
    if end == "failed":
        faults(ready, "refused")
    bulk(ready, item("one"), batch_id="b")
    if end == "cancelled":
        ready.post(f"{URL}/batch/b/cancel")
    run(ready)
    answer = ready.post(f"{URL}/batch/b/cancel")

    assert (400, f"Batch 'b' is already {end}") == (answer.status_code, answer.json["message"])


# --- restarts --------------------------------------------------------------------------------------


def test_a_batch_goes_on_after_the_gateway_was_killed(ready: Gateway) -> None:
    bulk(ready, *(item(str(n)) for n in range(4)), batch_id="b")
    turn(ready)
    wait(ready, 3)
    again = kill(ready)
    again.post("/sessions/my-bot/start")
    again.clock.advance(5)
    run(again)

    assert ("completed", 4) == (status(again)["status"], status(again)["progress"]["sent"])
    assert received(again) == ["0", "1", "2", "3"]
    again.program.stop()


def test_an_item_that_was_queued_when_the_gateway_was_killed_is_sent_once(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two"), batch_id="b")
    ready.program.bulk.turn(ready.clock.now())
    again = kill(ready)
    turn(again)
    again.post("/sessions/my-bot/start")
    again.clock.advance(5)
    run(again)

    assert ("completed", ["one", "two"]) == (status(again)["status"], received(again))
    again.program.stop()


def test_an_item_that_was_being_sent_when_the_gateway_was_killed_is_unknown_and_not_repeated(ready: Gateway) -> None:
    row = claimed(ready)
    engine = ready.program.engines.live(row.session_id)
    engine.send(base.Outgoing(row.message_id, row.chat_id, base.Text("one")))
    again = kill(ready)
    again.post("/sessions/my-bot/start")
    again.clock.advance(5)
    run(again)

    assert ("failed", "sent") == tuple(result["status"] for result in status(again)["results"])
    assert ("SEND_UNKNOWN", ["one", "two"]) == (status(again)["results"][0]["error"]["code"], received(again))
    again.program.stop()


def test_no_item_can_be_queued_twice(ready: Gateway) -> None:
    """Two gateways that read the agenda at one moment: the second finds that the batch has moved."""
    bulk(ready, item("one"), item("two"), batch_id="b")
    now = ready.clock.now()
    with ready.program.db.read() as tx:
        (step,) = batches.agenda(tx, 10)
    with ready.program.db.write() as tx:
        first = batches.take(tx, step, 0, now)
    with ready.program.db.write() as tx:
        second = batches.take(tx, step, 0, now)

    assert (True, None) == (first is not None, second)


def test_the_loop_runs_beside_requests(ready: Gateway) -> None:
    """With the program's own threads: taken, sent, completed, without anybody turning a crank."""
    patience = threading.Event()
    ready.program.start()
    bulk(ready, item("one"), batch_id="b")
    for _ in range(200):
        if status(ready)["status"] == "completed":
            break
        patience.wait(0.05)

    assert ("completed", ["one"]) == (status(ready)["status"], received(ready))


def test_sends_and_batches_are_forgotten_in_time_and_their_messages_stay(ready: Gateway) -> None:
    text = {"chatId": AYU, "text": "hi"}
    ready.post(f"{URL}/send-text", json=text)
    bulk(ready, item("one"), batch_id="b")
    run(ready)
    ready.clock.advance(20 * 86_400)
    young = ready.post(f"{URL}/send-text", json=text, headers={"Prefer": "respond-async"}).json["id"]

    retention.turn(ready.program.db, ready.clock.now() + 15 * 86_400_000, 30, 90)

    assert [young] == [one["id"] for one in ready.get("/sessions/my-bot/sends").json]
    assert 404 == ready.get(f"{URL}/batch/b").status_code
    assert 3 == ready.get(URL).json["total"]
