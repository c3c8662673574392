"""Bulk sends: what is accepted, from whom, and what becomes of variables."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bulk import Bulk
from handlers.variables import fill
from tests.bulk_stage import URL, bulk, item, received, run, status, turn
from tests.support import Gateway

# --- variables -------------------------------------------------------------------------------------


def test_variables_are_filled_in(ready: Gateway) -> None:
    bulk(ready, item("Hi {{name}}, {{ a.b-c_1 }}!", **{"name": "Ada", "a.b-c_1": 7}), batch_id="b")
    run(ready, 2)

    assert received(ready) == ["Hi Ada, 7!"]


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{{who}} {who}", {}, "{{who}} {who}"),
        ("{{who}}", {"who": None}, "{{who}}"),
        ("{{who}}", {"who": "{{who}}{{other}}", "other": "no"}, "{{who}}{{other}}"),
        ("{{a}}{{b}}", {"a": "{{", "b": "c}}", "c": "no"}, "{{c}}"),
        ("{{a}} {{b}} {{c}} {{d}}", {"a": True, "b": 5.0, "c": 1.5, "d": 5}, "true 5 1.5 5"),
        ("{{wh o}} {{}} {{é}}", {"wh o": "no", "": "no", "é": "no"}, "{{wh o}} {{}} {{é}}"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("\\g<0>{{a}}", {"a": "\\1"}, "\\g<0>\\1"),
    ],
)
def test_a_placeholder_becomes_what_its_variable_says(text: str, variables: dict[str, Any], expected: str) -> None:
    assert fill(text, variables) == expected


def test_every_string_of_the_content_is_filled_and_nothing_else() -> None:
    content = {"caption": "{{a}}", "document": {"filename": "{{a}}.pdf", "size": 3}, "tags": ["{{a}}", None]}

    expected = {"caption": "x", "document": {"filename": "x.pdf", "size": 3}, "tags": ["x", None]}
    assert fill(content, {"a": "x"}) == expected


@given(st.text(), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_text_without_braces_stays_as_it_is(text: str, variables: dict[str, str]) -> None:
    plain = text.replace("{", "(")
    assert fill(plain, variables) == plain


@pytest.mark.parametrize(("value", "rule"), [("", "not be empty"), ("x" * 4096, "be shorter than or equal to 4096")])
def test_a_text_that_its_variables_spoil_is_refused_with_the_batch(ready: Gateway, value: str, rule: str) -> None:
    text = "{{a}}{{a}}"
    answer = bulk(ready, item("one"), item(text, a=value))

    assert answer.status_code == 400
    assert f"messages.1.content.text must {rule}" in answer.json["message"]


# --- what is accepted ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"messages": []}, "messages should not be empty"),
        ({"messages": [item("x")] * 101}, "messages must contain no more than 100 elements"),
        ({"messages": [{**item("x"), "type": "poll"}]},
         "messages.0.type must be one of the following values: text, image, video, audio, document"),
        ({"messages": [item("x" * 4097)]}, "messages.0.content.text must be shorter than or equal to 4096 characters"),
        ({"messages": [item("x", chat="")]}, "messages.0.chatId must be longer than or equal to 5 characters"),
        ({"messages": [item("x")], "options": {"delayBetweenMessages": 999}},
         "options.delayBetweenMessages must not be less than 1000"),
        ({"messages": [item("x")], "options": {"delayBetweenMessages": 60001}},
         "options.delayBetweenMessages must not be greater than 60000"),
        ({"messages": [item("x")], "options": {"stopOnError": "yes"}}, "options.stopOnError must be a boolean value"),
        ({"messages": [item("x")], "batchId": ""}, "batchId should not be empty"),
        ({"messages": [item("x")], "batchId": "x" * 65}, "batchId must be shorter than or equal to 64 characters"),
        ({"messages": [{**item("x"), "variables": []}]}, "messages.0.variables must be an object"),
        ({"messages": [{**item("x"), "colour": 1}]}, "property messages.0.colour should not exist"),
    ],
)  # fmt: skip
def test_a_batch_beyond_its_bounds_is_refused(ready: Gateway, body: dict[str, Any], problem: str) -> None:
    answer = ready.post(f"{URL}/send-bulk", json=body)

    assert answer.status_code == 400
    assert problem in answer.json["message"]


def test_a_hundred_messages_are_a_batch(ready: Gateway) -> None:
    answer = bulk(ready, *(item(str(n)) for n in range(100)), batch_id="b")

    assert (202, 100) == (answer.status_code, answer.json["totalMessages"])
    assert status(ready)["progress"]["pending"] == 100


def test_a_batch_needs_a_session_that_runs(gateway: Gateway) -> None:
    gateway.session()
    answer = bulk(gateway, item("one"))

    assert (400, "Session 'my-bot' is not active") == (answer.status_code, answer.json["message"])


def test_a_batch_id_is_used_once_in_a_session(ready: Gateway) -> None:
    other = ready.session("other", ready=True)
    bulk(ready, item("one"), batch_id="b")
    again = bulk(ready, item("two"), batch_id="b")
    elsewhere = ready.post(f"/sessions/{other}/messages/send-bulk", json={"batchId": "b", "messages": [item("three")]})

    assert (400, "Batch ID 'b' already exists") == (again.status_code, again.json["message"])
    assert elsewhere.status_code == 202


@pytest.mark.parametrize("path", ["batch/b", "batch/b/cancel"])
def test_a_batch_that_is_not_there_is_not_found(ready: Gateway, path: str) -> None:
    other = ready.session("other", ready=True)
    ready.post(f"/sessions/{other}/messages/send-bulk", json={"batchId": "b", "messages": [item("three")]})
    answer = ready.call("POST" if path.endswith("cancel") else "GET", f"{URL}/{path}")

    assert (404, "Batch 'b' not found") == (answer.status_code, answer.json["message"])


# --- once ------------------------------------------------------------------------------------------


def test_the_same_idempotency_key_makes_one_batch_and_answers_the_same(ready: Gateway) -> None:
    key = {"Idempotency-Key": "k"}
    first = bulk(ready, item("one"), headers=key)
    run(ready, 2)
    ready.post("/sessions/my-bot/stop")
    again = bulk(ready, item("one"), headers=key)

    assert (202, first.json) == (again.status_code, again.json)
    assert received(ready) == ["one"]


def test_an_idempotency_key_is_for_one_batch(ready: Gateway) -> None:
    key = {"Idempotency-Key": "k"}
    bulk(ready, item("one"), headers=key)

    assert bulk(ready, item("two"), headers=key).status_code == 422


def test_a_batch_that_was_refused_keeps_no_idempotency_key(ready: Gateway) -> None:
    key = {"Idempotency-Key": "k"}
    ready.post("/sessions/my-bot/stop")
    refused = bulk(ready, item("one"), headers=key)
    ready.post("/sessions/my-bot/start")

    assert (400, 202) == (refused.status_code, bulk(ready, item("one"), headers=key).status_code)


# --- who may ---------------------------------------------------------------------------------------


def test_a_viewer_may_watch_and_not_send_or_cancel(ready: Gateway) -> None:
    viewer = ready.key("viewer")
    bulk(ready, item("one"), batch_id="b")
    asked = [ready.call(m, f"{URL}/{p}", key=viewer, json=j).status_code for m, p, j in (
        ("GET", "batch/b", None), ("POST", "batch/b/cancel", None), ("POST", "send-bulk", {"messages": [item("x")]})
    )]  # fmt: skip

    assert asked == [200, 403, 403]


def test_a_key_of_another_session_may_nothing(ready: Gateway) -> None:
    other = ready.session("other")
    key = ready.key("operator", allowedSessions=[other])
    bulk(ready, item("one"), batch_id="b")
    asked = [ready.call(m, f"{URL}/{p}", key=key, json=j).status_code for m, p, j in (
        ("GET", "batch/b", None), ("POST", "batch/b/cancel", None), ("POST", "send-bulk", {"messages": [item("x")]})
    )]  # fmt: skip

    assert asked == [401, 401, 401]


# --- many at once ----------------------------------------------------------------------------------


def test_batches_of_many_sessions_go_on_side_by_side(gateway: Gateway) -> None:
    sessions = [gateway.session(f"bot-{n}", ready=True) for n in range(3)]
    for session in sessions:
        for batch in ("a", "b"):
            body = {"batchId": batch, "messages": [item(f"{session} {batch} {n}") for n in range(3)]}
            gateway.post(f"/sessions/{session}/messages/send-bulk", json=body)
    turn(gateway)
    after_one = len(received(gateway))
    for _ in range(4):
        gateway.clock.advance(5)
        turn(gateway)

    assert after_one == 6
    for session in sessions:
        for batch in ("a", "b"):
            mine = [body for body in received(gateway) if body.startswith(f"{session} {batch}")]
            assert mine == [f"{session} {batch} {n}" for n in range(3)]


def test_loops_that_turn_at_one_moment_queue_each_item_once(ready: Gateway) -> None:
    """As several gateways on one database would."""
    program = ready.program
    for n in range(10):
        bulk(ready, item(f"{n} one"), item(f"{n} two"), batch_id=f"b{n}")
    loops = [Bulk(program.db, ready.clock.now) for _ in range(4)]
    threads = [threading.Thread(target=loop.turn, args=(ready.clock.now(),)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ready.get("/sessions/my-bot/sends").json) == 10
