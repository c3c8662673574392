"""What a worker keeps on disk: the spool of events on their way, sends that finished, and messages to refer back to.

What is written survives the death of the process at once, and a power cut once `settle` returned: the library's
callback waits for the first, and WhatsApp, to be told that a message arrived, for the second.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (number INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS opening (chat TEXT NOT NULL, address TEXT NOT NULL, before BLOB);
CREATE TABLE IF NOT EXISTS sends (key TEXT PRIMARY KEY, message_id TEXT, at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
  serial INTEGER PRIMARY KEY AUTOINCREMENT, chat TEXT NOT NULL, stanza TEXT NOT NULL, sender TEXT NOT NULL,
  from_me INTEGER NOT NULL, unread INTEGER NOT NULL, at INTEGER NOT NULL, content BLOB NOT NULL, packed BLOB NOT NULL,
  UNIQUE (chat, stanza));
CREATE INDEX IF NOT EXISTS messages_unread ON messages (chat) WHERE unread;
CREATE INDEX IF NOT EXISTS messages_time ON messages (chat, at);
CREATE TABLE IF NOT EXISTS reactions (
  chat TEXT, stanza TEXT, sender TEXT, emoji TEXT, at INTEGER, PRIMARY KEY (chat, stanza, sender)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chats (id TEXT PRIMARY KEY, name TEXT, unread INTEGER, at INTEGER, last TEXT) WITHOUT ROWID;
"""
_KEPT_MESSAGES = 20_000
_KEPT_SENDS = 20_000
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the latter only

Key = tuple[str, str, bytes | None]
"""The chat of a group's key, "" for a Signal session; whose it is; the key itself, None where there is none."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A record of the spool: `kind` is neonize's number of the event, or one of ours."""

    number: int
    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was seen: `content` is WhatsApp's, `packed` ours (`engines.base.Message`)."""

    chat: str
    stanza: str
    sender: str
    from_me: bool
    at: int
    content: bytes
    packed: bytes
    unread: bool = False


