"""Protocol buffers by field number: enough for the handshake, device identities and Signal."""

from collections.abc import Iterator

Value = int | bytes


def varint(number: int) -> bytes:
    """A number in base 128, low digits first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def pack(*fields: tuple[int, Value | None]) -> bytes:
    """A message of (field number, value); None leaves a field out."""
    out = b""
    for number, value in fields:
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        elif value is not None:
            out += varint(number << 3) + varint(value)
    return out


def unpack(data: bytes) -> dict[int, Value]:
    """The fields of a message; of a repeated one the last."""
    return dict(_fields(data))


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _read_varint(data, at)
        else:
            size = 8 if wire == 1 else 4
        yield number, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at
