"""Sends: a row first, one outcome, order within a chat, nothing twice."""

import threading
from typing import Any

import pytest

from engines.simulator import Simulator
from gateway import config
from gateway.program import Program
from storage import events, sends
from tests.support import ADMIN, Gateway

AYU = "447700900006@c.us"
BIMA = "447700900007@c.us"


def text(
    gateway: Gateway, body: str = "hi", chat: str = AYU, headers: dict[str, str] | None = None, **more: Any
) -> Any:
    sent = {"chatId": chat, "text": body, **more}
    return gateway.post("/sessions/my-bot/messages/send-text", json=sent, headers=headers or {})


def received(gateway: Gateway, chat: str = AYU) -> list[str]:
    return [entry["body"] for entry in gateway.world.control.inbox(chat)]


def turn(gateway: Gateway) -> None:
    """One turn of the send loop, to its end."""
    for future in gateway.program.sender.turn(gateway.clock.now()):
        future.result(10)


def faults(gateway: Gateway, kind: Any, **more: Any) -> None:
    gateway.world.control.fail_sends(gateway.get("/sessions/my-bot").json["id"], kind, **more)


def told(gateway: Gateway) -> list[str]:
    with gateway.program.db.read() as tx:
        return [row.type for row in events.page(tx, 0, 1000) if row.type.startswith("message.")]


def test_a_sent_text_reaches_its_contact_and_is_an_event(ready: Gateway) -> None:
    answer = text(ready)

    assert (201, ["hi"]) == (answer.status_code, received(ready))
    assert told(ready)[0] == "message.sent"


def test_a_refused_send_is_not_sent_and_says_so(ready: Gateway) -> None:
    faults(ready, "refused", reason="restricted")

    answer = text(ready, headers={"Accept": "application/problem+json"})

    assert (422, "refused_by_whatsapp", "not_sent") == (answer.status_code, answer.json["code"], answer.json["outcome"])
    assert ready.get("/sessions/my-bot/sends").json[0]["status"] == "failed"
    assert ready.get("/sessions/my-bot/messages").json["messages"][0]["status"] == "failed"
    assert told(ready) == ["message.failed"]


@pytest.mark.parametrize(("fault", "arrived"), [("unknown_sent", ["hi"]), ("unknown_lost", [])])
def test_a_send_nobody_can_tell_of_is_unknown_and_never_repeated(
    ready: Gateway, fault: str, arrived: list[str]
) -> None:
    faults(ready, fault)

    answer = text(ready, headers={"Accept": "application/problem+json"})
    ready.clock.advance(3600)
    turn(ready)

    assert (504, "unknown") == (answer.status_code, answer.json["outcome"])
    assert (arrived, "unknown") == (received(ready), ready.get("/sessions/my-bot/sends").json[0]["status"])
    assert "message.unknown" in told(ready)


def test_without_a_connection_nothing_is_stored_or_sent(gateway: Gateway) -> None:
    gateway.session()

    assert text(gateway).status_code == 400
    assert gateway.get("/sessions/my-bot/sends").json == []


def test_an_asynchronous_send_answers_at_once_and_waits_for_the_session(gateway: Gateway) -> None:
    gateway.session()
    queued = text(gateway, headers={"Prefer": "respond-async"})
    turn(gateway)
    gateway.post("/sessions/my-bot/start")
    gateway.clock.advance(5)
    turn(gateway)

    assert (202, "queued") == (queued.status_code, queued.json["status"])
    assert gateway.get(f"/sessions/my-bot/sends/{queued.json['id']}").json["status"] == "sent"
    assert received(gateway) == ["hi"]


def test_a_scheduled_send_goes_out_at_its_time(ready: Gateway) -> None:
    queued = text(ready, sendAt="2027-01-15T09:00:00Z")
    turn(ready)
    early = received(ready)
    ready.clock.advance(3600 * 24)
    turn(ready)

    assert (202, [], ["hi"]) == (queued.status_code, early, received(ready))


def test_a_send_whose_time_is_over_expires(gateway: Gateway) -> None:
    gateway.session()
    queued = text(gateway, headers={"Prefer": "respond-async"}, expiresAt="2027-01-15T08:01:00Z")
    gateway.clock.advance(120)
    turn(gateway)

    over = gateway.get(f"/sessions/my-bot/sends/{queued.json['id']}").json
    assert ("expired", "expired") == (over["status"], over["code"])


