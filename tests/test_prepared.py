"""Pages of rows: SQLite hands one over in one piece, and it holds what row after row would have."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from storage import api_keys, messages, sessions
from storage.db import Database, Tx
from storage.prepared import Prepared
from storage.tables import api_keys as keys
from storage.tables import messages as kept
from tests.support import statements

NOW = 1_800_000_000_000
TEXTS = {
    "nothing": "",
    "a lone emoji": "😀",
    "a family": "👨\u200d👩\u200d👧",
    "right to left": "\u202eשלום العربية\u202c",
    "control characters": "".join(map(chr, [*range(1, 0x20), 0x7F, 0x85])),
    "line ends": "\r\n\u2028\u2029",
    "what is no character": "\ufeff\ufffe\uffff\U0010ffff",
    "what JSON escapes": '"\\/ \\u0041 \\n',
    "JSON": '[{"a": null}]',
    "the word null": "null",
    "digits": "007",
    "a long text": "é" * 65_536,
}


@pytest.fixture
def tx(db: Database) -> Iterator[Tx]:
    """A transaction in which the session `one` has been made."""
    with db.write() as opened:
        sessions.create(opened, {"name": "one"}, NOW)
        yield opened


def add(tx: Tx, number: int = 1, **values: Any) -> None:
    """So many messages of the session, of chat c1, numbered from 0; with other values than the usual ones."""
    usual = {
        "chat_id": "c1", "sender": "c1", "recipient": "me", "body": "hi", "type": "text", "direction": "incoming",
        "status": "sent", "timestamp": NOW // 1000,
    }  # fmt: skip
    session = sessions.find(tx, "one").id
    messages.add(
        tx, session, [{**usual, "id": f"m{n}", "wa_message_id": f"w{n}", **values} for n in range(number)], NOW
    )


def page(tx: Tx, chat: str | None = None, limit: int = 50, offset: int = 0) -> list[messages.Message]:
    return messages.page(tx, sessions.find(tx, "one"), chat, None, limit, offset)[0]


def test_a_page_of_nothing_is_empty(tx: Tx) -> None:
    assert [] == page(tx)


def test_a_page_has_the_rows_that_the_database_has(tx: Tx) -> None:
    add(tx, 60)
    expected = tx.execute(select(kept).order_by(kept.c.row.desc()).limit(50).offset(3)).all()
    assert [tuple(row) for row in expected] == [tuple(row) for row in page(tx, offset=3)]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_page_has_any_text_as_it_was(tx: Tx, text: str) -> None:
    add(tx, body=text)
    assert text == page(tx)[0].body


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_a_page_has_whole_numbers_to_the_last_digit(tx: Tx, number: int) -> None:
    add(tx, timestamp=number)
    assert number == page(tx)[0].timestamp


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"deep": [{"in": {"side": [[], {}, None, True, 1.5, 2**53 + 1, '"\\ 😀\u2028']}}]},
        {"text": "null", "שלום": "[1]"},
    ],
)
def test_a_page_has_json_as_it_was(tx: Tx, metadata: Any) -> None:
    add(tx, metadata=metadata)
    assert metadata == page(tx)[0].metadata


def test_a_page_has_truth_and_nothing_as_such(tx: Tx) -> None:
    for name in ("on", "off"):  # not the only admin
        made = api_keys.create(tx, {"name": name, "role": "admin"}, name, "", NOW)
        api_keys.change(tx, made.id, {"is_active": name == "on"}, NOW)
    query = select(keys.c.is_active, keys.c.expires_at, keys.c.allowed_ips).order_by(keys.c.row)
    found = Prepared(query.limit(bindparam("limit")), page=True).all(tx, limit=9)
    assert [(True, None, []), (False, None, [])] == found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("chat", "index"), [(None, "ix_messages_session_id_row"), ("c1", "ix_messages_session_id_chat_id_row")]
)
@pytest.mark.parametrize("offset", [0, 80])
def test_a_page_in_one_piece_is_a_walk_along_an_index_without_sorting(
    db: Database, tx: Tx, chat: str | None, index: str, offset: int
) -> None:
    add(tx, 100)
    with statements(db) as asked:
        assert 10 == len(page(tx, chat, 10, offset))
    statement, values = asked[-1]
    plan = [str(row[-1]) for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert [index] == [line.split("INDEX ")[1].split(" ")[0] for line in plan if "messages" in line]
    assert not [line for line in plan if "B-TREE" in line]
