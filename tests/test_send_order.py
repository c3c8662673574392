"""Order within a chat, also where a send has to be tried again; and sends that nobody sends."""

from storage import sends
from tests.support import Gateway
from tests.test_sends import AYU, faults, received, text, turn


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
