"""A gateway in a process of its own, for tools that speak to it as anybody would, and a receiver for its webhooks."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

KEY = "owa_k1_" + "fa" * 32
METRICS = "metrics-" + "fb" * 8


class Gateway(NamedTuple):
    """A gateway that runs. `url` ends in /api; `log` is its file of JSON lines."""

    url: str
    log: Path
    pid: int

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request under /api as admin; its JSON. Raises HTTPError for what is no success."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-API-Key": KEY, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def until(self, session: str, status: str) -> None:
        """Wait until a session is that far."""
        end = time.monotonic() + 20
        while self.ask("GET", f"/sessions/{session}")["status"] != status:
            if time.monotonic() > end:
                raise SystemExit(f"{session} did not become {status}: {self.log.read_text()}")
            time.sleep(0.05)

    def faults(self) -> list[str]:
        """What it has logged as an error of its own so far, with where it stood; a 501 is none."""
        return [
            line for line in self.log.read_text().splitlines() if '"level": "error"' in line and '"exception"' in line
        ]


@contextmanager
def serving(directory: Path, **more: str) -> Iterator[Gateway]:
    """A fresh gateway on a free port, its windows wide open: limits have tests of their own. `more` are variables."""
    environ = {
        **os.environ, "PORT": "0", "DATA_DIR": str(directory / "data"), "API_MASTER_KEY": KEY, "LOG_FORMAT": "json",
        "METRICS_TOKEN": METRICS, "SSRF_ALLOWED_HOSTS": "127.0.0.1", "SIMULATE_TYPING": "false",
        **{f"RATE_LIMIT_{window}_LIMIT": "1000000000" for window in ("SHORT", "MEDIUM", "LONG")}, **more,
    }  # fmt: skip
    log = directory / "gateway.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "gateway.cli", "serve"],
            env=environ, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        banner = process.stdout.readline()
        found = re.search(r"http://localhost:\d+/api", banner)
        if found is None:
            raise SystemExit(f"The gateway did not start: {log.read_text()}")
        yield Gateway(found[0], log, process.pid)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


class Delivered(NamedTuple):
    """What came to the receiver."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """An endpoint on this machine that takes every delivery and keeps the last hundred."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/"
        self.deliveries: list[Delivered] = []
        self._came = threading.Condition()

    def take(self, delivery: Delivered) -> None:
        """One delivery has come."""
        with self._came:
            self.deliveries = [*self.deliveries[-99:], delivery]
            self._came.notify_all()


@contextmanager
def taking() -> Iterator[Receiver]:
    """A receiver of webhooks on this machine."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.take(Delivered({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    receiver = Receiver(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()
