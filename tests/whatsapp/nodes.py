"""Stanzas: a tree of tag, attributes and content, and its binary form.

Reading needs the engine's word tables; writing needs none, because a word may always be spelled out.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from .tokens import Tokens

_AGENTS = {0: "s.whatsapp.net", 1: "lid", 128: "hosted", 129: "hosted.lid"}
_AGENT_OF = {server: agent for agent, server in _AGENTS.items()}
_NIBBLES, _HEX = "0123456789-.\0\0\0\0", "0123456789ABCDEF"
_COMPRESSED = 2


@dataclass(frozen=True)
class Jid:
    """An address on the wire."""

    user: str
    server: str
    device: int = 0

    def __str__(self) -> str:
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}" if self.user else self.server

    def of_device(self, number: int) -> "Jid":
        """The same person's device of this number (0 is the phone)."""
        return Jid(self.user, self.server, number)


SERVER = Jid("", "s.whatsapp.net")
STATUS = Jid("status", "broadcast")


@dataclass
class Node:
    """A stanza; `content` is a list of nodes, bytes or None. An attribute of None is not written."""

    tag: str
    attrs: dict[str, Any] = field(default_factory=dict)
    content: "list[Node] | bytes | None" = None

    @property
    def children(self) -> "list[Node]":
        return self.content if isinstance(self.content, list) else []

    @property
    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else b""

    def find(self, *path: str) -> "Node | None":
        """The first descendant along these tags."""
        node: Node | None = self
        for tag in path:
            node = next((child for child in node.children if child.tag == tag), None) if node else None
        return node

    def child(self, *path: str) -> "Node":
        """As `find`, but it must be there. Raises LookupError."""
        found = self.find(*path)
        if found is None:
            raise LookupError(f"<{self.tag}> has no <{'/'.join(path)}>")
        return found

    def all(self, tag: str) -> "list[Node]":
        """The children of this tag."""
        return [child for child in self.children if child.tag == tag]


def encode(node: Node) -> bytes:
    """A stanza as the payload of a frame (uncompressed)."""
    return b"\0" + _node(node)


def _node(node: Node) -> bytes:
    attrs = {name: value for name, value in node.attrs.items() if value not in (None, "")}
    out = _list(1 + 2 * len(attrs) + (node.content is not None)) + _value(node.tag)
    for name, value in attrs.items():
        out += _value(name) + _value(value)
    return out if node.content is None else out + _value(node.content)


def _list(size: int) -> bytes:
    if size == 0:
        return b"\0"
    return bytes([248, size]) if size < 0x100 else b"\xf9" + size.to_bytes(2, "big")


def _value(value: Any) -> bytes:
    if isinstance(value, Jid):
        return _jid(value)
    if isinstance(value, list):
        return _list(len(value)) + b"".join(_node(node) for node in value)
    data = value if isinstance(value, bytes) else str(value).encode()
    if len(data) < 0x100:
        return bytes([252, len(data)]) + data
    if len(data) < 1 << 20:
        return b"\xfd" + len(data).to_bytes(3, "big") + data
    return b"\xfe" + len(data).to_bytes(4, "big") + data


def _jid(jid: Jid) -> bytes:
    if jid.server in _AGENT_OF and jid.device:
        return bytes([247, _AGENT_OF[jid.server], jid.device]) + _value(jid.user)
    return b"\xfa" + (_value(jid.user) if jid.user else b"\0") + _value(jid.server)


def decode(frame: bytes, tokens: Tokens) -> Node:
    """The stanza in a frame's payload. Raises ValueError, LookupError or IndexError where it is none."""
    body = zlib.decompress(frame[1:]) if frame[0] & _COMPRESSED else frame[1:]
    return _Reader(body, tokens).node()


class _Reader:
    def __init__(self, data: bytes, tokens: Tokens) -> None:
        self._data, self._at, self._tokens = data, 0, tokens

    def node(self) -> Node:
        size = self._list_size(self._int(1))
        tag = self._value()
        attrs = {}
        for _ in range((size - 1) // 2):
            name = self._value()
            attrs[name] = self._value()
        return Node(tag, attrs, self._content() if size % 2 == 0 else None)

    def _int(self, size: int) -> int:
        return int.from_bytes(self._bytes(size), "big")

    def _bytes(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise ValueError("a stanza ends too early")
        return self._data[self._at - size : self._at]

    def _list_size(self, kind: int) -> int:
        return {0: lambda: 0, 248: lambda: self._int(1), 249: lambda: self._int(2)}[kind]()

    def _raw(self, kind: int) -> bytes:
        sizes = {252: lambda: self._int(1), 253: lambda: self._int(3) & 0xFFFFF, 254: lambda: self._int(4)}
        return self._bytes(sizes[kind]())

    def _content(self) -> list[Node] | bytes:
        kind = self._int(1)
        if kind in (0, 248, 249):
            return [self.node() for _ in range(self._list_size(kind))]
        if kind in (252, 253, 254):
            return self._raw(kind)
        self._at -= 1
        return str(self._value()).encode()

    def _value(self) -> Any:
        kind = self._int(1)
        if kind == 0:
            return None
        if kind < 236:
            return self._tokens.single[kind]
        if kind < 240:
            return self._tokens.double[kind - 236][self._int(1)]
        if kind in (252, 253, 254):
            return self._raw(kind).decode()
        if kind in (251, 255):
            return self._packed(_HEX if kind == 251 else _NIBBLES)
        return self._address(kind)

    def _packed(self, alphabet: str) -> str:
        size = self._int(1)
        text = "".join(alphabet[byte >> 4] + alphabet[byte & 15] for byte in self._bytes(size & 0x7F))
        return text[:-1] if size & 0x80 else text

    def _address(self, kind: int) -> Jid:
        if kind == 250:
            user = self._value()
            return Jid(user or "", self._value())
        if kind == 247:
            agent, device = self._int(1), self._int(1)
            return Jid(self._value(), _AGENTS.get(agent, "s.whatsapp.net"), device)
        raise ValueError(f"a stanza holds the unknown byte {kind}")
