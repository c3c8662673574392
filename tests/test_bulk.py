"""Bulk sends: taken at once, sent one after the other, each message once whatever happens."""

import pytest

from gateway.bulk import Bulk
from storage import batches
from tests.bulk_stage import AYU, BIMA, URL, bulk, faults, item, only_send, received, run, status, turn, wait
from tests.support import Gateway, document

# --- progress --------------------------------------------------------------------------------------


def test_a_batch_is_taken_at_once(ready: Gateway) -> None:
    answer = bulk(ready, item("one"), item("two"), delayBetweenMessages=5000)
    session = ready.get("/sessions/my-bot").json["id"]

    assert (202, "pending", 2) == (answer.status_code, answer.json["status"], answer.json["totalMessages"])
    assert answer.json["statusUrl"] == f"/api/sessions/{session}/messages/batch/{answer.json['batchId']}"
    assert answer.json["estimatedCompletionTime"] == "2027-01-15T08:00:10.000Z"
    assert received(ready) == []


def test_a_batch_without_an_id_gets_one(ready: Gateway) -> None:
    batch_id = bulk(ready, item("one")).json["batchId"]

    prefix, _, digits = batch_id.partition("_")
    assert ("batch", 8) == (prefix, len(digits))
    assert int(digits, 16) >= 0


