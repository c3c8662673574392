"""Statistics: what was said is counted where it is written, and told by hour, day, type, session and chat."""

from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from storage import messages as store
from storage import stats
from storage.tables import message_hours, messages
from tests.support import START, Gateway

HOUR, DAY = 3_600_000, 86_400_000
EIGHT = "2027-01-15 08:00:00"  # START, in UTC


def say(gateway: Gateway, session: str, chat: str, at: int = START, **more: Any) -> str:
    """One message of a chat, stored at that moment; its id."""
    with gateway.program.db.write() as tx:
        number = tx.execute(select(func.count()).select_from(messages)).scalar_one()
        row = {"id": f"00000000-0000-4000-8000-{number:012}", "wa_message_id": f"wa-{number}", "chat_id": chat,
               "sender": chat, "recipient": "me", "body": "hi", "type": "text", "direction": "incoming",
               "status": "sent", **more}  # fmt: skip
        (made,) = store.add(tx, session, [row], at)
    return made


@pytest.fixture
def full(gateway: Gateway) -> Gateway:
    """Two sessions with messages of two chats, now, an hour, a day, a week and two months ago."""
    one, two = gateway.session("one"), gateway.session("two")
    for ago, chat, more in [
        (0, "1@c.us", {}),
        (0, "1@c.us", {"direction": "outgoing"}),
        (HOUR, "1@c.us", {"type": "image"}),
        (DAY, "2@c.us", {"direction": "outgoing", "status": "failed"}),
        (7 * DAY, "2@c.us", {}),
        (60 * DAY, "2@c.us", {"direction": "outgoing"}),
    ]:
        say(gateway, one, chat, START - ago, **more)
    say(gateway, two, "3@c.us", type="voice")
    return gateway


def test_the_overview_counts_sessions_and_messages(full: Gateway) -> None:
    assert {
        "sessions": {"active": 0, "total": 2, "byStatus": {"created": 2}},
        "messages": {"sent": 2, "received": 4, "failed": 1, "today": {"sent": 1, "received": 3}},
    } == full.get("/stats/overview").json


def test_an_empty_gateway_has_zeros(gateway: Gateway) -> None:
    assert {
        "sessions": {"active": 0, "total": 0, "byStatus": {}},
        "messages": {"sent": 0, "received": 0, "failed": 0, "today": {"sent": 0, "received": 0}},
    } == gateway.get("/stats/overview").json
    empty = {"timeSeries": [], "byType": {}, "bySession": [], "topChats": []}
    assert empty == gateway.get("/stats/messages").json


def test_a_day_is_told_by_the_hour(full: Gateway) -> None:
    sessions = {one["name"]: one["id"] for one in full.get("/sessions").json}
    assert {
        "timeSeries": [
            {"timestamp": "2027-01-15 07:00:00", "sent": 0, "received": 1},
            {"timestamp": EIGHT, "sent": 1, "received": 2},
        ],
        "byType": {"image": 1, "text": 2, "voice": 1},
        "bySession": [
            {"sessionId": sessions["one"], "name": "one", "sent": 1, "received": 2},
            {"sessionId": sessions["two"], "name": "two", "sent": 0, "received": 1},
        ],
        "topChats": [{"chatId": "1@c.us", "messageCount": 3}, {"chatId": "3@c.us", "messageCount": 1}],
    } == full.get("/stats/messages").json


@pytest.mark.parametrize(
    ("period", "days"), [("7d", ["2027-01-14", "2027-01-15"]), ("30d", ["2027-01-08", "2027-01-14", "2027-01-15"])]
)
def test_longer_periods_are_told_by_the_day(full: Gateway, period: str, days: list[str]) -> None:
    found = full.get(f"/stats/messages?period={period}").json
    assert days == [bucket["timestamp"] for bucket in found["timeSeries"]]


@pytest.mark.parametrize("query", ["period=1y", "period=", "colour=red"])
def test_another_period_is_refused(gateway: Gateway, query: str) -> None:
    assert 400 == gateway.get(f"/stats/messages?{query}").status_code


