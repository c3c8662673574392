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
