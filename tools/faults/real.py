"""The real engine under fire: workers, the gateway, or both are killed while messages go both ways.

WhatsApp is played by the double of the tests, in this process, so that one sees what really reached a phone. What must
be true at the end: every send that was answered is so, nobody got anything twice, and all that people wrote is stored
and told to the webhook, once.
"""

import contextlib
import os
import random
import signal
import sqlite3
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.whatsapp.contact import Contact
from tests.whatsapp.double import Double
from tools.faults.receiver import SECRET, Receiver
from tools.faults.server import LostError, Server

_SESSIONS = ("first", "second")
_PATIENCE = 90.0
_GIVE_UP = 400
_ENVIRONMENT = {"ENGINE_TYPE": "whatsmeow", "SSRF_ALLOWED_HOSTS": "127.0.0.1", "WEBHOOK_RETRY_DELAY": "100"}


@dataclass
class Line:
    """A linked session: its number's phone, and two people who write with it."""

    name: str
    phone: Any
    people: list[Contact]
    id: str = ""


@dataclass
class Story:
    """What was done and promised: text → status of the last answer, id of what was written → (session, when)."""

    sends: dict[str, int | None] = field(default_factory=dict)
    written: dict[str, tuple[str, float]] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    kills: list[tuple[float, str, set[str]]] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def none_of(self, what: str, found: list[Any]) -> None:
        if found:
            self.problems.append(f"{what}: {len(found)}, such as {found[:3]}")


