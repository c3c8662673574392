"""What is asked, of whom, and what must be there before.

Everything that a scenario needs to know about the API stands in this file.
"""

from dataclasses import dataclass
from typing import Any

from tools.bench.server import Target

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


CHECKED = "list-20"  # asked with CONTRACT_CHECK as well
CHECKED_ALL = f"{CHECKED}, check all"  # what it costs is told; it is for trying out, and held against nothing

# Their latency on many connections is that of a queue in which each waits for the disk.
DURABLE = frozenset({"send-text"})

# (what must stay flat, beside what, how many times its CPU at most)
FLAT = (("history-1e5", "history-1e3", 1.3), ("list-20, check sample", "list-20", 1.15))
