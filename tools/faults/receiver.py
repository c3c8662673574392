"""A real HTTP receiver of webhooks: now and then it fails, and it remembers everything that it was told."""

import hashlib
import hmac
import http.server
import json
import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

SECRET = "whsec_" + "ZmF1bHRzZmF1bHRzZmF1bHRzZmF1bHRz"


@dataclass
class Heard:
    """What the receiver answered with success, and what was wrong with it."""

    cursors: list[int] = field(default_factory=list)  # of events, in the order in which they were first heard
    messages: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))  # → event ids
    deliveries: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # event id → delivery ids
    contents: dict[str, str] = field(default_factory=dict)  # event id → hash of what it said
    times: int = 0
    wrong: list[str] = field(default_factory=list)

    def hear(self, body: bytes, delivery_id: str, signature: str) -> None:
        """Remember a delivery; the same event again has to say the same."""
        payload: dict[str, Any] = json.loads(body)
        event, content = payload["idempotencyKey"], hashlib.sha256(body).hexdigest()
        self.times += 1
        if signature != "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest():
            self.wrong.append(f"the signature of {event}")
        if self.contents.setdefault(event, content) != content:
            self.wrong.append(f"{event} said something else the second time")
        if event not in self.deliveries:
            self.cursors.append(payload["cursor"])
        self.deliveries[event].add(delivery_id)
        if payload["event"] == "message.received":
            self.messages[payload["sessionId"], payload["data"]["id"]].add(event)


class Receiver:
    """Listens on a port of its own; `failing` of a hundred deliveries get 500, or no answer at all."""

    def __init__(self, seed: int, failing: int = 3) -> None:
        self.failing = failing
        self.heard = Heard()
        self._chance = random.Random(f"{seed} receiver")  # noqa: S311 - chance that can be repeated
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes, delivery_id: str, signature: str) -> int | None:
        """The status to answer a delivery with, None for no answer."""
        with self._lock:
            if self._chance.randrange(100) < self.failing:
                return self._chance.choice((500, 500, None))
            self.heard.hear(body, delivery_id, signature)
            return 204

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the gateway was killed in the middle of it
                    self.close_connection = True
                    return
                given = self.headers
                status = receiver.take(body, given["webhook-id"], given["X-OpenWA-Signature"])
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:  # the gateway is gone
                    self.close_connection = True

            def log_message(self, *_: object) -> None: ...

        return Handler
