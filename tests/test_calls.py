"""Calls that ring on the account."""

from tests.support import Gateway, hold_event

ADA = "447700900006@c.us"


def test_a_call_is_told_and_rejected_once(ready: Gateway) -> None:
    rung = ready.post("/simulator/sessions/my-bot/calls", json={"from": ADA, "video": True}).json["callId"]
    ready.clock.advance()

    (event,) = ready.get("/events?type=call.received").json["events"]
    hold_event(event)
    assert (rung, ADA, True) == (event["data"]["callId"], event["data"]["from"], event["data"]["isVideo"])
    answers = [ready.post(f"/sessions/my-bot/calls/{rung}/reject") for _ in range(2)]
    assert [(200, {"success": True}), (404, f"Call {rung} not found")] == [
        (answers[0].status_code, answers[0].json),
        (answers[1].status_code, answers[1].json["message"]),
    ]


def test_a_session_may_reject_every_call_by_itself(gateway: Gateway) -> None:
    gateway.post("/sessions", json={"name": "quiet", "config": {"autoRejectCalls": True}})
    gateway.post("/sessions/quiet/start")
    gateway.clock.advance(5)
    rung = gateway.post("/simulator/sessions/quiet/calls", json={"from": ADA}).json["callId"]
    gateway.clock.advance()

    gateway.program.doorman.stop()  # waits until it has done what it is about to

    assert 404 == gateway.post(f"/sessions/quiet/calls/{rung}/reject").status_code
    assert [rung] == [event["data"]["callId"] for event in gateway.get("/events?type=call.received").json["events"]]