class Notebook:
    """One session's notebook. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._store = sqlite3.connect(path, check_same_thread=False, timeout=30.0)
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = NORMAL")
        self._store.executescript(_SCHEMA)
        self._log = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        self._appended = threading.Condition()

    def close(self) -> None:
        """Use it no more: whoever still does gets an sqlite3.ProgrammingError."""
        with self._lock:
            self._store.close()
            os.close(self._log)

    # --- the spool

    def append(self, kind: int, body: bytes, *, opened: bool = False) -> int:
        """Put a record at the end, maybe that of the message that was being opened; returns its number."""
        with self._lock, self._store:
            number = self._store.execute("INSERT INTO spool (kind, body) VALUES (?, ?)", (kind, body)).lastrowid
            if opened:
                self._store.execute("DELETE FROM opening")
        with self._appended:
            self._appended.notify_all()
        return number or 0

    def settle(self) -> None:
        """Return once everything appended is on the disk itself."""
        _sync(self._log)

    def after(self, number: int) -> Spooled | None:
        """The first record beyond this number."""
        row = self._one("SELECT number, kind, body FROM spool WHERE number > ? ORDER BY number LIMIT 1", (number,))
        return Spooled(*row) if row else None

    def wait(self, seconds: float) -> bool:
        """Return when something was appended, at the latest after so many seconds; says whether something was."""
        with self._appended:
            return self._appended.wait(seconds)

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove records that arrived."""
        with self._lock, self._store:
            self._store.executemany("DELETE FROM spool WHERE number = ?", ((number,) for number in numbers))

    def spooled(self) -> int:
        """How many records are on their way."""
        row = self._one("SELECT count(*) FROM spool", ())
        return int(row[0]) if row else 0

    # --- a message that is being decrypted

    def open(self, keys: Iterable[Key]) -> None:
        """A message is about to be decrypted with these keys, as they are now."""
        with self._lock, self._store:
            self._store.execute("DELETE FROM opening")
            self._store.executemany("INSERT INTO opening VALUES (?, ?, ?)", keys)

    def opening(self) -> list[Key]:
        """The keys as they were before a message was decrypted that is not in the spool."""
        with self._lock:
            return self._store.execute("SELECT chat, address, before FROM opening").fetchall()

    # --- the account

    def fact(self, name: str) -> str:
        """Something noted about the account, "" where nothing was."""
        row = self._one("SELECT value FROM facts WHERE name = ?", (name,))
        return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        """Note something about the account."""
        with self._lock, self._store:
            self._store.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # --- sends

    def begin_send(self, key: str) -> tuple[str | None, int] | None:
        """Note that a send begins. None for a new key; else its (message id or None, time) as known."""
        row = self._one("SELECT message_id, at FROM sends WHERE key = ?", (key,))
        if row:
            return row[0], row[1] or 0
        with self._lock, self._store:
            self._store.execute("INSERT INTO sends (key) VALUES (?)", (key,))
        return None

    def end_send(self, key: str, message_id: str, at: int) -> None:
        """The send was taken."""
        with self._lock, self._store:
            self._store.execute("UPDATE sends SET message_id = ?, at = ? WHERE key = ?", (message_id, at, key))

    def drop_send(self, key: str) -> None:
        """The send did not happen: the key may be used again."""
        with self._lock, self._store:
            self._store.execute("DELETE FROM sends WHERE key = ?", (key,))

    # --- messages to refer back to

    def keep(self, message: Kept) -> None:
        """Remember a message."""
        row = (message.chat, message.stanza, message.sender, message.from_me, message.unread, message.at)
        with self._lock, self._store:
            self._store.execute(
                "INSERT OR IGNORE INTO messages (chat, stanza, sender, from_me, unread, at, content, packed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, message.content, message.packed),
            )

    def find(self, chat: str, stanza: str) -> Kept | None:
        """A message that was seen."""
        return next(iter(self._kept("chat = ? AND stanza = ?", (chat, stanza))), None)

    def latest(self, chat: str, limit: int, *, since: int = 0) -> list[Kept]:
        """The newest messages of a chat, oldest first."""
        found = self._kept("chat = ? AND at >= ? ORDER BY at DESC, serial DESC LIMIT ?", (chat, since, limit))
        return found[::-1]

    def unread(self, chat: str) -> list[Kept]:
        """The messages of a chat that nobody read yet."""
        return self._kept("chat = ? AND unread ORDER BY serial", (chat,))

    def mark_read(self, chat: str) -> None:
        with self._lock, self._store:
            self._store.execute("UPDATE messages SET unread = 0 WHERE chat = ? AND unread", (chat,))
            self._store.execute("UPDATE chats SET unread = 0 WHERE id = ?", (chat,))

    def _kept(self, where: str, values: tuple[object, ...]) -> list[Kept]:
        sql = f"SELECT chat, stanza, sender, from_me, at, content, packed, unread FROM messages WHERE {where}"  # noqa: S608 - literals above
        with self._lock:
            rows = self._store.execute(sql, values).fetchall()
        return [Kept(row[0], row[1], row[2], bool(row[3]), row[4], row[5], row[6], bool(row[7])) for row in rows]

    # --- reactions and chats

    def react(self, chat: str, stanza: str, sender: str, emoji: str, at: int) -> None:
        """Somebody reacted; an empty emoji takes it back."""
        with self._lock, self._store:
            self._store.execute(
                "INSERT OR REPLACE INTO reactions VALUES (?, ?, ?, ?, ?)", (chat, stanza, sender, emoji, at)
            )

    def reactions(self, chat: str, stanza: str) -> list[tuple[str, str, int]]:
        """Emoji, sender and time of each reaction to a message."""
        sql = "SELECT emoji, sender, at FROM reactions WHERE chat = ? AND stanza = ? AND emoji != '' ORDER BY at"
        with self._lock:
            return self._store.execute(sql, (chat, stanza)).fetchall()

    def note_chat(self, chat: str, name: str | None, unread: int, at: int, last: str | None) -> None:
        """A message came or went; `unread` is added to what the chat had."""
        sql = (
            "INSERT INTO chats VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET name = coalesce(?2, name),"
            " unread = unread + ?3, last = CASE WHEN ?4 >= at THEN coalesce(?5, last) ELSE last END, at = max(at, ?4)"
        )
        with self._lock, self._store:
            self._store.execute(sql, (chat, name, unread, at, last))

    def chats(self, limit: int = -1, offset: int = 0) -> list[tuple[str, str | None, int, int, str | None]]:
        """Id, name, unread messages, time and text of the last one, newest first; a page of them, or all."""
        sql = "SELECT id, name, unread, at, last FROM chats ORDER BY at DESC, id LIMIT ? OFFSET ?"
        with self._lock:
            return self._store.execute(sql, (limit, offset)).fetchall()

    def meet(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Whoever was at the first address of a pair is at the second: two chats become one."""
        joined = (
            "INSERT INTO chats SELECT ?2, name, unread, at, last FROM chats WHERE id = ?1"
            " ON CONFLICT (id) DO UPDATE SET name = coalesce(name, excluded.name), unread = unread + excluded.unread,"
            " last = CASE WHEN excluded.at > at THEN excluded.last ELSE last END, at = max(at, excluded.at)"
        )
        with self._lock, self._store:
            for before, now in pairs:
                self._store.execute(joined, (before, now))
                self._store.execute("DELETE FROM chats WHERE id = ?", (before,))
                for table in ("messages", "reactions"):
                    self._store.execute(f"UPDATE OR IGNORE {table} SET chat = ? WHERE chat = ?", (now, before))  # noqa: S608

    def prune(self) -> None:
        """Let go of the oldest messages and sends beyond what is kept."""
        with self._lock, self._store:
            self._store.execute(
                "DELETE FROM messages WHERE serial <= (SELECT max(serial) FROM messages) - ?", (_KEPT_MESSAGES,)
            )
            oldest = "SELECT at FROM sends WHERE at NOT NULL ORDER BY at DESC LIMIT 1 OFFSET ?"
            self._store.execute(f"DELETE FROM sends WHERE at < ({oldest})", (_KEPT_SENDS,))  # noqa: S608 - a literal

    def _one(self, sql: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._store.execute(sql, values).fetchone()
            return row
