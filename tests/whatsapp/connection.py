"""One client's websocket: frames of three length bytes, the handshake, then encrypted stanzas."""

import contextlib
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from .curve import KeyPair
from .nodes import SERVER, Node, decode, encode
from .noise import Greeting, greet
from .protobuf import Value, unpack
from .tokens import Tokens

if TYPE_CHECKING:
    from .accounts import LinkedDevice

_PROLOGUE = b"WA\x06"


class Connection:
    """A client; `device` is set once it logged in, `registration` while it wants to be linked."""

    def __init__(self, socket: web.WebSocketResponse, tokens: Tokens) -> None:
        self._socket, self._tokens = socket, tokens
        self._buffer = b""
        self._greeting: Greeting | None = None
        self._serial = 0
        self.device: LinkedDevice | None = None
        self.registration: dict[int, Value] = {}
        self.deaf = False

    @property
    def greeting(self) -> Greeting:
        if self._greeting is None:
            raise ConnectionError("no handshake yet")
        return self._greeting

    def next_id(self) -> str:
        """An id for a request of the server's own."""
        self._serial += 1
        return f"double-{self._serial}"

    async def _frame(self) -> bytes:
        while len(self._buffer) < 3 or len(self._buffer) < 3 + int.from_bytes(self._buffer[:3], "big"):
            await self._fill()
        size = int.from_bytes(self._buffer[:3], "big")
        frame, self._buffer = self._buffer[3 : 3 + size], self._buffer[3 + size :]
        return frame

    async def _fill(self) -> None:
        message = await self._socket.receive()
        if message.type != WSMsgType.BINARY:
            raise ConnectionError("the client went away")
        self._buffer += message.data

    async def _send_frame(self, payload: bytes) -> None:
        await self._socket.send_bytes(len(payload).to_bytes(3, "big") + payload)

    async def shake_hands(self, root: KeyPair, static: KeyPair) -> dict[int, Value]:
        """Do the handshake and return the client's payload. Raises ConnectionError where it is no client."""
        await self._fill()
        prologue, self._buffer = self._buffer[:4], self._buffer[4:]
        if prologue[:3] != _PROLOGUE:
            raise ConnectionError(f"not a WhatsApp client: {prologue!r}")
        self._greeting = await greet(prologue, (root, static), self._frame, self._send_frame)
        registration = self._greeting.payload.get(19)
        if isinstance(registration, bytes):
            self.registration = unpack(registration)
        return self._greeting.payload

    async def receive(self) -> Node:
        """The next stanza. Raises ConnectionError at the end."""
        return decode(self.greeting.incoming.decrypt(await self._frame()), self._tokens)

    async def send(self, node: Node) -> None:
        """Send a stanza; a client that went away is no error."""
        await self.send_payload(encode(node))

    async def send_payload(self, payload: bytes) -> None:
        """Send these bytes in place of a stanza."""
        if not self.deaf and not self._socket.closed:
            with contextlib.suppress(ConnectionResetError):
                await self._send_frame(self.greeting.outgoing.encrypt(payload))

    async def answer(self, request: Node, *children: Node) -> None:
        """A request succeeded, with these results."""
        attrs = {"from": SERVER, "id": request.attrs["id"], "type": "result"}
        await self.send(Node("iq", attrs, list(children) or None))

    async def refuse(self, request: Node, code: int, text: str) -> None:
        """A request failed."""
        attrs = {"from": SERVER, "id": request.attrs["id"], "type": "error"}
        await self.send(Node("iq", attrs, [Node("error", {"code": code, "text": text})]))

    async def close(self) -> None:
        await self._socket.close()
