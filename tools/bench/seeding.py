"""What must be there before the first request: sessions through the API, their long histories past it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, update

from storage.db import Database, Tx
from storage.tables import chats, messages, sessions
from tools.bench.server import ENVIRONMENT, Failed, Target

_HISTORIES = (1000, 10_000, 100_000)
_CHATS = 200
_BATCH = 5000
_BEGINNING = 1_700_000_000_000  # epoch milliseconds


def seed(target: Target, data: Path) -> dict[str, str]:
    """Twenty sessions, three of them with 10³, 10⁴ and 10⁵ messages: place → session id. Raises Failed."""
    made = [target.ask("POST", "/api/sessions", {"name": f"bench-{n:02}"}, expected=201)["id"] for n in range(20)]
    places = dict(zip(("linked", "idle", *(f"m{count}" for count in _HISTORIES)), made, strict=False))
    db = Database(ENVIRONMENT["DATABASE_URL"].format(data=data))
    try:
        for count in _HISTORIES:
            with db.write() as tx:
                seed_messages(tx, places[f"m{count}"], count)
    finally:
        db.close()
    return places


def link(target: Target, places: dict[str, str]) -> None:
    """Link one session to the simulator. Raises Failed when it is not ready within ten seconds."""
    session = f"/api/sessions/{places['linked']}"
    deadline = time.monotonic() + 10
    if target.ask("GET", session)["status"] in {"created", "disconnected"}:
        target.call("POST", f"{session}/start")
    while (state := target.ask("GET", session)["status"]) != "ready":
        if time.monotonic() > deadline:
            raise Failed(f"the session is {state}, not ready")
        time.sleep(0.05)


def seed_peer(target: Target) -> dict[str, str]:
    """A peer comes with its data: the oldest of its twenty sessions has 10⁴ messages. Raises Failed."""
    session = target.ask("GET", "/api/sessions?limit=1&offset=19")[0]["id"]
    return dict.fromkeys(("linked", "m10000"), session)


def seed_messages(tx: Tx, session: str, count: int) -> None:
    """Give a session `count` messages in 200 chats, half of them incoming, one second after the other."""
    for start in range(0, count, _BATCH):
        tx.execute(insert(messages), list(_rows(session, range(start, min(start + _BATCH, count)))))
    kept = select(messages.c.session_id, messages.c.chat_id, func.count()).where(messages.c.session_id == session)
    tx.execute(
        insert(chats).from_select(
            ["session_id", "chat_id", "message_count"], kept.group_by(messages.c.session_id, messages.c.chat_id)
        )
    )
    tx.execute(update(sessions).where(sessions.c.id == session).values(message_count=count))


def _rows(session: str, numbers: range) -> Iterator[dict[str, Any]]:
    for n in numbers:
        chat, outgoing = f"62812000{n % _CHATS:03}@c.us", n % 2
        yield {
            "id": f"{session[:23]}-{n:012x}",
            "session_id": session,
            "wa_message_id": f"{'true' if outgoing else 'false'}_{chat}_{n:020X}",
            "chat_id": chat,
            "sender": "me" if outgoing else chat,
            "recipient": chat if outgoing else "me",
            "body": f"message number {n} with a little text to carry",
            "type": "text",
            "direction": "outgoing" if outgoing else "incoming",
            "status": "sent",
            "timestamp": (_BEGINNING // 1000) + n,
            "metadata": None,
            "created_at": _BEGINNING + n * 1000,
        }
