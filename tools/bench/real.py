"""What the real engine costs: `python -m tools.bench --engine whatsmeow`.

A gateway with `ENGINE_TYPE=whatsmeow` against the double of WhatsApp, which runs in this process and costs little.
A round trip is: a person writes, the webhook is told, the program answers through the API, the person has the answer.
"""

import contextlib
import http.server
import json
import os
import queue
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.whatsapp.contact import Contact
from tests.whatsapp.double import Double
from tools.faults.server import Server

_STEPS = (1, 10, 50)
_TRIPS = 200
_SENDS = 200
_SENDERS = 4
_PATIENCE = 120.0
_ENVIRONMENT = {"ENGINE_TYPE": "whatsmeow", "SSRF_ALLOWED_HOSTS": "127.0.0.1"}


def main(most: int) -> int:
    """Measure with up to so many sessions and print."""
    print("one worker each", flush=True)
    _measure(most, {})
    print("one worker for all", flush=True)
    _measure(most, {"WHATSMEOW_SESSIONS_PER_WORKER": "100"})
    return 0


def _measure(most: int, more: dict[str, str]) -> None:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-real-")))
        double = stack.enter_context(Double())
        os.sync()  # the double's library was just written: its pages are not the workers' own
        paths = os.pathsep.join([double.environment["PYTHONPATH"], str(Path.cwd())])
        lead = {**double.environment, "PYTHONPATH": paths, **_ENVIRONMENT, **more}
        server = Server(folder, f"sqlite:///{folder / 'openwa.sqlite'}", lead)
        stack.callback(server.kill)
        server.start()
        server.await_health()
        bench = _Bench(double, server, folder)
        bench.say("sessions and memory")
        for count in [step for step in _STEPS if step <= most]:
            bench.grow(count)
            bench.say(bench.memory(count))
        bench.say(f"start to QR code               median {statistics.median(bench.to_code):.2f} s")
        bench.say(f"scan to ready                  median {statistics.median(bench.to_ready):.2f} s")
        bench.say(f"start to ready, linked before  median {statistics.median(bench.restarts(5)):.2f} s")
        bench.trips(stack)
        bench.sends()


class _Bench:
    def __init__(self, double: Double, server: Server, folder: Path) -> None:
        self._double, self._server, self._folder = double, server, folder
        self._phones: list[Any] = []
        self.to_code: list[float] = []
        self.to_ready: list[float] = []

    def say(self, line: str) -> None:
        print(line, flush=True)

    def grow(self, count: int) -> None:
        """Link sessions until there are so many, one after the other."""
        while len(self._phones) < count:
            name = f"bench-{len(self._phones):03}"
            self._server.insist("POST", "/sessions", {"name": name})
            begun = time.monotonic()
            self._server.insist("POST", f"/sessions/{name}/start")
            code = self._await(f"/sessions/{name}/qr", "qrText")
            self.to_code.append(time.monotonic() - begun)
            self._phones.append(self._double.phone(name))
            begun = time.monotonic()
            self._double.run(self._phones[-1].scan(code))
            self._await(f"/sessions/{name}", "status", "ready")
            self.to_ready.append(time.monotonic() - begun)

    def _await(self, path: str, field: str, wanted: str | None = None) -> Any:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            found = self._server.ask("GET", path)[1].get(field)
            if found and wanted in (None, found):
                return found
            time.sleep(0.005)
        raise RuntimeError(f"{path} did not show {wanted or field}")

    def memory(self, count: int) -> str:
        """What the workers need each, once they are idle."""
        time.sleep(3)
        sums: dict[str, int] = {}
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if str(self._folder).encode() not in (process / "environ").read_bytes():
                    continue
                if b"whatsmeow.worker" not in (process / "cmdline").read_bytes():
                    continue
                for line in (process / "smaps_rollup").read_text().splitlines()[1:]:
                    sums[line.split(":")[0]] = sums.get(line.split(":")[0], 0) + int(line.split()[1])
        private = (sums["Private_Clean"] + sums["Private_Dirty"]) / 1024 / count
        pss, anonymous = sums["Pss"] / 1024 / count, sums["Anonymous"] / 1024 / count
        return f"  {count:>3} idle: private {private:5.1f} MB, anonymous {anonymous:5.1f} MB, PSS {pss:5.1f} MB each"

    def restarts(self, times: int) -> list[float]:
        """Seconds from the start of a linked session until it is ready."""
        found = []
        for _ in range(times):
            self._server.insist("POST", "/sessions/bench-000/stop")
            begun = time.monotonic()
            self._server.insist("POST", "/sessions/bench-000/start")
            self._await("/sessions/bench-000", "status", "ready")
            found.append(time.monotonic() - begun)
        return found

    def trips(self, stack: contextlib.ExitStack) -> None:
        """Round trips, one after the other."""
        told: queue.Queue[str] = queue.Queue()
        hook = stack.enter_context(_listening(told))
        body = {"url": hook, "events": ["message.received"]}
        self._server.insist("POST", "/sessions/bench-000/webhooks", body)
        person, account = self._double.contact("Somebody"), self._phones[0].account
        inward, whole = [], []
        for number in range(_TRIPS):
            begun = time.monotonic()
            self._double.run(person.say(account, f"question {number}"))
            chat = told.get(timeout=_PATIENCE)
            inward.append(time.monotonic() - begun)
            self._send(person, chat, number)
            person.next()
            whole.append(time.monotonic() - begun)
        for name, times in (("written to webhook", inward), ("round trip", whole)):
            found = sorted(times[10:])  # the first ones make the Signal session
            p50, p99 = statistics.median(found) * 1000, found[int(len(found) * 0.99)] * 1000
            self.say(f"{name:<30} p50 {p50:.1f} ms, p99 {p99:.1f} ms")

    def sends(self) -> None:
        """As many sends of one session as it takes, to several people at once."""
        people = [self._double.contact(f"Person {number}") for number in range(_SENDERS)]
        for person in people:
            self._send(person, f"{person.account.phone.user}@c.us", 0)
        begun = time.monotonic()

        def work(person: Contact) -> None:
            for number in range(_SENDS // _SENDERS):
                self._send(person, f"{person.account.phone.user}@c.us", number)

        with ThreadPoolExecutor(_SENDERS) as pool:
            list(pool.map(work, people))
        self.say(f"sends of one session           {_SENDS / (time.monotonic() - begun):.0f} per second")

    def _send(self, person: Contact, chat: str, number: int) -> None:
        body = {"chatId": chat, "text": f"answer {number} to {person.account.name}"}
        self._server.insist("POST", "/sessions/bench-000/messages/send-text", body)


@contextlib.contextmanager
def _listening(told: "queue.Queue[str]") -> Any:
    """A webhook receiver that passes on the chat of each message; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()
            told.put(payload["data"]["chatId"])

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
