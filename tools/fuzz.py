"""`python -m tools.fuzz`: schemathesis against the real server, over every operation, with seeded data.

`--minutes N` goes on for so long; without it a run takes less than a minute and is the same every time (`--seed`).
"""

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from gateway.document import bundle

HERE = Path(__file__).parent
_KEY = "owa_k1_" + "fa" * 32
_METRICS = "metrics-" + "fb" * 8


class Gateway(NamedTuple):
    """A gateway in a process of its own."""

    url: str
    log: Path

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request under /api as admin; its JSON."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-API-Key": _KEY, "Content-Type": "application/json"},
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


@contextmanager
def serving(directory: Path) -> Iterator[Gateway]:
    """A fresh gateway on a free port, its windows wide open: limits have tests of their own."""
    environ = {
        **os.environ, "PORT": "0", "DATA_DIR": str(directory / "data"), "API_MASTER_KEY": _KEY, "LOG_FORMAT": "json",
        "METRICS_TOKEN": _METRICS, "SIMULATOR_LINK_AFTER": "3600000", "SSRF_ALLOWED_HOSTS": "127.0.0.1",
        **{f"RATE_LIMIT_{window}_LIMIT": "1000000000" for window in ("SHORT", "MEDIUM", "LONG")},
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
        yield Gateway(found[0], log)
    finally:
        process.terminate()
        process.wait(30)


class _Taker(BaseHTTPRequestHandler):
    """Takes every delivery."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def taking() -> Iterator[str]:
    """A receiver of webhooks on this machine; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def seed(gateway: Gateway, receiver: str) -> dict[str, list[str]]:
    """What tools/fuzz.toml speaks of: sessions of which two are linked, messages both ways, keys; ids by dictionary."""
    many = [f"spare-{number}" for number in range(20)]  # schemathesis also ends sessions that it has seen in a list
    for name in ("seeded", "linked-spare", "spare", "waiting", *many):
        gateway.ask("POST", "/sessions", {"name": name})
    for name in ("seeded", "linked-spare", "waiting"):
        gateway.ask("POST", f"/sessions/{name}/start")
        gateway.until(name, "qr_ready")
    for name in ("seeded", "linked-spare"):
        gateway.ask("POST", f"/simulator/sessions/{name}/scan")
        gateway.until(name, "ready")
    hook = {"url": receiver, "events": ["*"]}
    webhooks = [gateway.ask("POST", "/sessions/seeded/webhooks", hook)["id"] for _ in range(3)]
    texts = [{"chatId": f"44770090000{number}@c.us", "text": f"Hello {number}"} for number in range(5)]
    sent = [gateway.ask("POST", "/sessions/seeded/messages/send-text", text)["messageId"] for text in texts]
    later = {"chatId": "447700900008@c.us", "text": "Hello later", "sendAt": "2999-01-01T00:00:00.000Z"}
    for _ in range(3):
        gateway.ask("POST", "/sessions/seeded/messages/send-text", later)
    written = {"from": "447700900006@c.us", "text": "Hello back"}
    heard = [gateway.ask("POST", "/simulator/sessions/seeded/messages", written)["messageId"] for _ in range(5)]
    batch = {"messages": [{"chatId": "447700900007@c.us", "type": "text", "content": {"text": "Hello all"}}] * 50}
    batches = [gateway.ask("POST", "/sessions/seeded/messages/send-bulk", batch)["batchId"] for _ in range(3)]
    keys = [
        gateway.ask("POST", "/auth/api-keys", {"name": f"A spare {role}", "role": role})["id"]
        for role in ("viewer", "operator", "admin")
    ]
    sends = [send["id"] for send in gateway.ask("GET", "/sessions/seeded/sends?status=queued")]
    listed = gateway.ask("GET", f"/sessions/seeded/webhooks/{webhooks[0]}/deliveries?limit=20")
    return {
        "webhooks": webhooks, "messages": sent + heard, "batches": batches, "keys": keys, "sends": sends,
        "deliveries": [delivery["id"] for delivery in listed] or ["dlv_6f1d2c3b-4a5e-8f60-9171-8293a4b5c6d7"],
    }  # fmt: skip


def run(gateway: Gateway, directory: Path, options: argparse.Namespace) -> tuple[int, Path]:
    """Run schemathesis; its exit status, and its report of every event."""
    report = directory / "events.ndjson"
    rules = shutil.copy(HERE / "fuzz.toml", directory)  # beside the files of ids that it names
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(rules), "run",
        f"{gateway.url}/openapi.json", "--url", gateway.url, "--checks", "all", "--mode", "all",
        "--max-examples", str(options.examples), "--seed", str(options.seed), "--report-ndjson-path", str(report),
        *(["--max-time", str(options.minutes * 60)] if options.minutes else []),
        *(["--include-operation-id", options.operation] if options.operation else []),
    ]  # fmt: skip
    environ = {**os.environ, "FUZZ_KEY": _KEY, "FUZZ_METRICS_TOKEN": _METRICS, "PYTHONPATH": str(HERE.parent)}
    return subprocess.run(command, env=environ, cwd=directory, check=False).returncode, report


