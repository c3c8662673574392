"""What every test of the engine needs: a session on the double, and ways to wait without sleeping."""

import contextlib
import importlib.util
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

if importlib.util.find_spec("neonize") is None:
    pytest.skip("not run: neonize is not installed", allow_module_level=True)

from engines import base
from engines.whatsmeow.frames import Settings
from engines.whatsmeow.verbs import Whatsmeow
from engines.whatsmeow.workers import Workers
from tests.engine_contract import Recorder
from tests.whatsapp.contact import Contact
from tests.whatsapp.double import Double

PATIENCE = 30.0
QUICK = {"backoff_seconds": 0.05, "backoff_cap_seconds": 0.2}


class Sink(Recorder):
    """A recorder that wakes who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()

    def __call__(self, events) -> None:
        try:
            super().__call__(events)
        finally:
            with self.changed:
                self.changed.notify_all()

    def first(self, kind: type[Any], wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first event of this kind that is wanted, None while there is none."""
        return next((event for event in self.of(kind) if wanted(event)), None)

    @property
    def state(self) -> base.StateChanged:
        return (self.of(base.StateChanged) or [base.StateChanged("created")])[-1]


def eventually(condition: Callable[[], Any], sink: Sink, seconds: float = PATIENCE) -> Any:
    """What the condition gives once it gives something true; fails where it does not in time."""
    until = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            pytest.fail(f"it did not happen within {seconds} s; events: {sink.events[-12:]}")
        with sink.changed:
            sink.changed.wait(0.02)


class Line:
    """A session: its engine, its phone, what it reported."""

    def __init__(
        self, double: Double, directory: Path, name: str, workers: Workers | None = None, **config: object
    ) -> None:
        self.double, self.sink, self.workers = double, Sink(), workers
        self.phone = double.phone(name)
        self.account = base.Account(name, name, str(directory))
        self._config = {**QUICK, **config}
        self._engines: list[Whatsmeow] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for engine in self._engines:
            engine.kill()

    def make(self, **config: object) -> Whatsmeow:
        """Another engine for the account, as after a restart of the gateway."""
        settings = Settings(**{**self._config, **config})
        self._engines.append(Whatsmeow(self.account, self.sink, settings, self.workers))
        return self._engines[-1]

    @property
    def engine(self) -> Whatsmeow:
        return self._engines[-1] if self._engines else self.make()

    @property
    def address(self) -> str:
        return f"{self.phone.account.phone.user}@c.us"

    def eventually(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        return eventually(condition, self.sink, seconds)

    def happened(self, kind: type[Any], wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """Wait for an event of this kind."""
        return self.eventually(lambda: self.sink.first(kind, wanted))

    def reach(self, state: str, *, reason: str | None = None) -> base.StateChanged:
        """Wait until the session's newest state is this one."""
        self.eventually(lambda: self.sink.states and self.sink.state.state == state)
        if reason:
            assert self.sink.state.reason == reason
        return self.sink.state

    def scan(self) -> None:
        """Scan the newest code."""
        self.double.run(self.phone.scan(self.sink.of(base.QrChanged)[-1].text))

    def link(self) -> Whatsmeow:
        """Start, scan, wait until it is ready."""
        self.engine.start()
        self.happened(base.QrChanged)
        self.scan()
        self.reach("ready")
        return self.engine

    def restart(self, **config: object) -> Whatsmeow:
        """A new engine for the account, started; what was reported before is forgotten."""
        self.engine.stop()
        self.sink.events.clear()
        engine = self.make(**config)
        engine.start()
        return engine

    def message(self, wanted: Callable[[base.Message], bool]) -> base.Message:
        """Wait for a message that came in."""
        return self.happened(base.MessageReceived, lambda event: wanted(event.message)).message

    def heard(self, contact: Contact, what: Any) -> base.Message:
        """Let a contact write, and wait until the engine reports it."""
        stanza = self.double.run(contact.say(self.phone.account, what))
        return self.message(lambda message: stanza in message.id)

    def said(self, contact: Contact, content: base.Content, **facts: Any) -> Any:
        """Send, and return what the contact got."""
        self.send(contact, content, **facts)
        return contact.next()

    def send(self, contact: Contact, content: base.Content, **facts: Any) -> base.Sent:
        key = f"key-{time.monotonic_ns()}"
        return self.engine.send(base.Outgoing(key, address(contact), content, **facts))


@contextlib.contextmanager
def housed(double: Double, folder: Path, seats: int) -> Iterator[Workers]:
    """Workers with so many seats each; where they are shared, a neighbour is there all the time and must stay well."""
    workers = Workers(seats)
    if seats == 1:
        yield workers
        return
    with Line(double, folder / "session", f"neighbour-{time.monotonic_ns()}", workers) as neighbour:
        neighbour.link()
        yield workers
        neighbour.reach("ready")


def address(contact: Contact) -> str:
    """A contact's neutral address."""
    return f"{contact.account.phone.user}@c.us"


def drop(line: Line) -> None:
    line.double.run(line.phone.device.connection.close())


def spooled(line: Line) -> int:
    """How many messages wait on the worker's disk."""
    with contextlib.closing(sqlite3.connect(Path(line.account.directory) / "notebook.db")) as notebook:
        return notebook.execute("SELECT count(*) FROM spool WHERE kind = 17").fetchone()[0]


def under_way(line: Line) -> int:
    """How many reports the gateway holds that its sink has not taken."""
    return len(line.engine._supervisor._delivery._queue)  # noqa: SLF001 - nothing else tells


def recovers(line: Line, contact) -> None:
    """It is ready again without a code, and works both ways."""
    line.eventually(lambda: line.sink.states and line.sink.state.state == "ready")
    assert line.sink.of(base.QrChanged) == []
    assert line.said(contact, base.Text("works")).text == "works"
    line.heard(contact, "works too")
