"""The directories in which engines keep what links a number, one for each session, gone with it whatever happens.

A deletion says so in the directory before it is committed: one that a crash cuts short is ended at the next start. What
no deletion has said it of stays, for it may belong to a database that is still to be imported.
"""

import shutil
from pathlib import Path

from sqlalchemy import select

from storage.db import Tx
from storage.tables import sessions

_DOOMED = "deleted"


def directory(data_dir: Path, session_id: str) -> Path:
    """Where the session's engine may keep them; made by whoever writes there."""
    return data_dir / "sessions" / session_id


def doom(data_dir: Path, session_id: str) -> None:
    """The session is about to be deleted."""
    found = directory(data_dir, session_id)
    if found.exists():
        (found / _DOOMED).touch()


def remove(data_dir: Path, session_id: str) -> None:
    """The session was deleted."""
    shutil.rmtree(directory(data_dir, session_id), ignore_errors=True)


def finish(tx: Tx, data_dir: Path) -> None:
    """End the deletions that a crash has cut short."""
    for marker in (data_dir / "sessions").glob(f"*/{_DOOMED}"):
        name = marker.parent.name
        if tx.execute(select(sessions.c.id).where(sessions.c.id == name)).first() is None:
            remove(data_dir, name)
        else:
            marker.unlink()