def test_a_queued_send_can_be_cancelled_once(ready: Gateway) -> None:
    queued = text(ready, sendAt="2027-01-15T09:00:00Z").json["id"]

    cancelled = ready.post(f"/sessions/my-bot/sends/{queued}/cancel").json
    assert ("cancelled", "cancelled") == (cancelled["status"], cancelled["code"])
    assert ready.post(f"/sessions/my-bot/sends/{queued}/cancel").status_code == 409
    ready.clock.advance(3600 * 24)
    turn(ready)
    assert received(ready) == []


def test_sends_to_one_chat_keep_their_order(gateway: Gateway) -> None:
    gateway.session()
    for n in range(5):
        text(gateway, str(n), headers={"Prefer": "respond-async"})
    gateway.post("/sessions/my-bot/start")
    gateway.clock.advance(5)
    text(gateway, "last")

    assert received(gateway) == ["0", "1", "2", "3", "4", "last"]


def test_the_same_idempotency_key_sends_once_and_answers_the_same(ready: Gateway) -> None:
    first = text(ready, headers={"Idempotency-Key": "order-1"})
    again = text(ready, headers={"Idempotency-Key": "order-1"})

    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert received(ready) == ["hi"]


def test_an_idempotency_key_is_for_one_request(ready: Gateway) -> None:
    text(ready, headers={"Idempotency-Key": "order-1"})

    assert text(ready, "another", headers={"Idempotency-Key": "order-1"}).status_code == 422
    assert received(ready) == ["hi"]


def test_idempotency_keys_of_two_callers_do_not_meet(ready: Gateway) -> None:
    other = ready.key("operator")
    text(ready, headers={"Idempotency-Key": "order-1"})
    text(ready, headers={"Idempotency-Key": "order-1", "X-API-Key": other})

    assert received(ready) == ["hi", "hi"]


def test_the_same_key_at_the_same_moment_sends_once(ready: Gateway) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(text(ready, headers={"Idempotency-Key": "k"}).status_code))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) <= {201, 409}
    assert received(ready) == ["hi"]


def test_a_preflight_sends_nothing(ready: Gateway) -> None:
    answer = text(ready, headers={"X-Preflight": "true"})
    nobody = text(ready, chat="447700900099@c.us", headers={"X-Preflight": "true"})

    assert (200, True, True) == (answer.status_code, answer.json["wouldSend"], answer.json["exists"])
    assert (False, "not_on_whatsapp") == (nobody.json["wouldSend"], nobody.json["problem"])
    assert received(ready) == []


def test_receipts_move_a_message_forward_and_are_events(ready: Gateway) -> None:
    text(ready)
    ready.clock.advance(60)

    assert ready.get("/sessions/my-bot/messages").json["messages"][0]["status"] == "read"
    assert told(ready)[:3] == ["message.sent", "message.ack", "message.ack"]


def test_after_a_crash_what_was_being_sent_is_unknown(ready: Gateway, database_url: str, tmp_path: Any) -> None:
    session = ready.get("/sessions/my-bot").json["id"]
    queued = text(ready, headers={"Prefer": "respond-async"}).json["id"]
    with ready.program.db.write() as tx:
        assert sends.claim(tx, sends.Lane(session, AYU), ready.clock.now()) is not None
    environ = {"DATA_DIR": str(tmp_path / "again"), "DATABASE_URL": database_url, "API_MASTER_KEY": ADMIN}
    again = Program(config.load(environ), now=ready.clock.now, world=ready.world)

    with again.db.read() as tx:
        assert sends.get(tx, session, queued).state == "unknown"
    again.db.close()


def test_a_receipt_that_comes_before_the_answer_counts(ready: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine may tell of a delivery while the send's own answer is still on its way."""
    handed_over = Simulator.send

    def slowly(self: Simulator, message: Any) -> Any:
        sent = handed_over(self, message)
        ready.clock.advance(60)
        return sent

    monkeypatch.setattr(Simulator, "send", slowly)
    text(ready)

    assert ready.get("/sessions/my-bot/messages").json["messages"][0]["status"] == "read"


def test_creating_a_session_twice_with_one_key_makes_one(gateway: Gateway) -> None:
    made = [gateway.post("/sessions", json={"name": "one"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert made[0].json == made[1].json
    assert len(gateway.get("/sessions").json) == 1


def test_creating_an_api_key_twice_with_one_key_shows_the_same_secret(gateway: Gateway) -> None:
    made = [gateway.post("/auth/api-keys", json={"name": "one"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert made[0].json["apiKey"] == made[1].json["apiKey"]
    with gateway.program.db.read() as tx:
        kept = str(tx.exec_driver_sql("SELECT answer FROM idempotency").scalar_one())
    assert made[0].json["apiKey"] not in kept
