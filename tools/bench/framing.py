"""HTTP/1.1 as far as a load generator needs it: one request as bytes, and where an answer ends."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_BODILESS = frozenset((204, 304))


class Unframed(ValueError):
    """The bytes are no HTTP/1.1 answer whose end can be told."""


class Frame(NamedTuple):
    """One whole answer: its status, where its head and all of it end, and whether the connection lives on."""

    status: int
    head: int
    end: int
    alive: bool


def request(method: str, path: str, headers: Mapping[str, str], body: Any = None) -> bytes:
    """The bytes of one request; a body other than None goes out as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def frame(received: bytes) -> Frame | None:
    """The first answer in `received`, or None until all of it is there. Raises Unframed."""
    head = received.find(b"\r\n\r\n") + 4
    if head == 3:
        return None
    if not received.startswith(b"HTTP/1."):
        raise Unframed(repr(received[:64]))
    status = int(received[9:12])
    alive = _CLOSE.search(received, 0, head) is None
    if status in _BODILESS:
        return Frame(status, head, head, alive)
    if (length := _LENGTH.search(received, 0, head)) is not None:
        end = head + int(length[1])
    elif _CHUNKED.search(received, 0, head) is not None:
        end = _end_of_chunks(received, head)
    else:
        raise Unframed(f"neither length nor chunks: {received[:head]!r}")
    return Frame(status, head, end, alive) if 0 < end <= len(received) else None


def _end_of_chunks(received: bytes, at: int) -> int:
    """The index behind the last chunk and its trailers, 0 until it is there."""
    while (line := received.find(b"\r\n", at)) > 0:
        size = int(received[at:line].partition(b";")[0], 16)
        if size == 0:
            # the empty line after the trailers, which may be the very next one
            return received.find(b"\r\n\r\n", line) + 4 if received.find(b"\r\n\r\n", line) >= 0 else 0
        at = line + 2 + size + 2
        if at > len(received):
            break
    return 0


def body(received: bytes, answer: Frame) -> bytes:
    """The body of `answer`, its chunks joined."""
    content = received[answer.head : answer.end]
    if _LENGTH.search(received, 0, answer.head) is not None or not content:
        return content
    joined = bytearray()
    while content:
        size, _, rest = content.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            break
        joined += rest[:length]
        content = rest[length + 2 :]
    return bytes(joined)
