"""`python -m tools.fuzz`: schemathesis against the real server, over every operation, with seeded data.

`--minutes N` goes on for so long; without it a run takes less than a minute and is the same every time (`--seed`).
"""

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def serving(directory: Path) -> Iterator[Gateway]:
    """A fresh gateway on a free port, its windows wide open: limits have tests of their own."""
    environ = {
        **os.environ, "PORT": "0", "DATA_DIR": str(directory / "data"), "API_MASTER_KEY": _KEY, "LOG_FORMAT": "json",
        "METRICS_TOKEN": _METRICS, "SIMULATOR_LINK_AFTER": "0",
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


def seed(gateway: Gateway) -> None:
    """What tools/fuzz.toml speaks of: sessions of which two are linked, messages both ways, keys."""
    for name in ("my-bot", "linked-spare", "spare"):
        gateway.ask("POST", "/sessions", {"name": name})
    for name in ("my-bot", "linked-spare"):
        gateway.ask("POST", f"/sessions/{name}/start")
        until = time.monotonic() + 10
        while gateway.ask("GET", f"/sessions/{name}")["status"] != "ready":
            if time.monotonic() > until:
                raise SystemExit(f"{name} did not link: {gateway.log.read_text()}")
            time.sleep(0.05)
    for number in range(5):
        sent = {"chatId": f"44770090000{number}@c.us", "text": f"Hello {number}"}
        gateway.ask("POST", "/sessions/my-bot/messages/send-text", sent)
    for role in ("viewer", "operator", "admin"):
        gateway.ask("POST", "/auth/api-keys", {"name": f"A spare {role}", "role": role})


def run(gateway: Gateway, directory: Path, options: argparse.Namespace) -> tuple[int, Path]:
    """Run schemathesis; its exit status, and its report of every event."""
    report = directory / "events.ndjson"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "fuzz.toml"), "run",
        f"{gateway.url}/openapi.json", "--url", gateway.url, "--checks", "all", "--mode", "all",
        "--max-examples", str(options.examples), "--seed", str(options.seed), "--report-ndjson-path", str(report),
        *(["--max-time", str(options.minutes * 60)] if options.minutes else []),
        *(["--include-operation-id", options.operation] if options.operation else []),
    ]  # fmt: skip
    environ = {**os.environ, "FUZZ_KEY": _KEY, "FUZZ_METRICS_TOKEN": _METRICS}
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
            requests += len(recorder["interactions"])
            for case_id, case in recorder["cases"].items():
                name = f"{case['value']['method']} {case['value']['path']}"
                answer = recorder["interactions"].get(case_id, {}).get("response") or {}
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
    with tempfile.TemporaryDirectory(prefix="openwa-fuzz-") as folder, serving(Path(folder)) as gateway:
        seed(gateway)
        status, report = run(gateway, Path(folder), options)
        seen = Seen.of(report)
        faults = [line for line in gateway.log.read_text().splitlines() if '"level": "error"' in line]
    print("\n".join(faults[:20]))
    print(f"Operations that never answered a success: {' '.join(seen.never) or 'none'}")
    failed = len(seen.failed) + len(faults) or int(status != 0)
    print(
        f"fuzz: seed {options.seed}, {seen.requests} requests, {seen.operations} operations; "
        f"{seen.operations - len(seen.failed)} passed, {failed} failed in {time.monotonic() - begin:.0f} s"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
