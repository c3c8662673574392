"""From a contact's message to a webhook that was delivered: how long it takes, and how many a second there are."""

import contextlib
import http.client
import itertools
import json
import re
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from storage.db import Database
from storage.tables import counters, events, sessions
from tools.bench import cost
from tools.bench.report import Goal
from tools.bench.server import ENVIRONMENT, Failed, Target

_CHATS = 20
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_BODY = re.compile(rb'"body":"([^"]*)"')
_ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
_MANY = 1_000_000
_PATIENCE = 60.0  # seconds until what does not arrive is missed


@dataclass(frozen=True)
class Figure:
    """One line of the result."""

    what: str
    value: float
    unit: str


class Ear:
    """A receiver of webhooks that does next to nothing: it answers 204 and notes when which text came."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._heard: dict[socket.socket, bytes] = {}
        self.times: dict[bytes, float] = {}
        self.count = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        host, port = self._listener.getsockname()
        self.address = (str(host), int(port))
        self.url = f"http://{host}:{port}/hook"
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closing.set()
        self._thread.join()
        for one in (self._listener, *self._heard):
            one.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            for key, _ in self._selector.select(0.2):
                one: Any = key.fileobj
                if one is self._listener:
                    connection, _ = one.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._selector.register(connection, selectors.EVENT_READ)
                    self._heard[connection] = b""
                else:
                    self._hear(one)

    def _hear(self, connection: socket.socket) -> None:
        arrived = b""
        with contextlib.suppress(OSError):
            arrived = connection.recv(262_144)
        if not arrived:
            self._selector.unregister(connection)
            del self._heard[connection]
            connection.close()
            return
        data = self._heard[connection] + arrived
        while (end := _end(data)) is not None:
            found = _BODY.search(data, 0, end)
            if found:
                self.times[found[1]] = time.perf_counter()
            self.count += 1
            data = data[end:]
            with contextlib.suppress(OSError):
                connection.sendall(_ANSWER)
        self._heard[connection] = data


def _end(data: bytes) -> int | None:
    """Where the first request ends, None while it is not whole."""
    head = data.find(b"\r\n\r\n")
    length = _LENGTH.search(data, 0, head) if head >= 0 else None
    if length is None:
        return None
    end = head + 4 + int(length[1])
    return end if len(data) >= end else None


class _Stage:
    """One linked session, the contacts who write to it, and a connection to order them about."""

    def __init__(self, target: Target, session: str) -> None:
        self.target = target
        self.session = session
        self._connection = http.client.HTTPConnection(*target.address, timeout=_PATIENCE)
        for n in range(_CHATS):
            contact = {"number": f"4477111{n:05}", "name": f"Bench {n}", "behaviour": "silent"}
            self.call("POST", "/api/simulator/contacts", contact, 201, 409)
        self.writers = [f"4477111{n:05}@c.us" for n in range(_CHATS)]

    def call(self, method: str, path: str, body: Any = None, *statuses: int) -> Any:
        """Ask on the one connection. Raises Failed on another status."""
        headers = {**self.target.headers, "Content-Type": "application/json"}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in (statuses or (200, 201, 204)):
            raise Failed(f"{method} {path} answered {answer.status}: {content[:300]!r}")
        return json.loads(content) if content else None

    def write(self, text: str, n: int) -> None:
        """One contact writes one text."""
        body = {"from": self.writers[n % _CHATS], "text": text}
        self.call("POST", f"/api/simulator/sessions/{self.session}/messages", body)

    def storm(self, count: int, name: str) -> None:
        """All contacts together write so many texts as fast as they can."""
        for writer in self.writers:
            body = {"from": writer, "count": count // _CHATS, "text": f"{name} {writer} {{n}}"}
            self.call("POST", f"/api/simulator/sessions/{self.session}/storm", body)

    @contextlib.contextmanager
    def ears(self, count: int) -> Iterator[list[Ear]]:
        """Webhooks for messages that come in, each with its receiver."""
        path = f"/api/sessions/{self.session}/webhooks"
        made = [Ear() for _ in range(count)]
        ids = [self.call("POST", path, {"url": ear.url, "events": ["message.received"]})["id"] for ear in made]
        try:
            yield made
        finally:
            for one in ids:
                self.call("DELETE", f"{path}/{one}")
            for ear in made:
                ear.close()


def measure(target: Target, session: str, data: Path) -> list[Figure]:
    """Every figure of the flow. Raises Failed where something was not delivered."""
    stage = _Stage(target, session)
    found = [
        *_latencies(stage, "at rest", count=150, every=0.05),
        *_latencies(stage, "at 200/s", count=1500, every=0.005),
    ]
    rate, before = _storm(stage, receivers=1, count=4000)
    found.append(Figure("inbound messages stored and delivered, one receiver", rate, "/s"))
    found.append(Figure("deliveries to ten receivers", _storm(stage, receivers=10, count=1000)[0] * 10, "/s"))
    page_before = _page_cost(stage)
    _fill(session, data)
    _, after = _storm(stage, receivers=1, count=4000)
    found.append(Figure(f"CPU of a message with {_MANY:,} events stored, beside few", after / before, "times"))
    found.append(
        Figure(f"CPU of a page of events with {_MANY:,} stored, beside few", _page_cost(stage) / page_before, "times")
    )
    return found


def goals(figures: Sequence[Figure]) -> list[Goal]:
    """What the issues ask of these figures."""
    wanted = {"inbound to webhook at rest, p50": (20, False), "inbound messages stored and delivered": (500, True)}
    found = [
        Goal(f"{figure.what}, {figure.unit}", figure.value, bound, at_least=at_least)
        for figure in figures
        for begin, (bound, at_least) in wanted.items()
        if figure.what.startswith(begin)
    ]
    return found + [Goal(figure.what, figure.value, 1.3) for figure in figures if figure.unit == "times"]


def lines(figures: Sequence[Figure]) -> str:
    """The figures, one a line."""
    return "\n".join(f"{figure.value:10,.2f} {figure.unit:5} {figure.what}" for figure in figures)


def _latencies(stage: _Stage, when: str, *, count: int, every: float) -> list[Figure]:
    """From the moment a contact is told to write until the webhook has arrived."""
    with stage.ears(1) as (ear,):
        begun: dict[bytes, float] = {}
        start = time.perf_counter()
        for n in range(count):
            time.sleep(max(0.0, start + n * every - time.perf_counter()))
            text = f"{when} {n}"
            begun[text.encode()] = time.perf_counter()
            stage.write(text, n)
        spent = time.perf_counter() - start
        _await([ear], count)
        taken = sorted((ear.times[text] - at) * 1000 for text, at in begun.items())
    told = f"inbound to webhook {when}"
    found = [
        Figure(f"{told}, p50", statistics.median(taken), "ms"),
        Figure(f"{told}, p99", taken[int(len(taken) * 0.99)], "ms"),
    ]
    return found if every > 0.02 else [*found, Figure(f"{told}, really written", count / spent, "/s")]


def _storm(stage: _Stage, *, receivers: int, count: int) -> tuple[float, float]:
    """Messages a second from the first one written to the last one delivered everywhere, and CPU seconds of each."""
    name = f"storm {next(_numbers)}"
    with stage.ears(receivers) as ears:
        pids = cost.tree(stage.target.pid or 0)
        cpu, start = cost.cpu_seconds(pids), time.perf_counter()
        stage.storm(count, name)
        _await(ears, count)
        return count / (time.perf_counter() - start), (cost.cpu_seconds(pids) - cpu) / count


_numbers = itertools.count()


def _await(ears: Sequence[Ear], count: int) -> None:
    """Until each has heard so many. Raises Failed."""
    end = time.perf_counter() + _PATIENCE
    while any(ear.count < count for ear in ears):
        if time.perf_counter() > end:
            raise Failed(f"of {count} messages {min(ear.count for ear in ears)} were delivered in {_PATIENCE} s")
        time.sleep(0.002)


def _page_cost(stage: _Stage) -> float:
    """CPU seconds of the newest page of a session's events."""
    path = f"/api/events?sessionId={stage.session}&limit=100&after="
    newest = stage.call("GET", f"/api/events?sessionId={stage.session}&limit=1")["newest"]
    pids, asked = cost.tree(stage.target.pid or 0), 400
    before = cost.cpu_seconds(pids)
    for _ in range(asked):
        stage.call("GET", f"{path}{newest - 100}")
    return (cost.cpu_seconds(pids) - before) / asked