def test_progress_is_told_item_by_item(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two", BIMA), batch_id="b")
    before = status(ready)
    turn(ready)
    midway = status(ready)
    run(ready)
    after = status(ready)

    assert ("pending", None, 2) == (before["status"], before["startedAt"], before["progress"]["pending"])
    assert ("processing", None, 1, 1) == (
        midway["status"], midway["completedAt"], midway["progress"]["sent"], midway["progress"]["pending"]
    )  # fmt: skip
    assert ("completed", 2) == (after["status"], after["progress"]["sent"])
    assert after["completedAt"] is not None
    assert [AYU, BIMA] == [result["chatId"] for result in after["results"]]
    assert (["one"], ["two"]) == (received(ready), received(ready, BIMA))


def test_a_result_names_the_message_that_came_of_it(ready: Gateway) -> None:
    bulk(ready, item("one"), batch_id="b")
    run(ready)

    message = ready.get("/sessions/my-bot/messages").json["messages"][0]
    expected = {"chatId": AYU, "status": "sent", "messageId": message["waMessageId"]}
    assert status(ready)["results"] == [{**expected, "sentAt": status(ready)["startedAt"]}]
    assert message["from"] == ready.get("/sessions/my-bot").json["phone"] + "@c.us"


def test_a_pause_follows_each_item_but_the_last(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two"), batch_id="b", delayBetweenMessages=5000)
    turn(ready)
    wait(ready, 4.999)
    early = received(ready)
    wait(ready, 0.001)
    turn(ready)

    assert (["one"], ["one", "two"]) == (early, received(ready))
    assert status(ready)["status"] == "completed"


def test_a_pause_begins_when_the_item_before_has_ended(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two"), batch_id="b", delayBetweenMessages=5000)
    ready.program.bulk.turn(ready.clock.now())
    ready.clock.advance(60)
    turn(ready)
    turn(ready)
    early = received(ready)
    wait(ready, 5)

    assert (["one"], ["one", "two"]) == (early, received(ready))


def test_a_random_part_is_added_to_each_pause(ready: Gateway) -> None:
    asked: list[tuple[int, int]] = []

    def jitter(least: int, most: int) -> int:
        asked.append((least, most))
        return 1500

    loop = Bulk(ready.program.db, ready.clock.now, jitter=jitter)
    bulk(ready, item("one"), item("two"), batch_id="b", delayBetweenMessages=1000, randomizeDelay=True)
    turn(ready, loop)

    assert loop.turn(ready.clock.now()) == ready.clock.now() + 2500
    assert asked == [(0, 2000)]


def test_the_defaults_are_those_of_the_document(ready: Gateway) -> None:
    ready.post(f"{URL}/send-bulk", json={"batchId": "b", "messages": [item("one")]})
    properties = document()["components"]["schemas"]["BulkOptions"]["properties"]

    with ready.program.db.read() as tx:
        row = batches.get(tx, ready.get("/sessions/my-bot").json["id"], "b")
    assert [p["default"] for p in properties.values()] == [row.delay, row.randomize, row.stop_on_error]


def test_items_keep_their_place_among_other_sends_to_their_chat(gateway: Gateway) -> None:
    gateway.session(ready=True)
    gateway.world.control.drop(gateway.get("/sessions/my-bot").json["id"], 60)
    gateway.clock.advance(1)
    send = {"chatId": AYU, "text": "before"}
    gateway.post(f"{URL}/send-text", json=send, headers={"Prefer": "respond-async"})
    bulk(gateway, item("in the batch"), batch_id="b")
    turn(gateway)
    gateway.post(f"{URL}/send-text", json={**send, "text": "after"}, headers={"Prefer": "respond-async"})
    gateway.clock.advance(120)
    turn(gateway)

    assert received(gateway) == ["before", "in the batch", "after"]


# --- what can go wrong -----------------------------------------------------------------------------


def test_an_item_that_fails_says_why_and_the_batch_goes_on(ready: Gateway) -> None:
    faults(ready, "refused", reason="restricted")
    bulk(ready, item("one"), item("two"), batch_id="b")
    run(ready)

    found = status(ready)
    assert ("completed", 1, 1) == (found["status"], found["progress"]["sent"], found["progress"]["failed"])
    assert found["results"][0]["error"]["code"] == "SEND_FAILED"
    assert received(ready) == ["two"]


@pytest.mark.parametrize(("fault", "arrived"), [("unknown_sent", ["one"]), ("unknown_lost", [])])
def test_an_item_nobody_can_tell_of_counts_as_failed_and_is_not_repeated(
    ready: Gateway, fault: str, arrived: list[str]
) -> None:
    faults(ready, fault)
    bulk(ready, item("one"), item("two"), batch_id="b")
    run(ready)

    assert (("failed", "SEND_UNKNOWN"), [*arrived, "two"]) == (
        (status(ready)["results"][0]["status"], status(ready)["results"][0]["error"]["code"]), received(ready)
    )  # fmt: skip


def test_a_batch_of_which_nothing_was_sent_failed(ready: Gateway) -> None:
    faults(ready, "refused", times=2)
    bulk(ready, item("one"), item("two"), batch_id="b")
    run(ready)

    assert ("failed", 2) == (status(ready)["status"], status(ready)["progress"]["failed"])


@pytest.mark.parametrize("fault", ["refused", "unknown_sent"])
def test_the_first_error_ends_a_batch_that_is_to_stop_on_errors(ready: Gateway, fault: str) -> None:
    bulk(ready, item("one"), item("two"), item("three"), batch_id="b", stopOnError=True)
    turn(ready)
    faults(ready, fault)
    wait(ready, 3)
    turn(ready)

    found = status(ready)
    assert ("failed", ["sent", "failed", "cancelled"]) == (found["status"], [r["status"] for r in found["results"]])
    assert found["completedAt"] == "2027-01-15T08:00:08.000Z"


def test_an_item_that_was_taken_back_on_its_own_does_not_hold_the_batch(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two"), batch_id="b", stopOnError=True)
    ready.program.bulk.turn(ready.clock.now())
    ready.post(f"/sessions/my-bot/sends/{only_send(ready)['id']}/cancel")
    run(ready)

    assert ("completed", ["cancelled", "sent"]) == (
        status(ready)["status"], [result["status"] for result in status(ready)["results"]]
    )  # fmt: skip


def test_a_batch_waits_for_its_session(ready: Gateway) -> None:
    bulk(ready, item("one"), item("two"), batch_id="b")
    turn(ready)
    ready.post("/sessions/my-bot/stop")
    wait(ready, 3600)
    midway = status(ready)
    ready.post("/sessions/my-bot/start")
    ready.clock.advance(5)
    run(ready)

    assert ("processing", 1) == (midway["status"], midway["progress"]["pending"])
    assert ("completed", ["one", "two"]) == (status(ready)["status"], received(ready))


def test_an_item_that_found_no_connection_is_tried_again(ready: Gateway) -> None:
    faults(ready, "not_connected")
    bulk(ready, item("one"), batch_id="b")
    turn(ready)
    wait(ready, 2)
    run(ready)

    assert ("completed", ["one"]) == (status(ready)["status"], received(ready))
