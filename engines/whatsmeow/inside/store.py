"""A look at what a session keeps, before the library sees it: it aborts over what it does not expect."""

import contextlib
import sqlite3
from pathlib import Path

NAME = "whatsmeow.db"
NOTEBOOK = "notebook.db"


class Damaged(Exception):
    """What a session keeps cannot be read; linking again needs its directory emptied."""


def forget(directory: Path) -> None:
    """Remove the credentials of an account that is linked no more."""
    for path in directory.glob(f"{NAME}*"):
        path.unlink()


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
