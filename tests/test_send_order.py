"""Order within a chat, also where a send has to be tried again; and sends that nobody sends."""

import pytest

from engines.base import SendFinished, Sent
from gateway.inbound import Inbound
from storage import sends
from storage.db import Tx
from tests.support import Gateway
from tests.test_sends import AYU, faults, received, text, told, turn


def test_what_is_tried_again_is_not_overtaken(gateway: Gateway) -> None:
    """The connection is gone for the first, and back for the second: that one has to wait for its turn."""
    gateway.session(ready=True)
    for body in ("first", "second"):
        text(gateway, body, headers={"Prefer": "respond-async"})
    faults(gateway, "not_connected")
    turn(gateway)
    gateway.clock.advance(5)
    turn(gateway)

    assert received(gateway) == ["first", "second"]


def test_what_comes_after_what_is_tried_again_is_not_sooner(gateway: Gateway) -> None:
    gateway.session(ready=True)
    text(gateway, "first", headers={"Prefer": "respond-async"})
    faults(gateway, "not_connected")
    turn(gateway)
    text(gateway, "second", headers={"Prefer": "respond-async"})
    turn(gateway)
    gateway.clock.advance(5)
    turn(gateway)

    assert received(gateway) == ["first", "second"]


def test_what_is_scheduled_for_later_keeps_nobody_waiting(gateway: Gateway) -> None:
    gateway.session(ready=True)
    text(gateway, "tomorrow", sendAt="2027-01-16T09:00:00Z")

    assert text(gateway, "now").status_code == 201
    assert received(gateway) == ["now"]


def claimed(gateway: Gateway, session: str) -> str:
    """A send that was claimed by somebody who died since, its id."""
    queued = str(text(gateway, headers={"Prefer": "respond-async"}).json["id"])
    with gateway.program.db.write() as tx:
        assert sends.claim(tx, sends.Lane(session, AYU), gateway.clock.now()) is not None
    return queued


def test_a_send_that_nobody_sends_becomes_unknown_and_keeps_nobody_waiting(gateway: Gateway) -> None:
    """PostgreSQL may commit a claim for a process that is dead already, after the next one has looked for such."""
    queued = claimed(gateway, gateway.session(ready=True))

    assert gateway.program.sender.recover() == 1
    assert gateway.get(f"/sessions/my-bot/sends/{queued}").json["status"] == "unknown"
    assert text(gateway, "next").status_code == 201


def test_a_send_that_somebody_sends_is_left_alone(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    queued = claimed(gateway, session)

    with gateway.program.sender.lane(sends.Lane(session, AYU), 1):
        found = gateway.program.sender.recover()

    assert (0, "sending") == (found, gateway.get(f"/sessions/my-bot/sends/{queued}").json["status"])


def test_what_is_too_late_is_not_sent_even_where_nobody_has_looked_yet(gateway: Gateway) -> None:
    gateway.session()
    text(gateway, "late", headers={"Prefer": "respond-async"}, expiresAt="2027-01-15T08:01:00Z")
    gateway.clock.advance(120)
    gateway.post("/sessions/my-bot/start")
    gateway.clock.advance(5)
    text(gateway, "in time")

    assert received(gateway) == ["in time"]


def test_asking_again_for_what_came_too_late_is_a_conflict(gateway: Gateway) -> None:
    """It waited in a busy chat until its time was over; that is no fault of the gateway."""
    session = gateway.session(ready=True)
    body = {"body": "late", "expiresAt": "2027-01-15T08:01:00Z", "headers": {"Idempotency-Key": "k"}}
    claimed(gateway, session)
    text(gateway, **body)
    gateway.clock.advance(120)
    turn(gateway)

    answer = text(gateway, **body)

    assert (409, "Its time was over before it could be sent") == (answer.status_code, answer.json["message"])


def test_evidence_makes_a_sent_one_of_an_unknown_send_and_that_once(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    faults(gateway, "unknown_sent")
    text(gateway)
    (entry,) = gateway.world.control.inbox(AYU)
    inbound = Inbound(gateway.program.db, gateway.clock.now)

    for _ in range(2):
        inbound.record(session, [SendFinished(entry["key"], Sent(entry["message_id"], entry["timestamp"]))])

    assert gateway.get(f"/sessions/my-bot/sends/{entry['key']}").json["status"] == "sent"
    assert told(gateway).count("message.sent") == 1


def test_asking_again_answers_what_evidence_has_told_since(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    faults(gateway, "unknown_sent")
    first = text(gateway, headers={"Idempotency-Key": "k"})
    (entry,) = gateway.world.control.inbox(AYU)
    sent = Sent(entry["message_id"], entry["timestamp"])
    Inbound(gateway.program.db, gateway.clock.now).record(session, [SendFinished(entry["key"], sent)])

    again = text(gateway, headers={"Idempotency-Key": "k"})

    assert (504, 201, entry["message_id"]) == (first.status_code, again.status_code, again.json["messageId"])


def test_what_is_handed_over_at_that_very_moment_is_not_cancelled(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL another thread may claim a send that this one has just seen queued."""
    session = gateway.session()
    queued = text(gateway, headers={"Prefer": "respond-async"}).json["id"]
    get = sends.get

    def get_and_claim(tx: Tx, *which: str) -> sends.Send:
        row = get(tx, *which)
        sends.claim(tx, sends.Lane(session, AYU), gateway.clock.now())
        return row

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("gateway.sender.sends.get", get_and_claim)
        cancelled = gateway.program.sender.cancel(session, queued)

    assert (False, "sending") == (cancelled, gateway.get(f"/sessions/my-bot/sends/{queued}").json["status"])
