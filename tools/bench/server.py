"""The programs under load: started on their core, awaited, stopped by their id."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.bench import framing

ROOT = Path(__file__).resolve().parents[2]
SERVE = (sys.executable, "-m", "gateway.cli", "serve")
KEY = "bench-" + secrets.token_hex(16)

# All that the gateway is told; {data} and {port} are filled in.
ENVIRONMENT = {
    "HOST": "127.0.0.1",
    "PORT": "{port}",
    "DATA_DIR": "{data}",
    "DATABASE_URL": "sqlite:///{data}/bench.sqlite",
    "API_MASTER_KEY": KEY,
    "ENGINE_TYPE": "simulator",
    "SIMULATOR_LINK_AFTER": "0",
    "SIMULATE_TYPING": "false",
    "WEBHOOK_SSRF_PROTECT": "false",  # the receivers are on this machine
    "LOG_LEVEL": "error",
    "RATE_LIMIT_SHORT_LIMIT": "1000000000",
    "RATE_LIMIT_MEDIUM_LIMIT": "1000000000",
    "RATE_LIMIT_LONG_LIMIT": "1000000000",
}


class Failed(Exception):
    """The server did not do what the bench needs of it; the message says what."""


@dataclass(frozen=True)
class Cores:
    """The core that servers run on, and the one that asks. On a machine with one core they are the same."""

    server: int
    load: int

    @classmethod
    def available(cls) -> "Cores":
        """The first two cores that this process may use."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[0], cores[-1] if len(cores) == 1 else cores[1])


@dataclass
class Target:
    """A server that answers HTTP: where, with which headers, and the process whose cost is read (None: unknown)."""

    name: str
    address: tuple[str, int]
    headers: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None

    def request(self, method: str, path: str, body: Any = None, *, key: bool = True) -> bytes:
        """The bytes of one request, with this target's headers unless it goes without a key."""
        host = f"{self.address[0]}:{self.address[1]}"
        return framing.request(method, path, {"Host": host, **(self.headers if key else {})}, body)

    def call(self, method: str, path: str, body: Any = None, *, key: bool = True) -> tuple[int, bytes]:
        """One request on a connection of its own: status and body. Raises OSError, framing.Unframed."""
        received = b""
        with socket.create_connection(self.address, timeout=30) as connection:
            connection.sendall(self.request(method, path, body, key=key))
            while (answer := framing.frame(received)) is None:
                if not (arrived := connection.recv(65536)):
                    raise ConnectionResetError(f"{self.name} hung up on {method} {path}")
                received += arrived
        return answer.status, framing.body(received, answer)

    def ask(self, method: str, path: str, body: Any = None, *, expected: int = 200) -> Any:
        """One request whose answer is JSON (or nothing). Raises Failed on another status than the expected."""
        status, content = self.call(method, path, body)
        if status != expected:
            raise Failed(f"{self.name}: {method} {path} answered {status}, not {expected}: {content[:300]!r}")
        return json.loads(content) if content else None


@dataclass
class Program:
    """A program that serves HTTP, how it is started, and what of it is kept in `folder`."""

    name: str
    command: Sequence[str]
    health: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT

    @contextlib.contextmanager
    def running(self, core: int) -> Iterator[tuple[Target, float]]:
        """Run it on one core: where it answers, and seconds from exec to the first healthy answer. Raises Failed."""
        port = str(_free_port())
        data = str(self.folder / "data")
        command = [part.format(port=port, data=data) for part in self.command]
        environment = {name: value.format(port=port, data=data) for name, value in self.environment.items()}
        log = self.folder / f"{self.name}.log"
        with log.open("ab") as output:
            began = time.perf_counter()
            with on(core):
                process = subprocess.Popen(  # in a session of its own: our terminal's Ctrl-C is not its business
                    command,
                    cwd=self.directory,
                    env={**_usual(), **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        try:
            target = Target(self.name, ("127.0.0.1", int(port)), self.headers, process.pid)
            yield target, self._await_health(target, process, log) - began
        finally:
            _stop(process)

    def _await_health(self, target: Target, process: "subprocess.Popen[bytes]", log: Path) -> float:
        """When the first healthy answer came. Raises Failed when the program ends first, or takes over a minute."""
        deadline = time.perf_counter() + 60
        while time.perf_counter() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                if target.call("GET", self.health, key=False)[0] == 200:
                    return time.perf_counter()
            time.sleep(0.002)
        tail = log.read_text(errors="replace")[-2000:]
        raise Failed(f"{self.name} did not become healthy (exit status {process.poll()}); its last words:\n{tail}")


def gateway(folder: Path, command: Sequence[str] = SERVE) -> Program:
    """The gateway on a database of its own in `folder`."""
    return Program("gateway", command, "/api/health", folder, ENVIRONMENT, {"X-API-Key": KEY})


def checking(folder: Path, command: Sequence[str], how: str) -> Program:
    """The gateway with CONTRACT_CHECK, on a copy of what `gateway` has in `folder`, where it does not run just now."""
    own = folder / how
    shutil.copytree(folder / "data", own / "data")
    return replace(gateway(own, command), environment={**ENVIRONMENT, "CONTRACT_CHECK": how})


def hello(folder: Path) -> Program:
    """The floor: bare WSGI under the same waitress."""
    return Program("hello", (sys.executable, "-m", "tools.bench.hello", "{port}"), "/", folder)


@contextlib.contextmanager
def on(core: int) -> Iterator[None]:
    """This thread on one core, and whatever it starts there for good."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _usual() -> dict[str, str]:
    """Our environment, as a user's would be: Python keeps what it has compiled, or each start would compile it anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and end it with its children after 15 seconds."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
