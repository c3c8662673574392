"""Full text over messages: the newest that hold all words, whatever their case; the last may be a word's beginning.

A word is a run of letters and digits, on both databases. See triggers.py for where they are kept.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Select, String, column, func, literal_column, select, table, text

from storage.db import Database, Tx
from storage.messages import Message
from storage.tables import messages

MOST_COUNTED = 10_000
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
    hits = _hits(tx.dialect.name, asked, wanted)
    newest = messages.c.row if tx.dialect.name == "postgresql" else _TEXTS.c.rowid  # in whose order words are kept
    rows = tx.execute(hits.order_by(newest.desc()).limit(limit).offset(offset))
    counted = hits.with_only_columns(messages.c.row).limit(MOST_COUNTED).subquery()
    return list(rows), int(tx.execute(select(func.count()).select_from(counted)).scalar_one())


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


def _hits(dialect: str, asked: list[str], wanted: Wanted) -> Select[Any]:
    if dialect == "postgresql":
        query = " & ".join([*asked[:-1], f"{asked[-1]}:*"])
        found = select(messages).where(_VECTOR.op("@@")(func.to_tsquery("simple", query)))
    else:
        query = " ".join([*(f'"{word}"' for word in asked[:-1]), f'"{asked[-1]}"*'])
        found = select(messages).join(_TEXTS, _TEXTS.c.rowid == messages.c.row)
        found = found.where(_TEXTS.c.message_texts.op("MATCH")(query))
    several = (("session_id", wanted.sessions), ("chat_id", wanted.chats), ("sender", wanted.senders))
    # Concatenated, a column offers SQLite no index: it has to walk the hits, not ask of each message whether it is one.
    of = {name: messages.c[name].concat("") if dialect == "sqlite" else messages.c[name] for name, _ in several}
    where: list[Any] = [of[name].in_(values) for name, values in several if values]
    one = (("direction", wanted.direction), ("type", wanted.type))
    where += [messages.c[name] == value for name, value in one if value is not None]
    if wanted.since is not None:
        where.append(messages.c.timestamp >= -(-wanted.since // 1000))
    if wanted.until is not None:
        where.append(messages.c.timestamp <= wanted.until // 1000)
    return found.where(*where)
