"""The real server on a real socket: what it refuses by itself, who is too slow, and how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.server import Server
from tests.support import ADMIN, Gateway

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nothing here asks it much
AYU = "447700900006@c.us"


@pytest.fixture
def settings() -> dict[str, str]:
    return {"HEADERS_TIMEOUT_MS": "1000", "MEDIA_DOWNLOAD_MAX_BYTES": "3"}


@pytest.fixture
def port(gateway: Gateway) -> Iterator[int]:
    """A gateway behind waitress; the port it listens on."""
    config = gateway.program.config
    server = Server(gateway.program.app, type(config)(**{**_fields(config), "port": 0}))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server.port
    server.drain(5)
    thread.join(10)


def _fields(config: Any) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def say(port: int, request: bytes, patience: float = 10) -> bytes:
    """Everything the server answers to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port), patience) as connection:
        connection.sendall(request)
        answer = b""
        while data := connection.recv(65536):
            answer += data
        return answer


def head_and_body(answer: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body)


# --- what waitress refuses by itself --------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        (b"GET /api/health HTTP/1.1\r\nX-Long: " + b"x" * 2**20 + b"\r\n\r\n", 431, "Request Header Fields Too Large"),
        (b"GET /" + b"x" * 2**20 + b" HTTP/1.1\r\n\r\n", 431, "Request Header Fields Too Large"),
        (b"POST /api/sessions HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413, "Payload Too Large"),
        (b"POST /api/sessions HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, "Bad Request"),
        (b"POST /api/sessions HTTP/1.1\r\nContent-Length: five\r\n\r\n", 400, "Bad Request"),
        (b"POST /api/sessions HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Not Implemented"),
        (b"POST /api/sessions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n", 400, "Bad Request"),
        (b"nonsense\r\n\r\n", 400, "Bad Request"),
        (b"get /api/health HTTP/1.1\r\n\r\n", 400, "Bad Request"),
        (b"GET /api/health HTTP/1.1\r\nno colon\r\n\r\n", 400, "Bad Request"),
        (b"GET /api/health HTTP/1.1\r\nX-A: \x00\r\n\r\n", 400, "Bad Request"),
        (b"GET /api/health HTTP/1.1\r\nX-A: a\rb\r\n\r\n", 400, "Bad Request"),
        (b"GET /api/health HTTP/1.1\r\n : x\r\n\r\n", 400, "Bad Request"),
    ],
)  # fmt: skip
def test_what_is_no_request_gets_the_envelope(port: int, request_: bytes, status: int, error: str) -> None:
    code, headers, body = head_and_body(say(port, request_))
    assert (status, status, error) == (code, body["statusCode"], body["error"])
    assert "application/json" == headers["content-type"]
    assert {"statusCode", "message", "error"} == body.keys()


def test_a_body_that_grows_beyond_the_cap_is_413(port: int, gateway: Gateway) -> None:
    size = gateway.program.config.body_max_bytes + 1
    request = b"POST /api/sessions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size + b"x" * size + b"\r\n"
    assert 413 == head_and_body(say(port, request + b"0\r\n\r\n"))[0]


def test_the_server_does_not_say_what_it_is(port: int) -> None:
    _, headers, _ = head_and_body(say(port, b"GET /api/health HTTP/1.1\r\nConnection: close\r\n\r\n"))
    assert set() == {"server", "via"} & headers.keys()


def test_after_a_refusal_the_server_goes_on(port: int) -> None:
    say(port, b"nonsense\r\n\r\n")
    assert 200 == head_and_body(say(port, b"GET /api/health HTTP/1.0\r\n\r\n"))[0]


# --- who is too slow ------------------------------------------------------------------------------


def test_a_silent_client_is_let_go(port: int) -> None:
    assert b"" == say(port, b"", patience=15)


def test_a_client_that_stops_within_its_headers_is_let_go(port: int) -> None:
    assert b"" == say(port, b"GET /api/health HTTP/1.1\r\nX-A: ", patience=15)