def _fill(session: str, data: Path) -> None:
    """As many events as a year brings, written past the gateway."""
    db = Database(ENVIRONMENT["DATABASE_URL"].format(data=data))
    with db.write() as tx:
        first = tx.execute(select(counters.c.value).where(counters.c.name == "events")).scalar_one()
        sequence = tx.execute(select(sessions.c.event_sequence).where(sessions.c.id == session)).scalar_one()
        for start in range(0, _MANY, 20_000):
            tx.execute(insert(events), [_event(session, first, sequence, start + n) for n in range(20_000)])
        tx.execute(update(counters).where(counters.c.name == "events").values(value=first + _MANY))
        tx.execute(update(sessions).where(sessions.c.id == session).values(event_sequence=sequence + _MANY))
    db.close()


def _event(session: str, cursor: int, sequence: int, n: int) -> dict[str, Any]:
    chat = f"62812000{n % 200:03}@c.us"
    return {
        "cursor": cursor + 1 + n, "id": f"bench-{n}", "session_id": session, "sequence": sequence + 1 + n,
        "type": "message.received", "chat_id": chat, "idempotency_key": f"bench_{n}",
        "data": {"id": f"false_{chat}_{n:020X}", "from": chat, "body": "a text from long ago"},
        "created_at": int(time.time() * 1000),
    }  # fmt: skip
