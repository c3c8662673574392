"""A look at what a session keeps, before the library sees it: it aborts over what it does not expect."""

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from pathlib import Path

NAME = "whatsmeow.db"
NOTEBOOK = "notebook.db"


class Damaged(Exception):
    """What a session keeps cannot be read; linking again needs its directory emptied."""


class Taken(Exception):
    """Another worker still works on the session."""


def claim(directory: Path, seconds: float, given_up: threading.Event) -> int:
    """Be the only one who serves a session, until `release` or the end of the process. Raises Taken.

    A gateway that was killed leaves a worker that notices, and spools what it still has, while the next one starts: two
    on one store would undo each other's decryption.
    """
    lock = os.open(directory / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until or given_up.wait(0.02):
                os.close(lock)
                raise Taken("another worker still works on this session") from None
        else:
            return lock


def release(lock: int) -> None:
    """Let another one serve the session."""
    os.close(lock)


def forget(directory: Path) -> None:
    """Remove the credentials of an account that is linked no more."""
    for path in directory.glob(f"{NAME}*"):
        path.unlink()


def forget_session(directory: Path, author: str, chat: str) -> None:
    """Remove the Signal session with a device (as WhatsApp writes it: user:device@server), and its key of a group.

    What it sends next cannot be opened, and is asked for anew. Only while the library is not there.
    """
    user, _, server = author.partition("@")
    name, _, device = user.partition(":")
    with contextlib.closing(sqlite3.connect(f"file:{directory / NAME}?mode=rw", uri=True)) as store, store:
        pair = store.execute("SELECT lid, pn FROM whatsmeow_lid_map WHERE ? IN (lid, pn)", (name,)).fetchone()
        lid, phone = pair or ((name, None) if server == "lid" else (None, name))
        for address in (f"{lid}_1:{device or 0}", f"{phone}:{device or 0}"):
            store.execute("DELETE FROM whatsmeow_sessions WHERE their_id = ?", (address,))
            store.execute("DELETE FROM whatsmeow_sender_keys WHERE chat_id = ? AND sender_id = ?", (chat, address))


def linked(directory: Path) -> bool:
    """Whether credentials are kept: the library removes them as soon as WhatsApp says that they are void."""
    if not (directory / NAME).exists():
        return False
    with contextlib.closing(sqlite3.connect(f"file:{directory / NAME}?mode=rw", uri=True)) as store:
        try:
            return store.execute("SELECT 1 FROM whatsmeow_device").fetchone() is not None
        except sqlite3.OperationalError as error:
            return "no such table" not in str(error)  # else it is being written just now


def check(directory: Path) -> None:
    """See that what a session keeps can be read. Raises Damaged."""
    for path in (directory / NAME, directory / NOTEBOOK):
        if path.exists():
            try:
                _check(path)
            except sqlite3.DatabaseError as error:
                raise Damaged(f"{path.name} cannot be read: {error}") from error


def _check(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as store:
        if store.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its check fails")
