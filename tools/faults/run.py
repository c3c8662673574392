"""One run: a gateway is kept busy and killed, over and over; then everything settles and is judged."""

import contextlib
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.faults.ledger import Ledger
from tools.faults.nursery import Nursery
from tools.faults.receiver import SECRET, Receiver
from tools.faults.server import Server
from tools.faults.traffic import Actor, cast
from tools.faults.verdict import Evidence, Json, Verdict, judge

_SETTLE = 180.0  # seconds
_SESSIONS = ("first", "second")
_ENVIRONMENT = {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "WEBHOOK_RETRY_DELAY": "100"}


@dataclass
class Outcome:
    """What a run came to."""

    kills: int = 0
    early: int = 0  # of them before the first healthy answer
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Take in what one epoch came to."""
        self.problems.extend(verdict.problems)
        self.figures.update(verdict.figures)


@dataclass
class Stage:
    """One gateway with its sessions, those who keep it busy, and who listens."""

    server: Server
    sessions: list[str]
    ledger: Ledger
    actors: list[Actor]
    receiver: Receiver | None


def run(
    urls: Iterator[str],
    rounds: int,
    seed: int,
    *,
    epoch: int = 200,
    until: float = float("inf"),
    nursery: Nursery | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Kill `rounds` times, on a fresh database every `epoch` kills; begin no kill after `until` (monotonic).

    With a `nursery` nine of ten lives begin in it. `tell` hears how far it is.
    """
    outcome, begun = Outcome(), time.monotonic()
    chance = random.Random(seed)  # noqa: S311 - chance that can be repeated
    number = 0
    while outcome.kills < rounds and time.monotonic() < until:
        number += 1
        with _folder(outcome) as folder:
            url = next(urls).replace("{folder}", str(folder))
            kills = min(epoch, rounds - outcome.kills)
            with _stage(folder, url, seed * 1000 + number, nursery) as stage:
                _kill_over_and_over(stage, kills, chance, outcome, until)
                outcome.problems.extend([*_finish(stage), *_settle(stage), *_restart(stage), *_settle(stage)])
                evidence = _evidence(stage, url)
                stage.server.kill()
                outcome.add(judge(evidence))
        tell(f"{outcome.kills} kills, {len(outcome.problems)} problems, {time.monotonic() - begun:.0f} s")
        if outcome.problems:
            break
    outcome.seconds = time.monotonic() - begun
    return outcome


