"""A gateway on a real socket, and clients that wait for its events."""

import contextlib
import http.client
import json
import re
import socket
import threading

from gateway.server import Server
from storage import events
from storage.events import Draft
from tests.support import ADMIN, Gateway


class Live:
    """A gateway that listens on a port of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.server = Server(gateway.program.app, gateway.program.config)
        self.session = gateway.session()
        self.told = 0
        self.readers: list[Reader] = []
        self._thread = threading.Thread(target=self.server.serve, daemon=True)
        self._thread.start()

    def tell(self, count: int = 1, size: int = 0) -> None:
        """So many events, numbered on, each in a transaction."""
        program = self.gateway.program
        drafts = []
        for _ in range(count):
            self.told += 1
            data = {"sessionId": self.session, "status": "ready", "reason": f"{self.told}"[:100] + "x" * size}
            drafts.append(Draft("session.status", f"told {self.told}", data))
        with program.db.write() as tx:
            events.append(tx, self.session, drafts, self.gateway.clock.now())
        program.wake()

    def get(self, path: str, key: str = ADMIN) -> tuple[int, dict]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)) as connection:
            connection.request("GET", "/api" + path, headers={"X-API-Key": key})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def stop(self) -> None:
        for reader in self.readers:
            reader.close()
        self.gateway.program.drain()
        self.server.drain(5)
        self._thread.join(5)


class Reader:
    """An SSE client: a socket, and what it has been told."""

    def __init__(self, live: Live, path: str = "/events/stream", key: str = ADMIN, window: int = 0, **headers) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", live.server.port))
        fields = {"Host": "x", "X-API-Key": key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket.sendall(f"GET /api{path} HTTP/1.1\r\n{lines}\r\n".encode())
        self.heard = b""
        live.readers.append(self)

    def read(self, until: bytes) -> str:
        """All that came, as soon as it has `until` in it."""
        while until not in self.heard:
            data = self.socket.recv(65536)
            assert data, f"the stream ended: {self.heard[-500:]!r}"
            self.heard += data
        return self.heard.decode()

    def to_the_end(self) -> str:
        while data := self.socket.recv(65536):
            self.heard += data
        return self.heard.decode()

    def cursors(self) -> list[int]:
        return [int(n) for n in re.findall(r"^id: (\d+)\r?$", self.heard.decode(), re.MULTILINE)]

    def ready(self) -> "Reader":
        """The stream has begun."""
        self.read(b"retry: 3000\n\n")
        return self

    def close(self) -> None:
        self.socket.close()


def wait_until(live: Live, waiting: int) -> None:
    """Until so many wait: the thread of the streams is asked, it takes no time worth naming."""
    done = threading.Event()
    for _ in range(1000):
        if len(live.gateway.program.streams) == waiting:
            return
        live.gateway.program.wake()
        done.wait(0.01)
    raise AssertionError(f"{len(live.gateway.program.streams)} wait, not {waiting}")
