"""Events: what is told of what happens, paging by cursor, filters, scopes, what is forgotten."""

import json

import pytest

from gateway import retention
from storage import events
from storage.events import Draft
from tests.support import Gateway, hold_event

ADA = "447700900006@c.us"
DAY = 86_400_000


def tell(gateway: Gateway, session: str, *names: str, kind: str = "session.status", chat: str | None = None) -> None:
    """Events on a session, one per name."""
    with gateway.program.db.write() as tx:
        drafts = [Draft(kind, f"{session} {name}", {"sessionId": session, "status": "ready"}, chat) for name in names]
        events.append(tx, session, drafts, gateway.clock.now())
    gateway.program.wake()


def cursors(page) -> list[int]:
    return [event["cursor"] for event in page["events"]]


# --- what is told ----------------------------------------------------------------------------------


def test_what_a_contact_does_is_told_with_openwa_s_payloads(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    control = gateway.world.control
    (written,) = control.storm(session, ADA, 1, body="Hello")
    control.react(session, ADA, written, "👍")
    control.edit(session, written, "Hello there")
    control.revoke(session, written)
    control.call(session, ADA)
    gateway.clock.advance(5)

    told = {event["type"]: event for event in gateway.get("/events").json["events"]}

    for event in told.values():
        hold_event(event)
    received = told["message.received"]
    assert (received["chatId"], received["idempotencyKey"]) == (ADA, f"msg_{session}_{written}")
    assert (received["data"]["body"], received["data"]["from"], received["data"]["fromMe"]) == ("Hello", ADA, False)
    assert told["message.reaction"]["data"]["reactions"] == {ADA: "👍"}
    assert told["message.edited"]["data"]["body"] == "Hello there"
    assert told["message.revoked"]["data"]["revokedId"] == written
    assert told["call.received"]["data"]["from"] == ADA


def test_linking_is_told_step_by_step(gateway: Gateway) -> None:
    gateway.session(ready=True)

    found = gateway.get("/events").json["events"]

    statuses = [event["data"]["status"] for event in found if event["type"] == "session.status"]
    assert statuses == ["initializing", "qr_ready", "authenticating", "ready"]
    assert [event["sequence"] for event in found] == list(range(1, len(found) + 1))


def test_a_send_and_its_receipts_are_told(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    sent = gateway.post(f"/sessions/{session}/messages/send-text", json={"chatId": ADA, "text": "hi"}).json
    gateway.clock.advance(60)

    found = gateway.get("/events", query_string={"chatId": ADA}).json["events"]

    for event in found:
        hold_event(event)
    assert [(e["type"], e["data"]["id"]) for e in found[:2]] == [
        ("message.sent", sent["messageId"]),
        ("message.ack", sent["messageId"]),
    ]


def test_the_same_happening_twice_is_one_event(gateway: Gateway) -> None:
    session = gateway.session()
    tell(gateway, session, "a", "a")
    tell(gateway, session, "b", "a")

    assert cursors(gateway.get("/events").json) == [1, 2]


# --- paging ----------------------------------------------------------------------------------------


def test_pages_follow_one_another_without_loss_or_repeat(gateway: Gateway) -> None:
    tell(gateway, gateway.session(), *"abcdefg")

    after, seen = 0, []
    for _ in range(3):
        page = gateway.get(f"/events?limit=3&after={after}").json
        seen += cursors(page)
        after = page["next"]

    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert gateway.get(f"/events?after={after}").json == {"events": [], "next": 7, "newest": 7, "oldest": 1}


def test_before_anything_happened_the_log_is_empty(gateway: Gateway) -> None:
    assert gateway.get("/events").json == {"events": [], "next": 0, "newest": 0, "oldest": 1}


def test_a_page_that_is_not_full_leads_past_what_the_filter_left_out(gateway: Gateway) -> None:
    one, two = gateway.session("one"), gateway.session("two")
    tell(gateway, one, "a")
    tell(gateway, two, "b", "c")

    page = gateway.get("/events?sessionId=one").json

    assert (cursors(page), page["next"]) == ([1], 3)


def test_a_cursor_from_another_log_is_taken_back_to_the_newest(gateway: Gateway) -> None:
    tell(gateway, gateway.session(), "a")

    assert gateway.get("/events?after=1000").json["next"] == 1


def test_sessions_are_named_by_id_or_name_and_several_at_once(gateway: Gateway) -> None:
    ids = [gateway.session(name) for name in ("one", "two", "three")]
    for session in ids:
        tell(gateway, session, "a")

    assert cursors(gateway.get(f"/events?sessionId=one,{ids[2]}").json) == [1, 3]
    assert cursors(gateway.get(f"/events?sessionId={ids[1]}&sessionId=one").json) == [1, 2]


def test_a_chat_is_found_in_any_written_form(gateway: Gateway) -> None:
    session = gateway.session()
    tell(gateway, session, "a", chat=ADA)
    tell(gateway, session, "b")

    page = gateway.get("/events", query_string={"chatId": "+44 7700 900006"}).json

    assert cursors(page) == [1]


def test_a_type_that_is_none_is_refused(gateway: Gateway) -> None:
    assert gateway.get("/events?type=message.recieved").status_code == 400


# --- who may see what ------------------------------------------------------------------------------


def test_a_scoped_key_sees_its_own_sessions_only(gateway: Gateway) -> None:
    one, two = gateway.session("one"), gateway.session("two")
    tell(gateway, one, "a")
    tell(gateway, two, "b")
    key = gateway.key(allowedSessions=[two])

    assert cursors(gateway.get("/events", key=key).json) == [2]


@pytest.mark.parametrize("path", ["/events", "/events/stream"])
@pytest.mark.parametrize("named", ["one", "nobody"])
def test_a_scoped_key_may_not_name_another_session(gateway: Gateway, path: str, named: str) -> None:
    gateway.session("one")
    key = gateway.key(allowedSessions=[gateway.session("two")])

    refused = gateway.get(f"{path}?sessionId={named}", key=key)

    assert (refused.status_code, refused.json["message"]) == (401, "API key not authorized for this session")


def test_an_unknown_session_is_not_found(gateway: Gateway) -> None:
    assert gateway.get("/events?sessionId=nobody").status_code == 404


def test_codes_are_for_operators(gateway: Gateway) -> None:
    gateway.session(ready=True)

    def seen(role: str) -> bool:
        found = gateway.get("/events", key=gateway.key(role)).json["events"]
        return "session.qr" in {event["type"] for event in found}

    assert (seen("viewer"), seen("operator")) == (False, True)
    assert gateway.get("/events?type=session.qr", key=gateway.key("viewer")).status_code == 403


# --- without a server that can park ----------------------------------------------------------------


def test_a_long_poll_that_cannot_be_parked_answers_at_once(gateway: Gateway) -> None:
    assert gateway.get("/events?wait=30").json["events"] == []


def test_a_stream_that_cannot_be_parked_tells_what_there_is_and_ends(gateway: Gateway) -> None:
    tell(gateway, gateway.session(), "a", "b")

    lines = gateway.get("/events/stream?after=1").get_data(as_text=True).split("\n")

    assert lines[:4] == ["retry: 3000", "", "id: 2", "event: session.status"]
    hold_event(json.loads(lines[4].removeprefix("data: ")))


# --- what is forgotten -----------------------------------------------------------------------------


def test_old_events_are_forgotten_and_a_late_reader_can_tell(gateway: Gateway) -> None:
    session = gateway.session()
    tell(gateway, session, "a", "b")
    gateway.clock.advance(20 * 86_400)
    tell(gateway, session, "c")

    forgotten = retention.turn(gateway.program.db, gateway.clock.now() + 15 * DAY, 30, 90)

    page = gateway.get("/events?after=1").json
    assert (forgotten, cursors(page), page["oldest"]) == (2, [3], 3)
