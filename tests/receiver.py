"""A real HTTP receiver of webhooks: records what it gets, and misbehaves on demand."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson

Behaviour = Callable[["Handler"], None]


class Received(NamedTuple):
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 until closed. `behaviour` answers; by path where `paths` has one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[Received] = []
        self.behaviour: Behaviour = answer()
        self.paths: dict[str, Behaviour] = {}
        self.changed = threading.Condition()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, path: str) -> list[Received]:
        """What came to that path, in order."""
        return [one for one in self.received if one.path == path]

    def wait(self, path: str, number: int, seconds: float = 10.0) -> None:
        """Until so many have come to that path."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.at(path)) >= number, seconds), (path, len(self.at(path)))

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no news here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.changed:
            self.server.received.append(Received(self.path, headers, body, self.client_address[1]))
            self.server.changed.notify_all()
        self.server.paths.get(self.path, self.server.behaviour)(self)

    do_GET = do_POST  # noqa: N815 - the name http.server looks for

    def reply(self, status: int, body: bytes = b"ok", **headers: str) -> None:
        """One whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> Behaviour:
    """Answer at once."""
    return lambda handler: handler.reply(status, body, **headers)


def hang(handler: Handler) -> None:
    """Say nothing until released."""
    handler.server.released.wait(30)
    handler.reply(200)


def close(handler: Handler) -> None:
    """Hang up without a word."""
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Begin an answer and never come to its end."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 ")
    while not handler.server.released.is_set():
        handler.wfile.write(b"2")
        handler.wfile.flush()
        time.sleep(0.02)


def gibberish(handler: Handler) -> None:
    """Speak something else than HTTP."""
    handler.close_connection = True
    handler.wfile.write(b"220 mail.example ESMTP\r\n\r\n")


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver in a thread of its own."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join()
