"""One identity, as engines see it: what they report of one person under two addresses comes to one."""

from uuid import uuid4

import hypothesis
from hypothesis import strategies as st

from engines import base
from gateway.inbound import Inbound
from storage import events as events_log
from storage import messages, sessions
from storage.db import Database
from tests.support import START, Gateway


def inbound(gateway: Gateway) -> tuple[str, Inbound]:
    return gateway.session("other"), Inbound(gateway.program.db, gateway.clock.now)


def heard(message_id: str, sender: str, lid_: str | None = None, **more) -> base.MessageReceived:
    return base.MessageReceived(
        base.Message(message_id, more.pop("chat", sender), sender, "text", "Hi", 1, sender_lid=lid_, **more)
    )


def test_a_message_that_names_both_addresses_tells_who_is_who(gateway: Gateway) -> None:
    session, inward = inbound(gateway)
    inward.record(session, [heard("false_1@lid_A", "1@lid")])
    inward.record(session, [heard("false_4412345@c.us_B", "4412345@c.us", "1@lid")])
    found = gateway.get(f"/sessions/{session}/messages?chatId=1@lid").json
    assert (2, {"4412345@c.us"}) == (found["total"], {message["chatId"] for message in found["messages"]})


def test_an_engine_that_names_an_old_message_anew_means_the_old_one(gateway: Gateway) -> None:
    session, inward = inbound(gateway)
    inward.record(session, [heard("false_1@lid_A", "1@lid")])
    inward.record(session, [base.AddressesLinked("1@lid", "4412345@c.us")])
    edited = base.MessageEdited("false_4412345@c.us_A", "4412345@c.us", "4412345@c.us", "Hello", 2)
    inward.record(session, [heard("false_4412345@c.us_A", "4412345@c.us"), edited])
    (message,) = gateway.get(f"/sessions/{session}/messages").json["messages"]
    assert ("false_1@lid_A", "Hello") == (message["waMessageId"], message["body"])


def test_a_reaction_replaces_that_of_the_same_person_under_another_address(gateway: Gateway) -> None:
    session, inward = inbound(gateway)
    group = "1203630@g.us"
    inward.record(session, [heard("false_1203630@g.us_A_4499999@c.us", "4499999@c.us", chat=group)])
    for sender, emoji in (("1@lid", "👍"), ("4412345@c.us", "🎉")):
        inward.record(session, [base.ReactionReceived("false_1203630@g.us_A_4499999@c.us", group, sender, emoji, 2)])
        inward.record(session, [base.AddressesLinked("1@lid", "4412345@c.us")])
    told = gateway.get("/events?type=message.reaction").json["events"]
    assert {"4412345@c.us": "🎉"} == told[-1]["data"]["reactions"]


def test_everybody_a_happening_names_is_called_by_the_phone_s_address(gateway: Gateway) -> None:
    session, inward = inbound(gateway)
    inward.record(session, [base.AddressesLinked("1@lid", "4412345@c.us")])
    quote = base.Quote("X", "1@lid", "?")
    group = "1203630@g.us"
    changed = base.GroupChanged(group, "update", ("1@lid",), "1@lid", 1, {"promoted": ["1@lid"]})
    mention = heard("false_1203630@g.us_A", "4499999@c.us", chat=group, mentions=("1@lid",), quote=quote)
    inward.record(session, [changed, mention, base.CallReceived("C", "1@lid", 1)])
    told = {event["type"]: event["data"] for event in gateway.get("/events").json["events"]}
    assert (["4412345@c.us"], "4412345@c.us") == (
        told["group.update"]["participantIds"],
        told["group.update"]["actorId"],
    )
    assert ["4412345@c.us"] == told["message.received"]["mentionedIds"]
    assert "4412345@c.us" == told["call.received"]["from"]


# --- whenever it becomes known --------------------------------------------------------------------

PEOPLE = {"1@lid": "4411111@c.us", "2@lid": "4422222@c.us"}
GROUP = "1203630@g.us"
said = st.tuples(
    st.sampled_from([*PEOPLE, *PEOPLE.values(), "4499999@c.us"]),
    st.sampled_from([None, GROUP]),
    st.booleans(),
    st.lists(st.sampled_from([*PEOPLE, "4499999@c.us"]), max_size=2).map(tuple),
)
steps = st.lists(st.one_of(said, said, st.sampled_from(list(PEOPLE))), min_size=3, max_size=10)


def told(n: int, step) -> base.Event:
    """A link where the step is a hidden address, else a message by or to somebody, perhaps in a group."""
    if isinstance(step, str):
        return base.AddressesLinked(step, PEOPLE[step])
    who, group, from_me, mentions = step
    sender, recipient = ("4400000@c.us", who) if from_me else (who, "4400000@c.us")
    return base.MessageReceived(
        base.Message(f"M{n}", group or who, sender, "text", "1@lid", n, from_me, group or recipient, mentions=mentions)
    )


def outcome(db: Database, session: str) -> list[tuple[object, ...]]:
    """Messages with their addresses, counts of chats, and where the events stand."""
    with db.read() as tx:
        of = sessions.find(tx, session)
        rows, _ = messages.page(tx, of, None, None, 100, 0)
        places = {row.chat_id: messages.page(tx, of, row.chat_id, None, 1, 0)[1] for row in rows}
        logged = [
            event for event in events_log.page(tx, 0, 1000, sessions_in=[session]) if event.type != "contact.linked"
        ]
        return [
            *sorted((row.wa_message_id, row.chat_id, row.sender, row.recipient, row.body) for row in rows),
            *sorted(places.items()),
            *sorted((event.chat_id, str(event.data["id"]), event.data["from"], event.data["to"]) for event in logged),
        ]


@hypothesis.settings(
    max_examples=40, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(steps, st.data())
def test_it_does_not_matter_when_it_becomes_known(db: Database, happened, data) -> None:
    """In the end all stands as if everything had been known from the beginning, however batches fall."""
    happenings = [told(n, step) for n, step in enumerate(happened)] + [
        base.AddressesLinked(*one) for one in PEOPLE.items()
    ]
    first = [base.AddressesLinked(*one) for one in PEOPLE.items()]
    with db.write() as tx:
        late, early = (sessions.create(tx, {"name": str(uuid4())}, START).id for _ in range(2))
    inward = Inbound(db, lambda: START)
    while happenings:
        size = data.draw(st.sampled_from([1, 1, 2, 5]))
        inward.record(late, happenings[:size])
        del happenings[:size]
    inward.record(early, [*first, *(told(n, step) for n, step in enumerate(happened))])
    assert outcome(db, early) == outcome(db, late)


def test_who_was_mentioned_or_reacted_while_hidden_is_shown_under_the_one_address(gateway: Gateway) -> None:
    session, inward = inbound(gateway)
    ids = "false_1203630@g.us_A"
    inward.record(session, [heard(ids, "4499999@c.us", chat=GROUP, mentions=("1@lid",))])
    inward.record(session, [base.ReactionReceived(ids, GROUP, "1@lid", "👍", 2)])
    inward.record(session, [base.AddressesLinked("1@lid", "4412345@c.us")])
    (message,) = gateway.get(f"/sessions/{session}/messages").json["messages"]
    assert {"mentionedIds": ["4412345@c.us"], "reactions": {"4412345@c.us": "👍"}} == message["metadata"]
