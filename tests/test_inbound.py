"""What engines report, as events of the log."""

import pytest

from engines import base
from gateway.inbound import Inbound
from tests.support import START, Gateway, hold_event

ADA = "447700900006@c.us"
LOST, BACK = base.StateChanged("disconnected", "network"), base.StateChanged("initializing")


@pytest.fixture
def session(gateway: Gateway) -> str:
    return gateway.session(ready=True)


def report(gateway: Gateway, session: str, *batches: list[base.Event]) -> None:
    inbound = Inbound(gateway.program.db, gateway.clock.now)
    for batch in batches:
        inbound.record(session, batch)


def told(gateway: Gateway, *types: str) -> list[dict]:
    """The events of these types, each as the document has it."""
    events = gateway.get("/events?" + "&".join(f"type={one}" for one in types)).json["events"]
    for event in events:
        hold_event(event)
    return events


def test_what_changes_nothing_that_is_stored_is_told(gateway: Gateway, session: str) -> None:
    report(
        gateway,
        session,
        [
            base.PollVoted("true_x_3EB0", ADA, ADA, ("Tea", "Cake"), START // 1000),
            base.HistoryProgress(40),
            base.PresenceChanged(ADA, online=True),
            base.TypingChanged(ADA, ADA, "typing"),
        ],
    )

    vote, history, presence = told(gateway, "message.poll_vote", "session.history", "presence.update")
    assert (ADA, ["Tea", "Cake"], ADA) == (vote["data"]["senderId"], vote["data"]["options"], vote["chatId"])
    assert (40, session) == (history["data"]["percent"], history["data"]["sessionId"])
    assert (ADA, True, None) == tuple(presence["data"][name] for name in ("contactId", "isOnline", "lastSeen"))


def test_a_vote_that_is_reported_again_is_told_once(gateway: Gateway, session: str) -> None:
    vote = base.PollVoted("true_x_3EB0", ADA, ADA, (), 1)
    report(gateway, session, [vote], [vote])
    assert 1 == len(told(gateway, "message.poll_vote"))


def test_a_session_that_cannot_keep_its_connection_is_told_of_at_every_fifth_loss(
    gateway: Gateway, session: str
) -> None:
    """Losses before it was ready again; being ready, or stopped, begins anew."""
    ready, stopped = base.StateChanged("ready", None, "628999000111", "Bot"), base.StateChanged("disconnected")
    report(gateway, session, [LOST, BACK] * 4, [ready], [LOST, BACK] * 4, [stopped], [LOST, BACK] * 10)
    loops = told(gateway, "session.reconnect_loop")
    assert [5, 10] == [event["data"]["attempts"] for event in loops]


def test_a_status_of_a_contact_is_told_as_a_status_and_as_a_message(gateway: Gateway, session: str) -> None:
    posted = gateway.world.control.post_status(ADA, "Poetical science")
    gateway.clock.advance()

    message, status = told(gateway, "message.received", "status.received")

    assert (posted, True) == (message["data"]["id"], message["data"]["isStatusBroadcast"])
    wanted = {"sessionId": session, "statusId": posted, "type": "text", "caption": "Poetical science"}
    assert wanted == {name: status["data"][name] for name in wanted}
    assert ("status@broadcast", ADA, False) == (
        status["chatId"],
        status["data"]["contact"]["id"],
        status["data"]["hasMedia"],
    )


def test_an_own_status_from_another_device_is_no_contact_s(gateway: Gateway, session: str) -> None:
    me = gateway.world.account(session).address
    own = base.Message("true_status@broadcast_1", "status@broadcast", me, "text", "Mine", 1, from_me=True)
    report(gateway, session, [base.MessageReceived(own)])
    assert ["message.sent"] == [event["type"] for event in told(gateway, "message.sent", "status.received")]
