"""How the account shows itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engines import Engines, base
from handlers.asking import live
from handlers.errors import NotAllowed
from storage import sessions
from storage.db import Database

Json = dict[str, Any]
_DONE = {"success": True}


def set_name(db: Database, engines: Engines, now: int, session_id: str, body: Json) -> Json:
    """Be called that from now on; the session shows it as its pushName."""
    with _permitted():
        live(db, engines, session_id).set_profile_name(body["name"])
    with db.write() as tx:
        sessions.rename(tx, sessions.find(tx, session_id).id, body["name"], now)
    return _DONE


def set_status(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Say that about oneself; empty says nothing."""
    with _permitted():
        live(db, engines, session_id).set_about(body["status"])
    return _DONE


@contextmanager
def _permitted() -> Iterator[None]:
    """What WhatsApp refuses here is a 403, as OpenWA has it."""
    try:
        yield
    except base.Refused as refused:
        raise NotAllowed(str(refused)) from None