class Stage:
    """The double, a gateway with linked sessions, and who keeps them busy."""

    def __init__(self, folder: Path, double: Double, receiver: Receiver, seed: int, share: int) -> None:
        self.double, self.receiver, self.story = double, receiver, Story()
        self.chance = random.Random(seed)  # noqa: S311 - chance that can be repeated
        paths = os.pathsep.join([double.environment["PYTHONPATH"], str(Path.cwd())])
        lead = {**double.environment, "PYTHONPATH": paths, **_ENVIRONMENT}
        lead["WHATSMEOW_SESSIONS_PER_WORKER"] = str(share)
        self.folder = folder
        self.server = Server(folder, f"sqlite:///{folder / 'openwa.sqlite'}", lead)
        self.lines = [Line(n, double.phone(n), [double.contact(f"{n} {i}") for i in (1, 2)]) for n in _SESSIONS]
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def open(self) -> None:
        """Start the gateway, link the sessions, begin to be busy."""
        self.server.start()
        self.server.await_health()
        for line in self.lines:
            line.id = self.server.insist("POST", "/sessions", {"name": line.name})["id"]
            hook = {"url": self.receiver.url, "events": ["*"], "secret": SECRET, "retryCount": 5}
            self.server.insist("POST", f"/sessions/{line.name}/webhooks", hook)
            self.server.insist("POST", f"/sessions/{line.name}/start")
            self.double.run(line.phone.scan(_until(partial(self._code, line.name))))
        self.await_ready()
        for line in self.lines:
            self._note_acknowledgements(line)
            self._thread(self._send, line)
            self._thread(self._write, line)

    def _code(self, name: str) -> str | None:
        found: str | None = self.server.ask("GET", f"/sessions/{name}/qr")[1].get("qrText")
        return found

    def _note_acknowledgements(self, line: Line) -> None:
        """When the engine said that it has a message: a kill at that moment may have found it in the library."""
        device = line.phone.device
        plain = device.acknowledged

        def noted(stanza: str) -> None:
            self.story.acknowledged.setdefault(stanza, time.monotonic())
            plain(stanza)

        device.acknowledged = noted

    def _thread(self, work: Callable[[Line, random.Random], None], line: Line) -> None:
        chance = random.Random(self.chance.random())  # noqa: S311
        thread = threading.Thread(target=work, args=(line, chance), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _send(self, line: Line, chance: random.Random) -> None:
        """Texts with an Idempotency-Key, each asked for until it is answered."""
        count = 0
        while not self._over.wait(chance.uniform(0.05, 0.4)):
            count += 1
            token, person = f"{line.name} {count:06}", chance.choice(line.people)
            body = {"chatId": f"{person.account.phone.user}@c.us", "text": token}
            self.story.sends[token] = None
            for _ in range(_GIVE_UP):
                with contextlib.suppress(LostError):
                    path, key = f"/sessions/{line.name}/messages/send-text", {"Idempotency-Key": token}
                    self.story.sends[token] = status = self.server.ask("POST", path, body, key)[0]
                    if status in (201, 500, 504):
                        break
                time.sleep(0.1)  # not connected yet, or the first use of the key is in flight

    def _write(self, line: Line, chance: random.Random) -> None:
        """People write, now and then several lines at once, seldom all that they have to say."""
        count = 0
        while not self._over.wait(chance.uniform(0.05, 0.4)):
            for _ in range(chance.choice((1, 1, 1, 1, 1, 1, 5, 50))):
                count += 1
                person = chance.choice(line.people)
                stanza = self.double.run(person.say(line.phone.account, f"to {line.name} {count:06}"))
                self.story.written[stanza] = (line.id, time.monotonic())

    def await_ready(self) -> None:
        """Until every session is connected, and says so."""
        _until(self._all_ready)

    def _all_ready(self) -> bool:
        if any(line.phone.account.linked == [] or line.phone.device.connection is None for line in self.lines):
            return False
        with contextlib.suppress(LostError):
            return all(self.server.ask("GET", f"/sessions/{n.name}")[1]["status"] == "ready" for n in self.lines)
        return False

    def kill(self) -> None:
        """Kill a worker, the gateway, or both; measure how long until all sessions are ready again."""
        what, begun = self.chance.choice(("worker", "gateway", "both")), time.monotonic()
        connections = {line.name: line.phone.device.connection for line in self.lines}
        workers = _until(self.workers)
        hit = [self.chance.choice(sorted(workers))] if what == "worker" else sorted(workers)
        killed = {workers[name] for name in hit}
        lost = [name for name in workers if workers[name] in killed] if what == "worker" else list(connections)
        self.story.kills.append((begun, what, {line.id for line in self.lines if line.name in lost}))
        if what != "gateway":
            for name in hit:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(workers[name], signal.SIGKILL)
        if what != "worker":
            self.server.kill()
            self.server.start()
        _until(lambda: all(self._connection(name) is not connections[name] for name in lost))
        self.await_ready()
        self.story.back.append(time.monotonic() - begun)

    def _connection(self, name: str) -> Any:
        return next(line.phone.device.connection for line in self.lines if line.name == name)

    def workers(self) -> dict[str, int] | None:
        """The process ids of the workers, by session; None while a session has none."""
        found: dict[str, int] = {}
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if b"whatsmeow.worker" in (process / "cmdline").read_bytes():
                    kept = {str(file.readlink()) for file in (process / "fd").iterdir()}
                    homes = {n.name: str(self.server.data / "sessions" / n.id / "worker.lock") for n in self.lines}
                    found |= {name: int(process.name) for name, lock in homes.items() if lock in kept}
        return found if len(found) == len(self.lines) else None

    def settle(self) -> None:
        """Everybody finishes, everything arrives."""
        self._over.set()
        self.receiver.failing = 0
        for thread in self._threads:
            thread.join(_PATIENCE)
        self.await_ready()
        _until(lambda: not any(line.phone.device.waiting for line in self.lines))
        before, since = None, time.monotonic()
        while time.monotonic() - since < 3.0:
            if self.receiver.heard.times != before:
                before, since = self.receiver.heard.times, time.monotonic()
            time.sleep(0.1)

    def close(self) -> None:
        self._over.set()
        self.server.kill()


def run(rounds: int, seed: int, share: int, until: float, tell: Callable[[str], None]) -> Story:
    """Kill so many times, or until then (monotonic), with so many sessions to a worker; what came of it."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="openwa-faults-real-"))
        double = stack.enter_context(Double())
        receiver = Receiver(seed)
        stack.callback(receiver.close)
        stage = Stage(folder, double, receiver, seed, share)
        stack.callback(stage.close)
        stage.open()
        for number in range(rounds):
            if time.monotonic() > until:
                break
            time.sleep(min(stage.chance.expovariate(1 / 0.7), 3.0))
            stage.kill()
            if number % 20 == 19:
                tell(f"{number + 1} kills, ready again after {statistics.median(stage.story.back):.2f} s (median)")
        stage.settle()
        _judge(stage)
        if stage.story.problems:
            stage.story.problems.append(f"the gateway's log and data are left in {folder}")
        return stage.story


def _judge(stage: Stage) -> None:
    story, heard = stage.story, stage.receiver.heard
    with contextlib.closing(sqlite3.connect(stage.folder / "openwa.sqlite")) as db:
        stored = db.execute("SELECT direction, wa_message_id, body, status FROM messages").fetchall()
    got = Counter(r.text for line in stage.lines for p in line.people for r in _received(p))
    status = {body: state for direction, _, body, state in stored if direction == "outgoing"}
    story.none_of("received twice", [text for text, times in got.items() if times > 1])
    story.none_of("answered 201, but not received", [t for t, s in story.sends.items() if s == 201 and not got[t]])
    story.none_of("answered 500", [t for t, s in story.sends.items() if s == 500])
    story.none_of("received, but failed", [t for t in got if status.get(t) == "failed"])
    arrived = Counter(message_id.split("_")[2] for direction, message_id, *_ in stored if direction == "incoming")
    told = Counter(message_id.split("_")[2] for _, message_id in heard.messages)
    story.none_of("stored twice", [stanza for stanza, times in arrived.items() if times > 1])
    story.none_of("stored, but not told", [stanza for stanza in arrived if not told[stanza]])
    story.none_of("told under two ids", [k for k, ids in heard.messages.items() if len(ids) > 1])
    story.none_of("wrong deliveries", heard.wrong)
    story.none_of("the double failed", stage.double.server.errors)
    missing = [stanza for stanza in story.written if stanza not in arrived]
    story.none_of("written, but not stored", [_beside(story, stanza) for stanza in missing])
    story.figures.update({f"answered {s}": n for s, n in Counter(story.sends.values()).items()})
    story.figures["written by people"] = len(story.written)
    anew = {node.attrs["id"] for node in stage.double.server.relay.receipts if node.attrs.get("type") == "retry"}
    story.figures["of them asked for anew"] = len(anew & story.written.keys())
    story.figures.update({f"kills: {what}": n for what, n in Counter(what for _, what, _ in story.kills).items()})


def _beside(story: Story, stanza: str) -> str:
    """A message, and what was killed in the ten seconds around the moment it was written."""
    session, at = story.written[stanza]
    near = [f"{what} {t - at:+.2f} s" for t, what, hit in story.kills if session in hit and abs(t - at) < 10]
    said = story.acknowledged.get(stanza, at)
    return f"{stanza}, acknowledged {said - at:+.2f} s, killed: {', '.join(near)}"


def _received(person: Contact) -> list[Any]:
    """What a person's phone shows: the same stanza again is the same message."""
    found = {}
    while not person.messages.empty():
        one = person.messages.get()
        found[one.id] = one
    return list(found.values())


def _until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"it did not happen within {_PATIENCE:.0f} s")
        time.sleep(0.01)
    return found


def table(story: Story, seconds: float) -> str:
    """The figures, and what is wrong."""
    back = sorted(story.back)
    lines = [f"{len(back)} kills of the real engine in {seconds:.0f} s"]
    if back:
        p99 = back[min(len(back) - 1, int(len(back) * 0.99))]
        lines.append(f"  ready again: median {statistics.median(back):.2f} s, p99 {p99:.2f} s, most {back[-1]:.2f} s")
    lines += [f"  {name:<55} {number:>8}" for name, number in sorted(story.figures.items())]
    return "\n".join([*lines, *(f"WRONG: {problem}" for problem in story.problems)])
