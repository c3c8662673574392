"""What crosses the socket pair between the gateway and a worker: typed frames, four length bytes before each.

Every frame names its session. Of each, `Begin` comes first; then `Ask`, `Committed` and at last `End` go in, `Answer`,
`Failure` and `Report` come out, and `Ended` is the last.
"""

import contextlib
import socket
import struct
import threading
from typing import Any, TypeVar, get_args

import msgspec

from engines import base

MAX_FRAME = 16 << 20

_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")

EVENTS: dict[str, Any] = {kind.__name__: kind for kind in get_args(base.Event)}
CONTENTS: dict[str, Any] = {kind.__name__: kind for kind in get_args(base.Content)}


class Settings(msgspec.Struct, frozen=True):
    """How a worker serves its account; seconds unless said otherwise."""

    device_name: str = "OpenWA"
    media_cap: int = 64 << 20
    download_media: bool = True
    delivery_receipts: bool = True
    memory_cap: int = 3 << 30
    call_seconds: float = 30.0
    dial_seconds: float = 45.0
    qr_seconds: float = 165.0
    link_seconds: float = 30.0
    silent_seconds: float = 60.0
    outage_seconds: float = 180.0
    backoff_seconds: float = 0.5
    backoff_cap_seconds: float = 60.0


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What all frames have: the session's id comes first."""

    session: str


class Begin(Frame, frozen=True, array_like=True, tag="begin"):
    """Serve this account from now on: its directory, the proxy to take, its settings."""

    directory: str
    proxy_url: str | None
    settings: Settings


class Ask(Frame, frozen=True, array_like=True, tag="ask"):
    """Do `verb` with these arguments; after `seconds` nobody listens for the answer."""

    id: int
    verb: str
    seconds: float
    args: msgspec.Raw


class Committed(Frame, frozen=True, array_like=True, tag="committed"):
    """The gateway has these reports: forget them."""

    numbers: list[int]


class End(Frame, frozen=True, array_like=True, tag="end"):
    """Disconnect the session and serve it no more."""


class Answer(Frame, frozen=True, array_like=True, tag="answer"):
    """It is done; `value` is the verb's result."""

    id: int
    value: msgspec.Raw


class Failure(Frame, frozen=True, array_like=True, tag="failure"):
    """It was not done (or nobody knows): the name of an exception of `engines.base`, its message, its reason."""

    id: int
    error: str
    message: str
    reason: str | None = None


class Report(Frame, frozen=True, array_like=True, tag="report"):
    """Events as (name, body). `number` is that of the spooled record they complete, 0 where there is none."""

    number: int
    events: list[tuple[str, msgspec.Raw]]


class Ended(Frame, frozen=True, array_like=True, tag="ended"):
    """The session is served no more; `code` says why (`engines.whatsmeow.exits`)."""

    code: int


Inward = Begin | Ask | Committed | End
Outward = Answer | Failure | Report | Ended

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
_making = threading.Lock()


def pack(value: Any) -> msgspec.Raw:
    """A value (structs, dataclasses, builtins) as bytes."""
    return msgspec.Raw(_encoder.encode(value))


def decoder(kind: Any) -> "msgspec.msgpack.Decoder[Any]":
    """The decoder of a type. There is one, made by one thread at a time.

    While msgspec looks at a class for the first time, any other thread that decodes it ends the process (0.22).
    """
    with _making:
        if kind not in _decoders:
            _decoders[kind] = msgspec.msgpack.Decoder(kind)
        return _decoders[kind]


def unpack(raw: msgspec.Raw | bytes, kind: type[_T]) -> _T:
    """The value in these bytes, checked to be of this type. Raises msgspec.ValidationError."""
    value: _T = decoder(kind).decode(raw)
    return value


def convert(values: dict[str, Any], kind: type[_T]) -> _T:
    """The value of this type with these fields. Raises msgspec.ValidationError."""
    decoder(kind)
    return msgspec.convert(values, kind)


def report(session: str, number: int, events: list[base.Event]) -> Report:
    """A report of these events."""
    return Report(session, number, [(type(event).__name__, pack(event)) for event in events])


def events(frame: Report) -> list[base.Event]:
    """The events in a report."""
    return [unpack(body, EVENTS[name]) for name, body in frame.events]


class Channel:
    """One end of the pair. Any thread may send; one thread receives."""

    def __init__(self, end: socket.socket, incoming: Any, *, send_seconds: int = 0) -> None:
        self._socket = end
        self._decoder = decoder(incoming)
        self._lock = threading.Lock()
        if send_seconds:  # a peer that does not read must not hold our threads
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", send_seconds, 0))

    def send(self, frame: Inward | Outward) -> None:
        """Send a frame. Raises OSError where the peer is gone or does not read, ValueError for one too long."""
        body = _encoder.encode(frame)
        if len(body) > MAX_FRAME:
            raise ValueError(f"a frame of {len(body)} bytes is too long")
        with self._lock:
            self._socket.sendall(_LENGTH.pack(len(body)) + body)

    def receive(self) -> Any:
        """The next frame. Raises EOFError at the end, and where the peer does not speak our tongue."""
        (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if size > MAX_FRAME:
            raise EOFError(f"a frame of {size} bytes is too long")
        try:
            return self._decoder.decode(self._exactly(size))
        except msgspec.DecodeError as error:
            raise EOFError(f"an unknown frame: {error}") from error

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                data = self._socket.recv(min(size - len(parts), 1 << 16))
            except OSError as error:
                raise EOFError(str(error)) from error
            if not data:
                raise EOFError("the peer went away")
            parts += data
        return bytes(parts)

    def close(self) -> None:
        """Hang up; a thread that receives gets EOFError."""
        with contextlib.suppress(OSError):  # the peer was first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
