"""How a large gateway feels: `python -m tools.sizes`, `--database postgres`, `--messages 100000` for a quick look.

One session with a million messages in 10,000 chats, as many events, and 100,000 contacts; then the first and the last
page of everything, searches, statistics, an export and an import into a database of the same kind. Times are of one
client, medians of five, in milliseconds; memory is the most that a process held.
"""

import argparse
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert, select, text, update

from engines.simulator import Draft, World
from storage import search
from storage.db import Database, Tx
from storage.tables import chats, counters, events, messages, sessions
from tools.bench.cost import memory
from tools.faults.server import databases
from tools.stage import Gateway, serving

_BATCH = 5_000
_DAYS = 30
_REPEATS = 5
_WORDS = [f"{first}{second}{third}" for first in "bdfgklmnprst" for second in "aeiou" for third in ("", "l", "n", "r")]
_HERE = {"SIMULATOR_LINK_AFTER": "0", "AUTO_START_SESSIONS": "true", "EVENT_RETENTION_DAYS": "0"}


class Size(NamedTuple):
    """How much there is."""

    messages: int
    chats: int
    contacts: int


def main(arguments: list[str]) -> int:
    """Fill a gateway, ask it, and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m tools.sizes", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--chats", type=int, default=10_000)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--only", choices=["pages", "transfer"], help="leave the other half out")
    wanted = parser.parse_args(arguments)
    size = Size(wanted.messages, wanted.chats, wanted.contacts)
    with tempfile.TemporaryDirectory(prefix="openwa-sizes-") as directory, databases(wanted.database) as urls:
        folder = Path(directory)
        url = next(urls).format(folder=folder)
        _fill(folder, url, size)
        if wanted.only != "transfer":
            _pages(folder, url, size)
        if wanted.only != "pages":
            _transfer(folder, url, f"sqlite:///{folder}/second.sqlite" if wanted.database == "sqlite" else None)
    return 0


# --- filling ---------------------------------------------------------------------------------------


def _fill(folder: Path, url: str, size: Size) -> None:
    begin = time.monotonic()
    with serving(folder, DATABASE_URL=url, **_HERE) as gateway:
        session = str(gateway.ask("POST", "/sessions", {"name": "big"})["id"])
        gateway.ask("POST", "/sessions/big/start")
        gateway.until("big", "ready")
    world = World(folder / "data" / "simulator")
    with world.change():
        crowd = world.add_crowd(size.contacts)
        for person in crowd:
            world.save_person(person)
    for person in crowd[: size.chats]:
        world.control.write(session, person.address, Draft("text", "hello"))
    world.close()
    db = Database(url)
    try:
        _write(db, session, size)
        search.catch_up(db)
        if not db.is_sqlite:
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
                plain.execute(text("VACUUM ANALYZE"))  # what its daemon would have done meanwhile
    finally:
        db.close()
    _say("filled, seconds", time.monotonic() - begin)


def _write(db: Database, session: str, size: Size) -> None:
    """Messages and an event of each, spread over the last thirty days."""
    chance = random.Random(1)  # noqa: S311 - words
    now = time.time_ns() // 1_000_000
    with db.read() as tx:
        first = tx.execute(select(sessions.c.event_sequence).where(sessions.c.id == session)).scalar_one()
    for start in range(0, size.messages, _BATCH):
        numbers = range(start, min(start + _BATCH, size.messages))
        rows = [_row(session, n, size, now, chance) for n in numbers]
        with db.write() as tx:
            tx.execute(insert(messages).returning(messages.c.row), rows)  # several in one statement
            tx.execute(insert(events), [_event(row, first + n + 1) for row, n in zip(rows, numbers, strict=True)])
    with db.write() as tx:
        _count(tx, session, size, first + size.messages)


def _count(tx: Tx, session: str, size: Size, last: int) -> None:
    """The kept counts, and the newest event's numbers."""
    each, rest = divmod(size.messages, size.chats)
    tx.execute(
        insert(chats),
        [{"session_id": session, "chat_id": _chat(n), "message_count": each + (n < rest)} for n in range(size.chats)],
    )
    tx.execute(update(sessions).values(message_count=size.messages, event_sequence=last))
    tx.execute(update(counters).where(counters.c.name == "events").values(value=last))


def _chat(n: int) -> str:
    return f"99800{n + 1:07}@c.us"


def _row(session: str, n: int, size: Size, now: int, chance: random.Random) -> dict[str, Any]:
    chat, outgoing = _chat(n % size.chats), n % 2
    at = now - _DAYS * 86_400_000 + (n * _DAYS * 86_400_000) // size.messages
    words = [chance.choice(_WORDS) for _ in range(8)]
    return {
        "id": f"{session[:23]}-{n:012x}", "session_id": session, "wa_message_id": f"{outgoing}_{chat}_{n:020X}",
        "chat_id": chat, "sender": "me" if outgoing else chat, "recipient": chat if outgoing else "me",
        "body": f"message number{n} {' '.join(words)}", "type": "text",
        "direction": "outgoing" if outgoing else "incoming", "status": "sent", "timestamp": at // 1000,
        "metadata": None, "created_at": at,
    }  # fmt: skip


