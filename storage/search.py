"""Full text over messages: the newest that hold all words, whatever their case; the last may be a word's beginning.

A word is a run of letters and digits, on both databases. See triggers.py for where they are kept.
"""

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from sqlalchemy import Select, String, column, func, literal_column, select, table, text

from storage.db import Database, Tx
from storage.messages import Message
from storage.tables import messages, sessions

MOST_COUNTED = 10_000
_FEW = 50_000  # messages of a chat or a person that are looked up first, to be compared with the hits
_PORTION = 1_000  # messages indexed in one transaction, so that no other writer waits long
_WORD = re.compile(r"[^\W_]+")
_TEXTS = table("message_texts", column("rowid"), column("message_texts", String))
_NEXT = text("""
    INSERT INTO message_texts (rowid, body) SELECT row, body FROM messages
    WHERE row > (SELECT coalesce(max(id), 0) FROM message_texts_docsize) ORDER BY row LIMIT :most
""")
_VECTOR: Any = literal_column("to_tsvector('simple', regexp_replace(messages.body, '[^[:alnum:]]+', ' ', 'g'))")


class Wanted(NamedTuple):
    """What a message has to be besides: of these sessions (any where none), and so on. Times are epoch milliseconds."""

    sessions: Collection[str] = ()
    chats: Collection[str] = ()
    senders: Collection[str] = ()
    direction: str | None = None
    type: str | None = None
    since: int | None = None
    until: int | None = None


def words(given: str) -> list[str]:
    """The words of a query."""
    return _WORD.findall(given)


def find(tx: Tx, asked: list[str], wanted: Wanted, limit: int, offset: int) -> tuple[list[Message], int]:
    """Messages with all these words, newest first, and how many there are, counted to 10000."""
    hits = _hits(tx, asked, wanted).limit(max(MOST_COUNTED, offset + limit))
    found = list(tx.execute(hits).scalars())
    page = select(messages).where(messages.c.row.in_(found[offset : offset + limit]))
    return list(tx.execute(page.order_by(messages.c.row.desc()))), min(len(found), MOST_COUNTED)


def catch_up(db: Database, most: int = 2**62) -> bool:
    """Index what is not indexed yet, at most so many messages; whether all are. PostgreSQL does so by itself."""
    done = _PORTION if db.is_sqlite else 0
    while done == _PORTION and most > 0:
        with db.write() as tx:
            done = tx.execute(_NEXT, {"most": _PORTION}).rowcount
        most -= done
    return done < _PORTION


def behind(tx: Tx) -> bool:
    """Whether there are messages that are not indexed yet."""
    if tx.dialect.name == "postgresql":
        return False
    indexed = text("SELECT coalesce(max(id), 0) FROM message_texts_docsize")
    newest = tx.execute(select(func.max(messages.c.row))).scalar() or 0
    return bool(newest > tx.execute(indexed).scalar_one())


def _hits(tx: Tx, asked: list[str], wanted: Wanted) -> Select[Any]:
    """The rows of messages that are wanted, newest first."""
    if tx.dialect.name == "postgresql":
        query = " & ".join([*asked[:-1], f"{asked[-1]}:*"])
        found = select(messages.c.row).where(_VECTOR.op("@@")(func.to_tsquery("simple", query)))
        return found.where(*_of(wanted), *_like(wanted)).order_by(messages.c.row.desc())
    query = " ".join([*(f'"{word}"' for word in asked[:-1]), f'"{asked[-1]}"*'])
    found = select(_TEXTS.c.rowid).where(_TEXTS.c.message_texts.op("MATCH")(query)).order_by(_TEXTS.c.rowid.desc())
    # Added to, a row or a column offers SQLite no index: it has to walk the hits, not ask of each message whether it is
    # one.
    hit, of = _TEXTS.c.rowid + 0, _of(wanted, lambda column: column.concat(""))
    if wanted.chats or wanted.senders:
        everywhere = [] if wanted.sessions else [messages.c.session_id.in_(select(sessions.c.id))]
        few = select(messages.c.row).where(*everywhere, *_of(wanted))
        if tx.execute(select(func.count()).select_from(few.limit(_FEW + 1).subquery())).scalar_one() <= _FEW:
            found, of = found.where(hit.in_(few)), []
    where = [*of, *_like(wanted)]
    return found.join(messages, messages.c.row == hit).where(*where) if where else found


def _of(wanted: Wanted, column: Callable[[Any], Any] = lambda column: column) -> list[Any]:
    several = (("session_id", wanted.sessions), ("chat_id", wanted.chats), ("sender", wanted.senders))
    return [column(messages.c[name]).in_(values) for name, values in several if values]


def _like(wanted: Wanted) -> list[Any]:
    one = (("direction", wanted.direction), ("type", wanted.type))
    where = [messages.c[name] == value for name, value in one if value is not None]
    if wanted.since is not None:
        where.append(messages.c.timestamp >= -(-wanted.since // 1000))
    if wanted.until is not None:
        where.append(messages.c.timestamp <= wanted.until // 1000)
    return where