@contextlib.contextmanager
def _folder(outcome: Outcome) -> Iterator[Path]:
    """A directory for an epoch; it stays, to be looked at, where something is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="openwa-faults-"))
    yield folder
    if outcome.problems:
        outcome.problems.append(f"the gateway's log and data are left in {folder}")
    else:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _stage(folder: Path, url: str, seed: int, nursery: Nursery | None) -> Iterator[Stage]:
    server, ledger = Server(folder, url, _ENVIRONMENT, nursery), Ledger()
    receiver = Receiver(seed)
    try:
        server.start()
        server.await_health()
        sessions = [str(server.insist("POST", "/sessions", {"name": name})["id"]) for name in _SESSIONS]
        paths = server.insist("GET", "/openapi.json")["paths"]
        hooked = "/sessions/{sessionId}/webhooks" in paths
        if hooked:
            _hook(server, sessions, receiver)
        for session in sessions:
            server.insist("POST", f"/sessions/{session}/start")
        bulk = "/sessions/{sessionId}/messages/send-bulk" in paths
        actors = cast(server, sessions, ledger, seed, bulk=bulk)
        yield Stage(server, sessions, ledger, actors, receiver if hooked else None)
    finally:
        server.kill()
        receiver.close()


def _hook(server: Server, sessions: Sequence[str], receiver: Receiver) -> None:
    """Tell every session of the receiver."""
    for session in sessions:
        body = {"url": receiver.url, "events": ["*"], "secret": SECRET, "retryCount": 5}
        server.insist("POST", f"/sessions/{session}/webhooks", body)


def _kill_over_and_over(stage: Stage, kills: int, chance: random.Random, outcome: Outcome, until: float) -> None:
    for actor in stage.actors:
        actor.start()
    for _ in range(kills):
        if time.monotonic() > until or any(actor.problem for actor in stage.actors):
            break
        if chance.random() < 0.15:  # while it starts
            time.sleep(chance.uniform(0.0, 0.8))
            outcome.early += 1
        else:
            stage.server.await_health()
            time.sleep(min(chance.expovariate(1 / 0.5), 2.5))
        stage.server.kill()
        outcome.kills += 1
        stage.server.start(afresh=chance.random() < 0.1)


def _finish(stage: Stage) -> list[str]:
    """Let everybody finish what they began; who did not."""
    stage.server.await_health()
    if stage.receiver is not None:
        stage.receiver.failing = 0
    for actor in stage.actors:
        actor.finish()
    for actor in stage.actors:
        actor.join(60)
    for session in stage.sessions:
        stage.server.insist("DELETE", f"/simulator/sessions/{session}/faults")
    problems = [f"{actor.name} did not finish" for actor in stage.actors if actor.is_alive()]
    return problems + [actor.problem for actor in stage.actors if actor.problem]


def _restart(stage: Stage) -> list[str]:
    """End the gateway as one should, and begin anew: what it says at the end has to be told as well."""
    status = stage.server.stop()
    stage.server.start(afresh=False)
    stage.server.await_health()
    return [f"the gateway ended with {status} on SIGTERM"] if status else []


def _settle(stage: Stage) -> list[str]:
    """Let everything arrive; what did not."""
    deadline, quiet_since, before = time.monotonic() + _SETTLE, time.monotonic(), None
    while (now := time.monotonic()) < deadline:
        still = _open(stage)
        if still != before or still["open"]:
            quiet_since, before = now, still
        if now - quiet_since > 1.8:  # contacts have read what they got by then
            return []
        time.sleep(0.1)
    return [f"it did not settle within {_SETTLE:.0f} s: {_open(stage)}"]


def _open(stage: Stage) -> dict[str, int]:
    """What is still under way (`open`), and what grows as long as something arrives."""
    views = [stage.server.insist("GET", f"/simulator/sessions/{session}") for session in stage.sessions]
    waiting = sum(view["waiting"] + (not view["connected"]) for view in views)
    path = "/sessions/{}/sends?status=queued,sending&limit=1000"
    queued = sum(len(stage.server.insist("GET", path.format(session))) for session in stage.sessions)
    totals = [stage.server.insist("GET", f"/sessions/{s}/messages?limit=1")["total"] for s in stage.sessions]
    heard = stage.receiver.heard.times if stage.receiver else 0
    still = waiting + queued + _pending(stage) + _batches(stage)
    return {"open": still, "messages": sum(totals), "heard": heard}


def _batches(stage: Stage) -> int:
    """How many batches have not ended."""
    for batch in stage.ledger.batches:
        if batch.state in (None, "pending", "processing"):
            path = f"/sessions/{batch.session_id}/messages/batch/{batch.name}"
            batch.state = stage.server.insist("GET", path)["status"]
    return sum(batch.state in ("pending", "processing") for batch in stage.ledger.batches)


def _pending(stage: Stage) -> int:
    """How many deliveries are to be made yet, as far as a page tells."""
    pending = 0
    for session in stage.sessions if stage.receiver else ():
        (hook,) = stage.server.insist("GET", f"/sessions/{session}/webhooks")
        page = stage.server.insist("GET", f"/sessions/{session}/webhooks/{hook['id']}/deliveries?state=pending")
        pending += len(page)
    return pending


def _evidence(stage: Stage, url: str) -> Evidence:
    ask = stage.server.insist
    inboxes: dict[str, list[Json]] = {}
    for contact in ask("GET", "/simulator/contacts"):
        inbox: list[Json] = []
        path = f"/simulator/contacts/{contact['id']}/inbox?limit=1000&offset="
        while page := ask("GET", f"{path}{len(inbox)}"):
            inbox.extend(page)
        inboxes[contact["id"]] = inbox
    return Evidence(
        stage.ledger,
        inboxes,
        {session: ask("GET", f"/simulator/sessions/{session}") for session in stage.sessions},
        stage.server.data / "simulator" / "journal.jsonl",
        url,
        stage.receiver.heard if stage.receiver else None,
        stage.server.data / "media",
    )