def _event(row: dict[str, Any], number: int) -> dict[str, Any]:
    data = {"id": row["wa_message_id"], "from": row["sender"], "to": row["recipient"], "chatId": row["chat_id"],
            "body": row["body"], "type": "text", "timestamp": row["timestamp"], "fromMe": row["sender"] == "me",
            "isGroup": False, "isStatusBroadcast": False}  # fmt: skip
    return {
        "cursor": number, "id": row["id"], "session_id": row["session_id"], "sequence": number,
        "type": "message.received", "chat_id": row["chat_id"], "idempotency_key": f"msg_{number}", "data": data,
        "created_at": row["created_at"],
    }  # fmt: skip


# --- asking ----------------------------------------------------------------------------------------


def _pages(folder: Path, url: str, size: Size) -> None:
    begin = time.monotonic()
    with serving(folder, DATABASE_URL=url, **_HERE) as gateway:
        _say("started, seconds", time.monotonic() - begin)
        gateway.until("big", "ready")
        while gateway.ask("GET", "/sessions/big/messages?limit=1")["total"] < size.messages + size.chats:
            time.sleep(0.2)
        gateway.ask("GET", "/search?q=hello")
        _say("memory, MiB", memory([gateway.pid]).rss)
        for name, path in _questions(size, gateway.ask("GET", "/events?limit=1")["newest"]):
            _say(name, _median(gateway, path))
        _say("memory afterwards, MiB", memory([gateway.pid]).rss)


def _questions(size: Size, newest: int) -> Iterator[tuple[str, str]]:
    messages_, live = "/sessions/big/messages?limit=100", "/sessions/big/{}?limit=1000&offset={}"
    yield "messages, first page of 100", messages_
    yield "messages, page in the middle", f"{messages_}&offset={size.messages // 2}"
    yield "messages, last page", f"{messages_}&offset={size.messages - 100}"
    yield "messages of a chat", f"{messages_}&chatId={_chat(7)}"
    yield "messages of a person", f"{messages_}&from={_chat(8)}"
    yield "chats, first page of 1000", live.format("chats", 0)
    yield "chats, last page", live.format("chats", size.chats - 1000)
    yield "contacts, first page of 1000", live.format("contacts", 0)
    yield "contacts, last page", live.format("contacts", size.contacts - 1000)
    yield "events, first page of 100", "/events?limit=100"
    yield "events, last page", f"/events?limit=100&after={newest - 100}"
    yield "events of a chat", f"/events?limit=100&chatId={_chat(7)}"
    yield "events of a session and a type", "/events?limit=100&sessionId=big&type=message.received"
    yield "search, a word of one message", "/search?q=number77777"
    yield "search, a word of 3 in 100", "/search?q=bal"
    yield "search, a word of all", "/search?q=message"
    yield "search, the beginning of a word of all", "/search?q=mess"
    yield "search, the beginning of a million words", "/search?q=number"
    yield "search, the beginning b", "/search?q=b"
    yield "search, a word of all and the beginning of many", "/search?q=message%20b"
    yield "search, the beginning of many in a chat", f"/search?q=b&chatId={_chat(7)}"
    yield "search, a word that is not there", "/search?q=xyzzy"
    yield "statistics, overview", "/stats/overview"
    for period in ("24h", "7d", "30d"):
        yield f"statistics, {period}", f"/stats/messages?period={period}"
    yield "statistics of a session", "/stats/sessions/big"


def _median(gateway: Gateway, path: str) -> float:
    taken = []
    for _ in range(_REPEATS):
        begin = time.monotonic()
        gateway.ask("GET", path)
        taken.append(time.monotonic() - begin)
    return statistics.median(taken) * 1000


# --- moving ----------------------------------------------------------------------------------------


def _transfer(folder: Path, url: str, target: str | None) -> None:
    file = folder / "export.jsonl.gz"
    _run("export", url, folder, str(file))
    _say("export, MiB", file.stat().st_size / 2**20)
    with contextlib.nullcontext() if target else databases("postgres") as others:
        _run("import", target or next(others), folder, str(file))  # type: ignore[arg-type]


def _run(command: str, url: str, folder: Path, file: str) -> None:
    environ = {**os.environ, "DATA_DIR": str(folder / command), "DATABASE_URL": url}
    begin = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", command, file],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"openwa {command} ended with {status}")
    _say(f"{command}, seconds", time.monotonic() - begin)
    _say(f"{command}, most memory, MiB", used.ru_maxrss / 1024)


def _say(name: str, value: float) -> None:
    print(f"{name:50} {value:10.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
