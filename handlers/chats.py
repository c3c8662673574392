"""Chats as the account sees them, live from the engine."""

from dataclasses import replace
from typing import Any

from engines import Engines
from handlers import shapes
from handlers.asking import ask
from storage.db import Database

Json = dict[str, Any]
_DONE = {"success": True}
_FOREVER = 253_402_300_799  # the last second of the year 9999


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> list[Json]:
    """The account's chats, the one written to last first."""
    asked = ask(db, engines, session_id)
    found = asked.engine.chats(limit, offset)
    phones = asked.phones(one.id for one in found)
    return [shapes.chat(replace(one, id=phones.get(one.id, one.id))) for one in found]


def mark_read(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Let those who wrote in a chat know that it was read."""
    asked = ask(db, engines, session_id)
    asked.engine.mark_read(asked.address(body["chatId"]))
    return _DONE


def mark_unread(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Show a chat as unread on the account's devices."""
    asked = ask(db, engines, session_id)
    asked.engine.mark_unread(asked.address(body["chatId"]))
    return _DONE


def delete(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Forget a chat on the account; says whether there was one."""
    asked = ask(db, engines, session_id)
    return {"success": asked.engine.delete_chat(asked.address(body["chatId"]))}


def show_typing(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Show a chat what the account does."""
    asked = ask(db, engines, session_id)
    asked.engine.typing(asked.address(body["chatId"]), body["state"])
    return _DONE


def archive(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Put a chat away, or back."""
    asked = ask(db, engines, session_id)
    asked.engine.archive(asked.address(body["chatId"]), archived=body.get("archived", True))
    return _DONE


def pin(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Keep a chat on top, or no more."""
    asked = ask(db, engines, session_id)
    asked.engine.pin(asked.address(body["chatId"]), pinned=body.get("pinned", True))
    return _DONE


def mute(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Do not ring for a chat, for good or until a moment, or ring again."""
    asked = ask(db, engines, session_id)
    until = shapes.milliseconds(body.get("until"))
    seconds = _FOREVER if until is None else until // 1000
    asked.engine.mute(asked.address(body["chatId"]), seconds if body.get("muted", True) else None)
    return _DONE
