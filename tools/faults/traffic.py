"""Those who keep the gateway busy while it is killed: each a thread with a chance of its own from the run's seed."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.faults.ledger import Asked, Batch, Kind, Ledger
from tools.faults.server import LostError, Server

# Contacts that get and read what is sent to them at once. Echo answers, which makes more inbound.
CONTACTS = [f"4477009000{number:02}@c.us" for number in (1, 6, 7, 8, 9, 10, 11, 12)] + ["628123456789@c.us"]
PICTURE = {"base64": "AAEC" * 20_000, "mimetype": "image/png"}
_GIVE_UP = 12  # answers that are no outcome (not connected yet, still in flight) before an actor goes on to the next


class Actor(threading.Thread):
    """Does one kind of thing again and again until it is told to stop; finishes what it has begun."""

    def __init__(self, name: str, server: Server, sessions: Sequence[str], ledger: Ledger, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.server = server
        self.sessions = sessions
        self.ledger = ledger
        self.chance = random.Random(f"{seed} {name}")  # noqa: S311 - chance that can be repeated
        self.problem: str | None = None
        self._stopping = threading.Event()
        self._count = 0

    def run(self) -> None:
        try:
            while not self._stopping.wait(self.chance.uniform(0.02, 0.25)):
                self.act()
        except Exception as error:  # noqa: BLE001 - told at the end, with everything else
            self.problem = f"{self.name}: {type(error).__name__}: {error}"

    def finish(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def act(self) -> None:
        """One thing."""
        raise NotImplementedError

    def session(self) -> str:
        """Some session."""
        return self.chance.choice(self.sessions)

    def token(self) -> str:
        """A text that nobody else sends; those of one actor grow."""
        self._count += 1
        return f"{self.name} {self._count:06}"

    def until_answered(self, ask: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        """Ask again and again, whatever happens to the server, until it answers."""
        lost = False
        while True:
            try:
                return ask()
            except LostError:
                if not lost:
                    self.ledger.again()
                lost = True
                time.sleep(self.chance.uniform(0.02, 0.2))


class Sender(Actor):
    """Sends texts, now and then a picture with one. It asks once, with an Idempotency-Key until it is answered."""

    kind: Kind = "sync"

    def act(self) -> None:
        self.send(self.session(), self.chance.choice(CONTACTS))

    def send(self, session_id: str, chat: str, **more: Any) -> Asked:
        """One text, or a picture with it, with more fields in its body."""
        token = self.token()
        key = token if self.chance.random() < 0.75 else None
        asked = self.ledger.ask(Asked(self.kind, token, session_id, chat, key))
        path, said = f"/sessions/{session_id}/messages/send-text", {"text": token}
        if self.chance.random() < 0.3:
            path, said = f"/sessions/{session_id}/messages/send-image", {"caption": token, **PICTURE}
        body = {"chatId": chat, **said, **more}
        headers = {"Prefer": "respond-async"} if self.kind == "async" else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        for _ in range(_GIVE_UP):
            try:
                asked.tries += 1
                asked.status, answer = self.server.ask("POST", path, body, headers)
            except LostError:
                if key is None:
                    return asked
                asked.status, answer = self.until_answered(lambda: self.server.ask("POST", path, body, headers))
            if key is None or asked.status in (201, 202, 422, 500, 504):
                break
            time.sleep(0.1)  # the session is about to connect, or the first use of the key is in flight
        if asked.status == 201:
            asked.wa_id = answer["messageId"]
        elif asked.status == 202:
            asked.send_id = answer["id"]
        return asked


class Queuer(Sender):
    """Queues texts, several in a row to the same chat, which have to arrive in that order."""

    kind: Kind = "async"

    def act(self) -> None:
        session_id, chat = self.session(), self.chance.choice(CONTACTS)
        for _ in range(self.chance.randint(1, 4)):
            self.send(session_id, chat)


class Scheduler(Sender):
    """Queues texts for a moment to come; some have an end, some are taken back."""

    kind: Kind = "scheduled"

    def act(self) -> None:
        due = datetime.now(UTC) + timedelta(seconds=self.chance.uniform(0.5, 4))
        more = {"sendAt": due.isoformat()}
        if self.chance.random() < 0.2:
            more["expiresAt"] = (due + timedelta(seconds=self.chance.uniform(0.1, 2))).isoformat()
        asked = self.send(self.session(), self.chance.choice(CONTACTS), **more)
        if asked.send_id is not None and self.chance.random() < 0.3:
            path = f"/sessions/{asked.session_id}/sends/{asked.send_id}/cancel"
            asked.cancelled = self.until_answered(lambda: self.server.ask("POST", path))[0] == 200


class Batcher(Actor):
    """Sends batches of texts, item after item; some are taken back."""

    def act(self) -> None:
        session_id, token = self.session(), self.token()
        name, count = token.replace(" ", "-"), self.chance.randint(2, 3)
        chats = [self.chance.choice(CONTACTS) for _ in range(count)]
        items = [{"chatId": c, "type": "text", "content": {"text": f"{token}/{n}"}} for n, c in enumerate(chats)]
        body = {"batchId": name, "messages": items, "options": {"delayBetweenMessages": 1000, "randomizeDelay": False}}
        path, key = f"/sessions/{session_id}/messages/", {"Idempotency-Key": token}
        for _ in range(_GIVE_UP):
            status, _ = self.until_answered(lambda: self.server.ask("POST", path + "send-bulk", body, key))
            if status != 400:
                break
            time.sleep(0.1)  # the session is about to start
        if status == 202:
            batch = self.ledger.batch(Batch(token, session_id, name, count))
            if self.chance.random() < 0.2:
                batch.doubtful = True  # an answer that is lost may have been a yes, and the next one says no
                answer = self.until_answered(lambda: self.server.ask("POST", f"{path}batch/{name}/cancel"))
                batch.cancelled = answer[0] == 200
        self._stopping.wait(self.chance.uniform(0, 2))


class Crowd(Actor):
    """Contacts that write: storms asked for once, single messages with a key until they are answered."""

    def act(self) -> None:
        session_id, contact = self.session(), self.chance.choice(CONTACTS[1:])
        path = f"/simulator/sessions/{session_id}"
        if self.chance.random() < 0.5:
            count = self.chance.randint(1, 30)
            try:
                status, answer = self.server.ask("POST", path + "/storm", {"from": contact, "count": count})
            except LostError:
                return
            if status == 201:
                self.ledger.wrote(session_id, answer["messageIds"])
            return
        token = self.token()
        body = {"from": contact, "text": token, "key": token}
        status, answer = self.until_answered(lambda: self.server.ask("POST", path + "/messages", body))
        if status == 201:
            self.ledger.wrote(session_id, [answer["messageId"]])
            self._change(f"{path}/messages/{answer['messageId']}", contact)

    def _change(self, path: str, contact: str) -> None:
        """Do something more to a message, now and then."""
        what = self.chance.choice(["edit", "react", "nothing", "nothing"])
        body = {"edit": {"text": "Changed"}, "react": {"from": contact, "emoji": "👍"}}.get(what)
        if body is not None:
            self.until_answered(lambda: self.server.ask("POST", f"{path}/{what}", body))


class Weather(Actor):
    """The network: connections drop, sends take long, are refused, or nobody tells what came of them."""

    def act(self) -> None:
        path = f"/simulator/sessions/{self.session()}"
        kind = self.chance.choice(["drop", "delay", "delay", "delay", "unknown_sent", "unknown_lost", "refused",
                                   "not_connected", "nothing", "nothing"])  # fmt: skip
        try:
            if kind == "drop":
                self.server.ask("POST", path + "/drop", {"seconds": self.chance.uniform(0.02, 0.5)})
            elif kind != "nothing":
                seconds = self.chance.uniform(0.02, 0.4) if kind == "delay" else 0
                self.server.ask("POST", path + "/faults", {"kind": kind, "times": 1, "seconds": seconds})
        except LostError:
            return
        time.sleep(self.chance.uniform(0, 0.3))


def cast(server: Server, sessions: Sequence[str], ledger: Ledger, seed: int, *, bulk: bool) -> list[Actor]:
    """Everybody, not started yet; whether this gateway knows `bulk` sends."""
    kinds: list[tuple[str, type[Actor]]] = [
        ("sync-1", Sender), ("sync-2", Sender), ("sync-3", Sender), ("async-1", Queuer), ("scheduled-1", Scheduler),
        ("crowd-1", Crowd), ("weather-1", Weather),
    ]  # fmt: skip
    kinds += [("bulk-1", Batcher), ("bulk-2", Batcher)] if bulk else []
    return [kind(name, server, sessions, ledger, seed) for name, kind in kinds]
