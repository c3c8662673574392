"""Full text over messages: found by their words, whatever becomes of them, and only by who may."""

from typing import Any

import pytest
from sqlalchemy import delete

from storage import messages as store
from storage import search
from storage.tables import messages
from tests.support import START, Gateway
from tests.test_stats import say

TEXTS = [
    "Hello from OpenWA!",
    "hello again, world",
    "Grüße aus Köln",
    "GRÜSSE AUS BONN",
    "snake_case and foo-bar and a.b@example.com",
    "<b>bold</b> & order 1234",
    "Привет, мир",
]


@pytest.fixture
def said(gateway: Gateway) -> Gateway:
    """A session with one message of each text, a second apart."""
    session = gateway.session()
    for n, text in enumerate(TEXTS):
        say(gateway, session, "1@c.us", START + n * 1000, body=text, timestamp=START // 1000 + n)
    return gateway


def found(gateway: Gateway, q: str, **more: Any) -> list[str]:
    answer = gateway.get("/search", query_string={"q": q, **more}).json
    assert answer["complete"]
    return [hit["message"]["body"] for hit in answer["hits"]]


@pytest.mark.parametrize(
    ("q", "hits"),
    [
        ("hello", [1, 0]),
        ("HELLO", [1, 0]),
        ("world hello", [1]),
        ("hel", [1, 0]),
        ("wor hello", []),
        ("grüße", [2]),
        ("gruse", []),
        ("привет", [6]),
        ("foo bar", [4]),
        ("snake case", [4]),
        ("example com", [4]),
        ("1234", [5]),
        ("b", [5, 4, 3]),
        ("nothing", []),
        ('"hello" OR *', []),
        ("hello NOT world", []),
        ("hello & !again | ( :*", [1]),
    ],
)
def test_messages_are_found_by_all_their_words(said: Gateway, q: str, hits: list[int]) -> None:
    """Nothing in a query is an operator."""
    assert [TEXTS[n] for n in hits] == found(said, q)


@pytest.mark.parametrize("q", ["", " ", "!?", "***", '"'])
def test_a_query_without_a_word_is_refused(gateway: Gateway, q: str) -> None:
    assert 400 == gateway.get("/search", query_string={"q": q}).status_code
    assert 400 == gateway.get("/search").status_code


@pytest.mark.parametrize(
    ("q", "snippet"),
    [
        ("hello", "<mark>hello</mark> again, world"),
        ("wor", "hello again, <mark>world</mark>"),
        ("bold order", "&lt;b&gt;<mark>bold</mark>&lt;/b&gt; &amp; <mark>order</mark> 1234"),
    ],
)
def test_a_snippet_marks_the_hits_and_escapes_the_rest(said: Gateway, q: str, snippet: str) -> None:
    assert snippet == said.get("/search", query_string={"q": q}).json["hits"][0]["snippet"]


def test_a_snippet_of_a_long_text_is_short(gateway: Gateway) -> None:
    say(gateway, gateway.session(), "1@c.us", body="x " * 1000 + "needle" + " y" * 1000)
    (hit,) = gateway.get("/search?q=needle").json["hits"]
    assert "…" + "x " * 30 + "<mark>needle</mark>" + " y" * 30 + "…" == hit["snippet"]


def test_hits_come_in_pages_with_their_number(said: Gateway) -> None:
    page = said.get("/search?q=hello&limit=1&offset=1").json
    assert ([TEXTS[0]], 2) == ([hit["message"]["body"] for hit in page["hits"]], page["total"])


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "direction=up", "dateFrom=x", "colour=red"])
def test_bad_filters_are_refused(gateway: Gateway, query: str) -> None:
    assert 400 == gateway.get(f"/search?q=hello&{query}").status_code


@pytest.mark.parametrize("few", [50_000, 0])
def test_hits_are_narrowed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(search, "_FEW", few)  # the messages of a chat are compared with the hits, or the other way
    one, two = gateway.session("one"), gateway.session("two")
    say(gateway, one, "628123456789@c.us", body="word 0", timestamp=1000)
    say(gateway, one, "222222@c.us", body="word 1", timestamp=2000, direction="outgoing", type="image")
    say(gateway, two, "222222@c.us", body="word 2", timestamp=3000)
    narrowed = [
        found(gateway, "word", sessionId="one"),
        found(gateway, "word", chatId="+62 812-3456-789"),
        found(gateway, "word", **{"from": "222222"}),
        found(gateway, "word", direction="outgoing"),
        found(gateway, "word", type="image"),
        found(gateway, "word", dateFrom=2_000_000),
        found(gateway, "word", dateFrom=1_000_001, dateTo=2_999_999),
    ]
    expected = [[1, 0], [0], [2, 1], [1], [1], [2, 1], [1]]
    assert [[f"word {n}" for n in hits] for hits in expected] == narrowed


def test_a_key_finds_within_its_sessions(gateway: Gateway) -> None:
    one, two = gateway.session("one"), gateway.session("two")
    for session in (one, two):
        say(gateway, session, "1@c.us", body=f"word of {session}")
    bound = gateway.key("operator", allowedSessions=[one])
    answer = gateway.get("/search?q=word", key=bound).json
    assert ([one], 1) == ([hit["message"]["sessionId"] for hit in answer["hits"]], answer["total"])
    assert 401 == gateway.get("/search?q=word&sessionId=two", key=bound).status_code
    assert 404 == gateway.get("/search?q=word&sessionId=three").status_code
    assert 403 == gateway.get("/search?q=word", key=gateway.key("viewer")).status_code


def test_the_index_follows_its_messages(said: Gateway) -> None:
    assert 2 == len(found(said, "hello"))
    with said.program.db.write() as tx:
        session = said.get("/sessions/my-bot").json["id"]
        store.change_body(tx, session, "wa-0", "Farewell")
        store.revoke(tx, session, "wa-1")
        tx.execute(delete(messages).where(messages.c.wa_message_id == "wa-6"))
    assert ([], [], ["Farewell"]) == (found(said, "hello"), found(said, "привет"), found(said, "farewell"))


def test_what_takes_a_removed_message_s_place_is_found(said: Gateway) -> None:
    """SQLite gives the last row's number again."""
    assert 1 == len(found(said, "привет"))
    with said.program.db.write() as tx:
        tx.execute(delete(messages).where(messages.c.wa_message_id == "wa-6"))
    say(said, said.get("/sessions/my-bot").json["id"], "1@c.us", body="the next one", wa_message_id="next")
    assert (["the next one"], []) == (found(said, "next"), found(said, "привет"))


def test_words_leave_with_their_session(said: Gateway) -> None:
    found(said, "hello")
    said.delete("/sessions/my-bot")
    assert [] == found(said, "hello")
    if said.program.db.is_sqlite:
        with said.program.db.read() as tx:
            assert 0 == tx.exec_driver_sql("SELECT count(*) FROM message_texts_docsize").scalar_one()
            tx.exec_driver_sql("INSERT INTO message_texts (message_texts) VALUES ('integrity-check')")


def test_an_index_far_behind_says_so_and_catches_up(said: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_PORTION", 2)
    monkeypatch.setattr("handlers.search._CATCH_UP", 4)
    seen = [said.get("/search?q=b").json["complete"] for _ in range(2)]
    assert [not said.program.db.is_sqlite, True] == seen


def test_a_message_is_found_as_soon_as_it_is_sent(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.post(f"/sessions/{session}/messages/send-text", json={"chatId": "628123456789@c.us", "text": "Eureka"})
    assert ["Eureka"] == found(gateway, "eureka")
