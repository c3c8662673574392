"""Chats of a linked account, live from the engine."""

import pytest

from engines.simulator import Draft
from tests.support import Gateway

AYU = "447700900006@c.us"
BIMA = "447700900007@c.us"
CHATS = "/sessions/my-bot/chats"


@pytest.fixture
def ready(gateway: Gateway) -> Gateway:
    """A gateway whose session my-bot has two chats: Bima wrote last."""
    session = gateway.session(ready=True)
    for contact, text in ((AYU, "hi"), (AYU, "there"), (BIMA, "hello")):
        gateway.clock.advance(1)
        gateway.world.control.write(session, contact, Draft("text", text))
    gateway.clock.advance()
    return gateway


def test_chats_are_listed_the_one_written_to_last_first(ready: Gateway) -> None:
    chats = ready.get(CHATS).json
    told = [(chat["id"], chat["lastMessage"], chat["unreadCount"], chat["isGroup"]) for chat in chats]
    assert [(BIMA, "hello", 1, False), (AYU, "there", 2, False)] == told


def test_a_chat_that_is_written_to_comes_first(ready: Gateway) -> None:
    ready.clock.advance(1)
    ready.post("/sessions/my-bot/messages/send-text", json={"chatId": AYU, "text": "answer"})
    chat = ready.get(CHATS).json[0]
    assert (AYU, "answer", 0) == (chat["id"], chat["lastMessage"], chat["unreadCount"])


def test_chats_are_listed_page_by_page(ready: Gateway) -> None:
    assert [AYU] == [chat["id"] for chat in ready.get(f"{CHATS}?limit=1&offset=1").json]
    assert [] == ready.get(f"{CHATS}?offset=2").json


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=x", "unread=true"])
def test_a_page_that_makes_no_sense_is_refused(ready: Gateway, query: str) -> None:
    assert 400 == ready.get(f"{CHATS}?{query}").status_code


def test_a_session_that_is_not_started_has_no_chats_to_show(gateway: Gateway) -> None:
    gateway.session()
    answer = gateway.get(CHATS)
    assert (400, "Session is not started") == (answer.status_code, answer.json["message"])


def test_a_session_that_is_not_connected_has_no_chats_to_show(gateway: Gateway) -> None:
    gateway.post(f"/sessions/{gateway.session()}/start")
    answer = gateway.get(CHATS)
    told = "Session is not connected. The WhatsApp client is not ready."
    assert (409, told) == (answer.status_code, answer.json["message"])


# --- marks ----------------------------------------------------------------------------------------


def mark(gateway: Gateway, what: str, chat: str = "+44 7700 900006", **more):
    return gateway.post(f"{CHATS}/{what}", json={"chatId": chat, **more})


def memory(gateway: Gateway):
    """Ayu's chat as the account's phone remembers it."""
    session = gateway.get("/sessions/my-bot").json["id"]
    return gateway.world.account(session).chats[AYU]


def unread(gateway: Gateway) -> int:
    return int(next(chat["unreadCount"] for chat in gateway.get(CHATS).json if chat["id"] == AYU))


def test_a_chat_is_marked_read_and_unread(ready: Gateway) -> None:
    read = mark(ready, "read")
    assert (200, {"success": True}, 0) == (read.status_code, read.json, unread(ready))
    assert ({"success": True}, 1) == (mark(ready, "unread").json, unread(ready))


def test_a_chat_is_deleted_once(ready: Gateway) -> None:
    assert [{"success": True}, {"success": False}] == [mark(ready, "delete").json, mark(ready, "delete").json]
    assert [BIMA] == [chat["id"] for chat in ready.get(CHATS).json]


def test_a_chat_is_archived_and_pinned_and_back(ready: Gateway) -> None:
    mark(ready, "archive")
    mark(ready, "pin")
    assert (True, True) == (memory(ready).archived, memory(ready).pinned)
    mark(ready, "archive", archived=False)
    mark(ready, "pin", pinned=False)
    assert (False, False) == (memory(ready).archived, memory(ready).pinned)


def test_a_chat_is_muted_for_good_until_a_moment_or_no_more(ready: Gateway) -> None:
    untils = []
    for more in ({}, {"until": "2027-03-01T08:00:00Z"}, {"muted": False}):
        mark(ready, "mute", **more)
        untils.append(memory(ready).muted_until)
    assert [253_402_300_799, 1_803_888_000, None] == untils


def test_typing_is_shown(ready: Gateway) -> None:
    assert {"success": True} == mark(ready, "typing", state="recording").json
    assert 400 == mark(ready, "typing", state="singing").status_code


@pytest.mark.parametrize("what", ["read", "unread", "archive", "pin", "mute"])
def test_a_chat_that_is_not_there_cannot_be_marked(ready: Gateway, what: str) -> None:
    assert 404 == mark(ready, what, chat="447700900010").status_code


def test_viewers_mark_nothing(ready: Gateway) -> None:
    viewer = ready.key("viewer")
    marks = ("read", "unread", "delete", "archive", "pin", "mute")
    answers = [ready.post(f"{CHATS}/{what}", json={"chatId": AYU}, key=viewer) for what in marks]
    assert [403] * 6 == [answer.status_code for answer in answers]