class Seen(NamedTuple):
    """What a run did, as its report tells."""

    requests: int
    operations: int
    failed: set[str]
    never: list[str]

    @classmethod
    def of(cls, report: Path) -> "Seen":
        """Counts by operation, `POST /sessions`; a stateful scenario counts for all the operations in it."""
        requests, failed, succeeded, tried = 0, set[str](), set[str](), set[str]()
        for line in report.read_text().splitlines():
            ((kind, event),) = json.loads(line).items()
            if kind == "NonFatalError":
                failed.add(event["label"])
            if kind != "ScenarioFinished":
                continue
            recorder = event["recorder"]
            answers = recorder.get("interactions", {})
            requests += len(answers)
            for case_id, case in recorder.get("cases", {}).items():
                name = f"{case['value']['method']} {case['value']['path']}"
                answer = answers.get(case_id, {}).get("response") or {}
                tried.add(name)
                succeeded |= {name} if 200 <= answer.get("status_code", 0) < 300 else set()
            failed |= {recorder["label"]} if event["status"] in ("failure", "error") else set()
        known = {name for name in tried if name in _documented()}
        return cls(requests, len(known), failed, sorted(known - succeeded))


def _documented() -> set[str]:
    return {f"{method.upper()} {path}" for path, item in bundle()["paths"].items() for method in item}


def main(arguments: list[str]) -> int:
    """Fuzz, and say with what: the seed, how many requests, how many operations."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same requests")
    parser.add_argument("--examples", type=int, default=10, help="random requests per operation and phase")
    parser.add_argument("--minutes", type=int, help="go on for so long, with a random seed unless one is given")
    parser.add_argument("--operation", help="only this operationId")
    options = parser.parse_args(arguments)
    if options.minutes and "--seed" not in arguments:
        options.seed = secrets.randbelow(2**31)
    begin = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="openwa-fuzz-") as folder,
        serving(Path(folder)) as gateway,
        taking() as receiver,
    ):
        for name, ids in seed(gateway, receiver).items():
            (Path(folder) / name).write_text("\n".join(map(json.dumps, ids)))
        status, report = run(gateway, Path(folder), options)
        seen = Seen.of(report)
        faults = [line for line in gateway.log.read_text().splitlines() if '"level": "error"' in line]
    print(*faults[:5], sep="\n")
    print(f"Operations that never answered a success: {' '.join(seen.never) or 'none'}")
    failed = len(seen.failed) + len(faults) or int(status != 0)
    print(
        f"fuzz: seed {options.seed}, {seen.requests} requests, {seen.operations} operations; "
        f"{seen.operations - len(seen.failed)} passed, {failed} failed in {time.monotonic() - begin:.0f} s"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
