"""A look at the library's store before the library sees it."""

import contextlib
import sqlite3
from pathlib import Path

NAME = "whatsmeow.db"


def forget(directory: Path) -> None:
    """Remove the credentials of an account that is linked no more."""
    for path in directory.glob(f"{NAME}*"):
        path.unlink()


def linked_devices(directory: Path) -> int:
    """How many linked devices a session's store holds. Raises sqlite3.DatabaseError for one that cannot be read."""
    path = directory / NAME
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as store:
        if store.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the store is damaged")
        tables = store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'whatsmeow_device'").fetchone()
        return int(store.execute("SELECT count(*) FROM whatsmeow_device").fetchone()[0]) if tables[0] else 0
