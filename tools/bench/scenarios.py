"""What is asked, of whom, and what must be there before.

Everything that a scenario needs to know about the API stands in this file.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.server import Failed, Target

CHATS = 64  # one for each connection of the widest run: a chat's messages go out one after the other


@dataclass(frozen=True)
class Scenario:
    """One kind of request.

    `{places}` in the path are filled from what seeding made; `{n}` in body texts makes a request for each chat.
    `status` is what every answer must have. `target` is the most CPU it may use, in bare hellos. `peer` names the
    ratio of rates to reach beside a peer, None where a peer is not asked.
    """

    name: str
    method: str
    path: str
    status: int
    body: Any = None
    key: bool = True
    target: float | None = None
    peer: float | None = None

    def requests(self, target: Target, places: dict[str, str]) -> list[bytes]:
        """The requests, as bytes, to send round and round. Raises KeyError where seeding made no such place."""
        path = self.path.format(**places)
        bodies = [_numbered(self.body, n) for n in range(CHATS)] if "{n}" in repr(self.body) else [self.body]
        return [target.request(self.method, path, body, key=self.key) for body in bodies]


def _numbered(body: Any, n: int) -> Any:
    return {name: value.replace("{n}", f"{n:02}") if isinstance(value, str) else value for name, value in body.items()}


_TEXT = {"chatId": "6281234567{n}@c.us", "text": "Hello from the bench"}
_SESSIONS = "/api/sessions"
_MESSAGES = "/api/sessions/{%s}/messages?limit=50"

SCENARIOS = (
    Scenario("health", "GET", "/api/health", 200, key=False, peer=1.0),
    Scenario("list-20", "GET", "/api/sessions?limit=20&offset=0", 200, target=4.5, peer=2.0),
    # valid to the last field, then found to be of a session that is not started: everything but the insert
    Scenario("valid-post", "POST", "/api/sessions/{idle}/messages/send-text", 400, _TEXT, target=4.8),
    Scenario(
        "invalid-post",
        "POST",
        "/api/sessions/{linked}/messages/send-text",
        400,
        {"chatId": 5, "text": "", "mentions": [1, 2], "linkPreview": "yes", "bogus": 1},
        target=5.3,
    ),
    Scenario("refused-post", "POST", _SESSIONS, 400, {"name": "x", "bogus": 1}, target=5.3, peer=1.5),
    Scenario("send-text", "POST", "/api/sessions/{linked}/messages/send-text", 201, _TEXT, peer=1.0),
    Scenario("history-1e3", "GET", _MESSAGES % "m1000", 200),
    Scenario("history-1e4", "GET", _MESSAGES % "m10000", 200, peer=1.5),
    Scenario("history-1e5", "GET", _MESSAGES % "m100000", 200),
)


# (what must stay flat, beside what, how many times its CPU at most)
FLAT = (("history-1e5", "history-1e3", 1.3),)


def seed(target: Target, data: Path) -> dict[str, str]:
    """Twenty sessions, three of them with 10³, 10⁴ and 10⁵ messages: place → session id. Raises Failed."""
    ids = [target.ask("POST", _SESSIONS, {"name": f"bench-{n:02}"}, expected=201)["id"] for n in range(20)]
    places = dict(zip(("linked", "idle", "m1000", "m10000", "m100000"), ids, strict=False))
    for count in (1000, 10_000, 100_000):
        seed_messages(data, places[f"m{count}"], count)
    return places


def link(target: Target, places: dict[str, str]) -> None:
    """Link one session to the simulator. Raises Failed when it is not ready within ten seconds."""
    session = f"{_SESSIONS}/{places['linked']}"
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


def seed_messages(data: Path, session: str, count: int) -> None:
    """Put `count` messages into a session's history, past the API."""
    raise NotImplementedError(data, session, count)
