"""Labels of a business account, and the chats they are on, live from the engine."""

from typing import Any

from engines import Engines
from engines.things import Label
from handlers.asking import ask, live
from storage.db import Database

Json = dict[str, Any]
_DONE = {"success": True}


def list_all(db: Database, engines: Engines, session_id: str) -> list[Json]:
    """The account's labels."""
    return [_label(found) for found in live(db, engines, session_id).labels()]


def get(db: Database, engines: Engines, session_id: str, label_id: str) -> Json:
    """One label."""
    return _label(live(db, engines, session_id).label(label_id))


def list_of_chat(db: Database, engines: Engines, session_id: str, chat_id: str) -> list[Json]:
    """The labels on a chat."""
    asked = ask(db, engines, session_id)
    return [_label(found) for found in asked.engine.chat_labels(asked.address(chat_id))]


def add(db: Database, engines: Engines, session_id: str, chat_id: str, body: Json) -> Json:
    """Put a label on a chat."""
    asked = ask(db, engines, session_id)
    asked.engine.add_label(asked.address(chat_id), body["labelId"])
    return _DONE


def remove(db: Database, engines: Engines, session_id: str, chat_id: str, label_id: str) -> Json:
    """Take a label off a chat."""
    asked = ask(db, engines, session_id)
    asked.engine.remove_label(asked.address(chat_id), label_id)
    return _DONE


def _label(found: Label) -> Json:
    return {"id": found.id, "name": found.name, "hexColor": found.color}
