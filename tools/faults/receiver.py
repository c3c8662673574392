"""A real HTTP receiver of webhooks: now and then it fails, and it remembers everything that it was told."""

import http.server
import json
import random
import threading
from collections import defaultdict
from typing import Any

SECRET = "whsec_" + "ZmF1bHRzZmF1bHRzZmF1bHRzZmF1bHRz"


class Receiver:
    """Listens on a port of its own. `heard` is event id → (type, data) of what it answered with success.

    `failing` is how many of a hundred deliveries it answers with 500 or closes without an answer.
    """

    def __init__(self, seed: int, failing: int = 3) -> None:
        self.failing = failing
        self.heard: dict[str, tuple[str, dict[str, Any]]] = {}
        self.deliveries = 0
        self.contradictions: list[str] = []
        self.ids: dict[tuple[str, str, str], set[str]] = defaultdict(set)  # (session, type, message) → event ids
        self._chance = random.Random(f"{seed} receiver")  # noqa: S311 - chance that can be repeated
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def fails(self) -> bool:
        """Whether the delivery that comes now is to fail."""
        with self._lock:
            return self._chance.randrange(100) < self.failing

    def hear(self, event_id: str, payload: dict[str, Any]) -> None:
        """Remember a delivery; the same event again has to say the same."""
        told = (payload["event"], payload["data"])
        with self._lock:
            self.deliveries += 1
            before = self.heard.setdefault(event_id, told)
            if before != told:
                self.contradictions.append(f"{event_id} said {before}, then {told}")
            message = payload["data"].get("id")
            if payload["event"] == "message.received" and message:
                self.ids[payload["sessionId"], payload["event"], message].add(event_id)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.fails():
                    self.close_connection = True
                    if receiver.fails():  # seldom: no answer at all
                        return
                    self._answer(500)
                    return
                payload = json.loads(body)
                receiver.hear(payload["idempotencyKey"], payload)
                self._answer(204)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        return Handler
