"""A look at what a session keeps, before the library sees it: it aborts over what it does not expect."""

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

NAME = "whatsmeow.db"
NOTEBOOK = "notebook.db"

_HEADER, _COUNTER = 100, slice(24, 28)  # of an SQLite file, and how often it was changed
_GLANCE_SECONDS, _PAUSE = 2.0, 0.002
_T = TypeVar("_T")


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


def glance(path: Path, read: Callable[[sqlite3.Connection], _T]) -> _T | None:
    """What `read` finds in the library's database while the library uses it; None where that writes all the time.

    The library has an SQLite of its own. Locks of a file are a process's, so that the two do not see each other's: ours
    would take a transaction that is under way for one that broke off, and undo it. So it is told to look at nothing but
    the file, and what it read counts if nothing was written meanwhile.
    """
    until = time.monotonic() + _GLANCE_SECONDS
    while time.monotonic() < until:
        before = _version(path)
        if before is None:
            time.sleep(_PAUSE)
            continue
        with contextlib.closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as store:
            try:
                found = read(store)
            except sqlite3.DatabaseError:
                if _version(path) == before:
                    raise
                continue
        if _version(path) == before:
            return found
    return None


def _version(path: Path) -> bytes | None:
    """It changes with each transaction; None while one is under way."""
    if path.with_name(f"{path.name}-journal").exists():
        return None
    with path.open("rb") as file:
        return file.read(_HEADER)[_COUNTER]


def linked(directory: Path) -> bool:
    """Whether credentials are kept: the library removes them as soon as WhatsApp says that they are void."""
    if not (directory / NAME).exists():
        return False
    try:
        found = glance(directory / NAME, lambda store: bool(store.execute("SELECT 1 FROM whatsmeow_device").fetchone()))
    except sqlite3.OperationalError:
        return False  # there are no tables yet
    return found is not False  # where it cannot be seen it is being written just now


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


def tidy(directory: Path) -> None:
    """Have nothing look as if somebody was writing. Only while the library is not there.

    Who is killed as it begins a journal leaves one that says nothing, and stays until somebody writes.
    """
    path = directory / NAME
    if path.exists() and _version(path) is None:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as store:
            version = store.execute("PRAGMA user_version").fetchone()[0]
            store.execute(f"PRAGMA user_version = {version}")
