"""The event log as storage keeps it: pages and filters, what they cost, what is forgotten."""

import itertools

from sqlalchemy import text

from gateway import retention
from storage import events, sessions
from storage.db import Database
from storage.events import Draft
from tests.support import START, statements

DAY = 86_400_000
CHATS = ("447700900006@c.us", "447700900007@c.us", None)


def test_every_filter_gives_what_going_through_the_whole_log_gives(db: Database) -> None:
    kinds, chats = ("message.received", "message.ack", "session.status"), CHATS
    with db.write() as tx:
        ids = [sessions.create(tx, {"name": name}, START).id for name in ("one", "two", "three")]
        for n, (session, kind, chat) in enumerate(itertools.product(ids * 2, kinds, chats)):
            events.append(tx, session, [Draft(kind, str(n), {}, chat)], START)
    subsets = [(), ids[:1], ids[:2], ids]
    for some, types, chat, limit in itertools.product(
        subsets, [(), kinds[:1], kinds[:2]], [(), chats[:1], chats[:2]], (1, 4, 100)
    ):
        with db.read() as tx:
            expected = [
                row.cursor
                for row in events.page(tx, 5, 1000)
                if (not some or row.session_id in some)
                and (not types or row.type in types)
                and (not chat or row.chat_id in chat)
                and row.type != "session.status"
            ]
            found = events.page(tx, 5, limit, sessions_in=some, types=types, chats=chat, without=("session.status",))
        assert expected[:limit] == [row.cursor for row in found]


def test_more_than_a_batch_is_forgotten_in_one_turn(db: Database) -> None:
    with db.write() as tx:
        session = sessions.create(tx, {"name": "one"}, START).id
        events.append(tx, session, [Draft("session.status", str(n), {}) for n in range(1201)], START)

    assert retention.turn(db, START + 31 * DAY, 30, 0) == 1201
    with db.read() as tx:
        assert (events.oldest(tx), events.newest(tx)) == (0, 1201)


def test_no_retention_keeps_all(db: Database) -> None:
    with db.write() as tx:
        session = sessions.create(tx, {"name": "one"}, START).id
        events.append(tx, session, [Draft("session.status", "a", {})], START)

    assert retention.turn(db, START + 10_000 * DAY, 0, 0) == 0


ROWS = 100_000
FILTERS = {
    "everything": {},
    "a session": {"sessions_in": ["s0"]},
    "a quiet session": {"sessions_in": ["s9"]},
    "sessions": {"sessions_in": ["s0", "s7", "s9"]},
    "a type": {"types": ["message.received"]},
    "a rare type": {"types": ["session.status"]},
    "types": {"types": ["message.ack", "session.status"]},
    "a rare type of a session": {"sessions_in": ["s0"], "types": ["session.status"]},
    "a type that never was": {"sessions_in": ["s0"], "types": ["call.received"]},
    "types of sessions": {"sessions_in": ["s0", "s9"], "types": ["message.ack", "session.status"]},
    "a chat": {"chats": ["c7"]},
    "a chat of a session": {"sessions_in": ["s0"], "chats": ["c7"]},
    "types of a chat": {"types": ["message.ack"], "chats": ["c7"], "sessions_in": ["s0", "s1"]},
    "a person's two chats": {"chats": ["c7", "c8"]},
    "what a viewer sees": {"without": ["session.qr"]},
}


def fill(db: Database) -> None:
    """A log of 10^5 events: half of them on s0, most of two types, 500 chats."""
    with db.write() as tx:
        for n in range(10):
            sessions.create(tx, {"name": f"s{n}", "id": f"s{n}"}, START)
        tx.execute(
            text(
                "WITH RECURSIVE n(c) AS (SELECT 1 UNION ALL SELECT c + 1 FROM n WHERE c < :rows)"
                " INSERT INTO events"
                " (cursor, id, session_id, sequence, type, chat_id, idempotency_key, data, created_at)"
                " SELECT c, 'e' || c, CASE WHEN c % 2 = 0 THEN 's0' ELSE 's' || (c % 10) END, c,"
                " CASE WHEN c % 1000 = 0 THEN 'session.status' WHEN c % 3 = 0 THEN 'message.ack'"
                " ELSE 'message.received' END,"
                " 'c' || (c % 499), 'k' || c, '{}', c FROM n"
            ),
            {"rows": ROWS},
        )
    if not db.is_sqlite:
        with db.write() as tx:
            tx.execute(text("ANALYZE events"))


def test_every_filter_walks_an_index_at_any_size(db: Database) -> None:
    fill(db)
    explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
    for name, filters in FILTERS.items():
        for after in (0, ROWS // 2, ROWS - 10):
            with db.read() as tx:
                with statements(db) as asked:
                    events.page(tx, after, 100, **filters)
                for statement, parameters in asked:
                    plan = "\n".join(str(row[-1]) for row in tx.exec_driver_sql(explain + statement, parameters))
                    assert "SCAN events" not in plan, (name, after, plan)
                    assert "Seq Scan" not in plan, (name, after, plan)
                    assert "INDEX" in plan.upper(), (name, after, plan)
