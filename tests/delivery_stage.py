"""A session, a real receiver and a delivery loop that is turned by hand: what the tests of deliveries play on."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from gateway.delivery import Delivery
from gateway.outbound import Outbound
from gateway.retries import HOUR, Rules
from storage import deliveries, events, sessions, webhooks
from storage.db import Database
from storage.events import Draft
from tests.receiver import Receiver
from tests.support import START

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DAY = 24 * HOUR


@dataclass
class Stage:
    """A session, a receiver, a delivery loop that is turned by hand, and the time."""

    db: Database
    receiver: Receiver
    now: int = START
    number: int = 0

    def __post_init__(self) -> None:
        self.outbound = Outbound(["127.0.0.1"])
        self.delivery = self.loop()
        with self.db.write() as tx:
            self.session = sessions.create(tx, {"name": "my-bot"}, self.now).id

    def loop(self, timeout: float = 0.3, **more: Any) -> Delivery:
        return Delivery(
            self.db, self.outbound, lambda: self.now, Rules(), timeout=timeout, chance=lambda: 0.0, **more
        )  # fmt: skip

    def hook(self, path: str = "/hook", **more: Any) -> str:
        values = {"url": self.receiver.url + path, "events": ["*"], "retry_count": 3, **more}
        with self.db.write() as tx:
            return str(webhooks.create(tx, self.session, values, self.now).id)

    def happen(self, *chats: str, type_: str = "message.received", **data: Any) -> None:
        """One event in each of these chats, numbered on."""
        drafts = []
        for chat in chats:
            self.number += 1
            drafts.append(Draft(type_, f"key_{self.number}", {"n": self.number, "chatId": chat, **data}, chat or None))
        with self.db.write() as tx:
            events.append(tx, self.session, drafts, self.now)

    def turn(self, after: int = 0) -> int:
        self.now += after
        return self.delivery.turn(self.now)

    def got(self, path: str = "/hook") -> list[int]:
        """The numbers of the events that came, in order."""
        return [one.json["data"]["n"] for one in self.receiver.at(path)]

    def state(self, hook: str) -> list[str]:
        """The state of each delivery, oldest first."""
        with self.db.read() as tx:
            return [row.state for row in reversed(deliveries.page(tx, hook, None, 1000, 0))]

    def row(self, hook: str) -> Any:
        with self.db.read() as tx:
            return webhooks.get(tx, self.session, hook)

    def attempts(self, hook: str, which: int = 0) -> list[Any]:
        """The attempts at one delivery, counted from the oldest."""
        with self.db.read() as tx:
            row = deliveries.page(tx, hook, None, 1000, 0)[::-1][which]
            return deliveries.attempts_of(tx, [row.row])[row.row]


def hex_signature(secret: str, body: bytes) -> str:
    """OpenWA's signature."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def refusing(*numbers: int) -> Any:
    """500 for these events, 200 for the others."""

    def behave(handler: Any) -> None:
        body = json.loads(handler.server.received[-1].body)
        handler.reply(500 if body["data"]["n"] in numbers else 200)

    return behave
