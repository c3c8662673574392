"""What is told of each happening: payload, key, chat, as the document says of its type."""

import pytest

from engines import base
from handlers import happenings, session_happenings
from storage.events import Draft
from tests.support import START, document, hold_event

ADA = "447700900006@c.us"
SESSION = "8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a"

HAPPENINGS = [
    base.StateChanged("failed", "banned"),
    base.StateChanged("failed", "banned", until=START // 1000),
    base.StateChanged("ready", None, "628999000111", "My Shop"),
    base.StateChanged("disconnected"),
]


def message(**more) -> base.Message:
    values = {"id": "X1", "chat": ADA, "sender": ADA, "type": "text", "body": "Hello", "timestamp": START // 1000}
    return base.Message(**{**values, **more})


DRAFTS = {
    "a text": happenings.message_received(SESSION, message(push_name="Ada"), own="628999000111@c.us"),
    "a group message": happenings.message_received(SESSION, message(chat="120363041234567890@g.us", mentions=(ADA,))),
    "a hidden sender": happenings.message_received(SESSION, message(chat="12345@lid", sender="12345@lid")),
    "a picture": happenings.message_received(
        SESSION, message(type="image", media=base.IncomingMedia("image/png", 5), quote=base.Quote("Y", ADA, "what?"))
    ),
    "a picture that is kept": happenings.message_received(
        SESSION,
        message(type="image", media=base.IncomingMedia("image/png", 5, "cat.png")),
        link="/api/sessions/a/messages/b/media",
    ),
    "a place": happenings.message_received(SESSION, message(type="location", location=base.Location(1.5, 2.5, "here"))),
    "an own message": happenings.message_sent(SESSION, message(from_me=True, sender="628999000111@c.us")),
    "an edit": happenings.message_edited(SESSION, base.MessageEdited("X1", ADA, ADA, "Hi", 1), None),
    "an edit in a group": happenings.message_edited(SESSION, base.MessageEdited("X1", "1-2@g.us", ADA, "Hi", 1), None),
    "a revocation": happenings.message_revoked(SESSION, base.MessageRevoked("X1", ADA, ADA, 1, id="X2")),
    "a reaction": happenings.message_reaction(SESSION, base.ReactionReceived("X1", ADA, ADA, "", 1), {}),
    "a vote": happenings.poll_vote(SESSION, base.PollVoted("X1", ADA, ADA, ("Tea",), 1)),
    "old messages": session_happenings.session_history(SESSION, 40, START),
    "a reconnect loop": session_happenings.reconnect_loop(SESSION, 5, START),
    "a status": happenings.status_received(SESSION, message(chat="status@broadcast", push_name="Ada"), kept=False),
    "a status with media": happenings.status_received(
        SESSION,
        message(chat="status@broadcast", type="image", body="", media=base.IncomingMedia("image/png", 5)),
        kept=True,
    ),
    "a presence": happenings.presence_update(SESSION, base.PresenceChanged(ADA, online=False, last_seen=1), START),
    "a code": session_happenings.session_qr(SESSION, "data:image/png;base64,iVBORw0KGgo="),
    "joining": happenings.group_changed(SESSION, base.GroupChanged("1-2@g.us", "join", (ADA,), None, 1)),
    "a new subject": happenings.group_changed(
        SESSION, base.GroupChanged("1-2@g.us", "update", (), ADA, 1, {"subject": "Chess"})
    ),
    "a call": happenings.call_received(SESSION, base.CallReceived("C1", ADA, 1, video=True)),
    "addresses": happenings.contact_linked(SESSION, base.AddressesLinked("12345@lid", ADA)),
    "a dead endpoint": happenings.webhook_disabled(SESSION, SESSION, "https://example.com/hook", "gone", START),
    **{
        f"{changed.state}, {draft.type}": draft
        for changed in HAPPENINGS
        for draft in session_happenings.session_changed(SESSION, changed, START)
    },
}


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS.keys())
def test_every_happening_is_what_the_document_says_of_its_type(draft: Draft) -> None:
    hold_event(
        {
            "id": SESSION, "cursor": 1, "sessionId": SESSION, "sequence": 1, "type": draft.type,
            "chatId": draft.chat_id, "idempotencyKey": draft.key,
            "timestamp": "2027-01-15T08:00:00.000Z", "data": draft.data,
        }
    )  # fmt: skip


def test_the_document_s_types_are_those_of_its_schemas() -> None:
    schemas = document()["components"]["schemas"]
    named = schemas["Event"]["discriminator"]["mapping"]
    assert schemas["EventType"]["enum"] == list(named)
    assert [one["$ref"] for one in schemas["Event"]["oneOf"]] == list(named.values())


def test_the_same_happening_on_two_sessions_is_two_events() -> None:
    changed = base.GroupChanged("1-2@g.us", "join", (ADA,), None, 1)
    assert happenings.group_changed("one", changed).key != happenings.group_changed("two", changed).key


def test_a_ban_says_until_when_and_an_end_what_helps() -> None:
    assert "banned until 2027-01-15T08:00:00.000Z" == session_happenings.why(
        base.StateChanged("failed", "banned", until=1800000000)
    )
    assert "upgrade" in (session_happenings.why(base.StateChanged("failed", "outdated")) or "")
    assert "network" == session_happenings.why(base.StateChanged("disconnected", "network"))
