"""The server: it greets clients, links or logs them in, and routes their stanzas."""

import asyncio
import base64
import contextlib
import os
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from .accounts import Directory, LinkedDevice
from .connection import Connection
from .curve import KeyPair
from .groups import Groups
from .media import MediaStore
from .nodes import SERVER, Node
from .pairing import Pairing
from .pki import Certificates
from .queries import Queries
from .relay import Relay
from .tokens import read_tokens
from .transport import Proxy, Site

_MAX_FRAME = 1 << 25
_MAX_MEDIA = 1 << 28
_PATIENCE = 0.3
_FAREWELL = 1.0  # what the library has not read when the socket closes, it never reads


class Server:
    """All of it. `errors` holds what went wrong inside the double itself: a test must end with none."""

    def __init__(self, library: Path, certificates: Certificates) -> None:
        self.root, self._static = KeyPair.new(), KeyPair.new()
        self._tokens = read_tokens(library)
        self.directory = Directory()
        self.groups = Groups(self.directory)
        self.pairing, self.media = Pairing(), MediaStore()
        self.queries, self.relay = Queries(self.directory), Relay(self.directory, self.groups)
        self.connections: set[Connection] = set()
        self.refusals: list[dict[str, object]] = []
        self.errors: list[str] = []
        self.logins = 0
        app = web.Application(client_max_size=_MAX_MEDIA)
        app.router.add_get("/ws/chat", self._serve)
        self.media.routes(app)
        self._site = Site(app, certificates)
        self._proxy: Proxy | None = None

    @property
    def proxy(self) -> Proxy:
        assert self._proxy is not None, "the server was not started"
        return self._proxy

    async def start(self) -> None:
        """Listen."""
        await self._site.start()
        self._proxy = Proxy(self._site.port)
        await self._proxy.start()

    async def stop(self) -> None:
        """Let go of every client and listen no more."""
        await self.drop()
        await self.proxy.stop()
        await self._site.stop()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=_MAX_FRAME)
        await socket.prepare(request)
        connection = Connection(socket, self._tokens)
        self.connections.add(connection)
        try:
            if await self._admit(connection):
                while True:
                    await self._route(connection, await connection.receive())
        except ConnectionError:
            pass  # clients come and go
        except Exception:  # noqa: BLE001 - a defect of the double: the test that caused it shall see it
            self.errors.append(traceback.format_exc())
        finally:
            self._forget(connection)
            await socket.close()
        return socket

    def _forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        device = connection.device
        if device and device.connection is connection:
            device.connection, device.flushed = None, False

    async def _admit(self, connection: Connection) -> bool:
        payload = await connection.shake_hands(self.root, self._static)
        if self.refusals:
            return await self._refuse(connection, self.refusals.pop(0))
        if connection.registration:
            await self.pairing.offer(connection)
            return True
        account = self.directory.by_number(str(payload[1]))
        device = account.devices.get(int(payload.get(18, 0))) if account else None
        if not isinstance(device, LinkedDevice) or device.noise != connection.greeting.static:
            return await self._refuse(connection, {"reason": "401", "location": "double"})
        await self._log_in(connection, device)
        return True

    async def _refuse(self, connection: Connection, why: dict[str, object]) -> bool:
        """Say why not, and leave it to the client to hang up for a moment: a close at once may overtake the reason."""
        await connection.send(Node("failure", why))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(connection.receive(), _PATIENCE)
        return False

    async def _log_in(self, connection: Connection, device: LinkedDevice) -> None:
        if device.connection:
            await self.replace(device.connection)
        self.logins += 1
        connection.device, device.connection, device.flushed = device, connection, False
        attrs = {
            "t": int(time.time()),
            "creation": int(time.time()) - 9999,
            "props": "20",
            "companion_enc_static": base64.b64encode(os.urandom(32)).decode(),
            "lid": device.lid,
            "display_name": device.account.name,
        }
        await connection.send(Node("success", attrs))

    async def _route(self, connection: Connection, node: Node) -> None:
        device = connection.device
        if node.tag == "iq":
            return await self._request(connection, node)
        if device is None:
            return None
        routes: dict[str, Callable[[], Awaitable[None]]] = {
            "message": lambda: self.relay.message(connection, device, node),
            "receipt": lambda: self.relay.receipt(connection, device, node),
            "chatstate": lambda: self.relay.typing(device, node),
            "presence": lambda: self.relay.presence(device, node),
            "call": lambda: self.relay.call(connection, node),
        }
        if node.tag in routes:
            await routes[node.tag]()
        elif node.tag == "ack" and node.attrs.get("class") == "message":
            device.acknowledged(node.attrs["id"])
        return None

    async def _request(self, connection: Connection, node: Node) -> None:
        namespace, device = node.attrs.get("xmlns"), connection.device
        if node.attrs["type"] in ("result", "error"):
            if node.find("pair-device-sign"):
                await self.pairing.signed(connection)
            return None
        stage = node.find("link_code_companion_reg")
        if stage:
            hello = stage.attrs["stage"] == "companion_hello"
            return await (self.pairing.hello if hello else self.pairing.finish)(connection, node)
        if device is None:
            return await connection.answer(node)
        if node.find("remove-companion-device"):
            await connection.answer(node)
            return await self.unlink(device)
        if namespace == "w:g2":
            return await self.groups.answer(connection, device, node)
        return await self.queries.answer(connection, device, node)

    # --- what may go wrong

    async def unlink(self, device: LinkedDevice) -> None:
        """The device is an account's no more."""
        device.account.devices.pop(device.number, None)
        if device.connection:
            conflict = Node("conflict", {"type": "device_removed"})
            await device.connection.send(Node("stream:error", {"code": "401"}, [conflict]))

    async def replace(self, connection: Connection) -> None:
        """Another login took the connection's place."""
        await connection.send(Node("stream:error", {}, [Node("conflict", {"type": "replaced"})]))
        await asyncio.sleep(_FAREWELL)
        await connection.close()

    async def drop(self) -> None:
        """Every connection breaks."""
        for connection in list(self.connections):
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                await connection.close()

    async def send_nonsense(self, device: LinkedDevice, *, malformed: str) -> None:
        """A frame that no client expects: empty, garbage, or a pairing result without an id."""
        connection = device.connection
        assert connection is not None
        if malformed == "pair-success":
            await connection.send(Node("iq", {"from": SERVER, "type": "set"}, [Node("pair-success")]))
        else:
            await connection.send_payload({"empty": b"", "garbage": b"\0\xf8\x03\xff\xff\xff"}[malformed])