def test_a_client_that_sends_its_headers_a_byte_at_a_time_is_let_go(port: int) -> None:
    """However lively it is: the time runs from the first byte."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 15) as connection:
        connection.sendall(b"GET /api/health HTTP/1.1\r\nX-A: ")
        connection.settimeout(0.2)
        while time.monotonic() < begin + 15:
            try:
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                connection.sendall(b"x")
            except OSError:
                break
    assert 10 > time.monotonic() - begin


def test_a_slow_body_holds_no_worker(port: int, gateway: Gateway) -> None:
    """More of them than there are workers, and the others are still answered."""
    head = b"POST /api/sessions HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(gateway.program.config.http_threads * 2)]
    for connection in slow:
        connection.sendall(head)
    assert 200 == head_and_body(say(port, b"GET /api/health HTTP/1.0\r\n\r\n"))[0]
    for connection in slow:
        connection.close()


# --- the end --------------------------------------------------------------------------------------


# SIGTERM to any thread but the main one, once that waits: it is not woken by it.
TELL_ANOTHER_THREAD = """
import signal, sys, threading
from gateway import cli

def banner(*told):
    said(*told)
    threading.Timer(0.5, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()

said, cli._banner = cli._banner, banner
sys.exit(cli.main(["serve"]))
"""


class Process:
    """`openwa serve` as a process."""

    def __init__(self, directory: Path, *python: str, **more: str) -> None:
        environ = {
            **os.environ, "PORT": "0", "DATA_DIR": str(directory / "data"), "API_MASTER_KEY": ADMIN,
            "SIMULATOR_LINK_AFTER": "0", "SIMULATE_TYPING": "false", "RATE_LIMIT_SHORT_LIMIT": "1000", **more,
        }  # fmt: skip
        environ.pop("DATABASE_URL", None)
        self.process = subprocess.Popen(
            [sys.executable, "-u", *(python or ("-m", "gateway.cli", "serve"))],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"http://localhost:(\d+)/api", self.process.stdout.readline())
        assert found is not None
        self.url = f"http://127.0.0.1:{found[1]}/api"

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
        """Status, JSON, headers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": ADMIN, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read() or b"null"), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), error.headers

    def ready(self) -> None:
        """A session my-bot, linked, whose next send takes a second."""
        self.ask("POST", "/sessions", {"name": "my-bot"})
        self.ask("POST", "/sessions/my-bot/start")
        end = time.monotonic() + 20
        while self.ask("GET", "/sessions/my-bot")[1]["status"] != "ready":
            assert time.monotonic() < end
        assert 201 == self.ask("POST", "/simulator/sessions/my-bot/faults", {"kind": "delay", "seconds": 1.5})[0]

    def send(self) -> tuple[int, Any, Any]:
        return self.ask("POST", "/sessions/my-bot/messages/send-text", {"chatId": AYU, "text": "hi"})

    def sending(self) -> bool:
        return bool(self.ask("GET", "/sessions/my-bot/sends?status=sending")[1])


@pytest.fixture
def process(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    """A gateway in a process of its own, that is killed if it does not end."""
    del database_url  # it has its own
    one = Process(tmp_path, *getattr(request, "param", ()))
    yield one
    one.process.kill()
    one.process.wait(10)
    assert one.process.stdout is not None
    one.process.stdout.close()


def test_on_sigterm_what_is_in_flight_is_finished_and_the_new_is_refused(process: Process) -> None:
    process.ready()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(process.send)
        while not process.sending():
            pass
        process.process.send_signal(signal.SIGTERM)
        while (refused := process.ask("GET", "/sessions"))[0] == 200:
            pass
        alive = process.ask("GET", "/health/live")[0]
        assert (503, "The gateway is shutting down", 200) == (refused[0], refused[1]["message"], alive)
        assert int(refused[2]["Retry-After"]) >= 1
        assert 201 == sent.result(20)[0]
    assert 0 == process.process.wait(20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_gateway_ends_at_once(process: Process, number: signal.Signals) -> None:
    process.process.send_signal(number)
    assert 0 == process.process.wait(10)


@pytest.mark.parametrize("process", [("-c", TELL_ANOTHER_THREAD)], indirect=True)
def test_a_signal_that_wakes_nobody_ends_the_gateway(process: Process) -> None:
    assert 0 == process.process.wait(10)