def test_a_session_is_told_with_its_chats_and_hours(full: Gateway) -> None:
    found = full.get("/stats/sessions/one").json
    assert {"sent": 2, "received": 3, "today": 3, "failed": 1} == found["messages"]
    assert ("one", "created") == (found["session"]["name"], found["session"]["status"])
    assert [
        {"chatId": "1@c.us", "count": 3, "lastActive": "2027-01-15 07:00:00"},
        {"chatId": "2@c.us", "count": 3, "lastActive": "2026-11-16 08:00:00"},
    ] == found["topChats"]
    assert list(range(24)) == [one["hour"] for one in found["hourlyActivity"]]
    busy = [tuple(one.values()) for one in found["hourlyActivity"] if one["sent"] or one["received"]]
    assert [(7, 0, 1), (8, 1, 1)] == busy


def test_an_unknown_session_has_no_statistics(gateway: Gateway) -> None:
    assert 404 == gateway.get("/stats/sessions/nowhere").status_code


def test_a_key_bound_to_sessions_counts_those(full: Gateway) -> None:
    two = full.get("/sessions/two").json["id"]
    bound = full.key("admin", allowedSessions=[two])
    assert 1 == full.get("/stats/overview", key=bound).json["messages"]["received"]
    found = full.get("/stats/messages", key=bound).json
    assert ({"voice": 1}, ["3@c.us"], ["two"]) == (
        found["byType"],
        [chat["chatId"] for chat in found["topChats"]],
        [one["name"] for one in found["bySession"]],
    )
    assert 401 == full.get("/stats/sessions/one", key=bound).status_code


def test_roles_of_statistics(gateway: Gateway) -> None:
    gateway.session()
    viewer, operator = gateway.key("viewer"), gateway.key("operator")
    assert 403 == gateway.get("/stats/overview", key=operator).status_code
    assert 403 == gateway.get("/stats/messages", key=operator).status_code
    assert 200 == gateway.get("/stats/sessions/my-bot", key=viewer).status_code


# --- the counts follow the messages ----------------------------------------------------------------


def total(gateway: Gateway) -> stats.Totals:
    with gateway.program.db.read() as tx:
        return stats.totals(tx)


def test_a_message_that_fails_is_no_longer_sent(gateway: Gateway) -> None:
    made = say(gateway, gateway.session(), "1@c.us", direction="outgoing", status="pending")
    assert stats.Totals(1, 0, 0) == total(gateway)
    with gateway.program.db.write() as tx:
        store.mark_failed(tx, made)
    assert stats.Totals(0, 0, 1) == total(gateway)


def test_a_revoked_message_changes_its_type(gateway: Gateway) -> None:
    session = gateway.session()
    say(gateway, session, "1@c.us")
    with gateway.program.db.write() as tx:
        store.revoke(tx, session, "wa-0")
    assert {"revoked": 1} == gateway.get("/stats/messages").json["byType"]


def test_a_message_that_is_removed_is_not_counted(gateway: Gateway) -> None:
    session = gateway.session()
    say(gateway, session, "1@c.us")
    say(gateway, session, "1@c.us")
    with gateway.program.db.write() as tx:
        tx.execute(delete(messages).where(messages.c.wa_message_id == "wa-0"))
    assert stats.Totals(0, 1, 0) == total(gateway)


def test_a_receipt_changes_no_count(gateway: Gateway) -> None:
    say(gateway, gateway.session(), "1@c.us", direction="outgoing")
    with gateway.program.db.write() as tx:
        tx.execute(update(messages).values(status="read"))
    assert stats.Totals(1, 0, 0) == total(gateway)


def test_counts_leave_with_their_session(full: Gateway) -> None:
    for name in ("one", "two"):
        full.delete(f"/sessions/{name}")
    with full.program.db.read() as tx:
        assert 0 == tx.execute(select(func.count()).select_from(message_hours)).scalar_one()
