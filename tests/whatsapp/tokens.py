"""The word tables of the stanza codec, read out of the engine's own binary (64-bit little-endian ELF).

A Go string is a 16-byte header: a pointer, filled in by a relative relocation, and a length. The tables are arrays
of such headers, found by their first words.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

_SINGLE_WORDS = 236
_DOUBLE_TABLES = 4
_DOUBLE_WORDS = 256
_RELATIVE = 8
_NO_BITS = 8


@dataclass(frozen=True)
class Tokens:
    """`single[i]` is the word of byte i; `double[t][i]` that of byte 236 + t followed by byte i."""

    single: list[str]
    double: list[list[str]]


class _Binary:
    """The sections and relative relocations of a shared library."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no 64-bit little-endian ELF file: token tables cannot be read")
        (offset,) = struct.unpack_from("<Q", self.data, 0x28)
        size, count, names = struct.unpack_from("<HHH", self.data, 0x3A)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size) for i in range(count)]
        self._names = self.sections[names][4]
        start, length = self._section(".rela.dyn")[4:6]
        entries = struct.iter_unpack("<QQq", self.data[start : start + length])
        self.pointers = {at: to for at, kind, to in entries if kind & 0xFFFFFFFF == _RELATIVE}
        self.pointed: dict[int, list[int]] = {}
        for at, to in self.pointers.items():
            self.pointed.setdefault(to, []).append(at)

    def _section(self, name: str) -> tuple[int, ...]:
        for section in self.sections:
            start = self._names + section[0]
            if self.data[start : self.data.index(b"\0", start)].decode() == name:
                return section
        raise ValueError(f"the engine's binary has no section {name}")

    def offset(self, address: int) -> int:
        """Where in the file the byte of this address stands."""
        for section in self.sections:
            if section[1] != _NO_BITS and section[3] and section[3] <= address < section[3] + section[5]:
                return address - section[3] + section[4]
        raise ValueError(f"address {address:#x} is in no section")

    def string(self, header: int) -> str:
        """The Go string whose header stands at this address."""
        (length,) = struct.unpack_from("<Q", self.data, self.offset(header) + 8)
        if length == 0:
            return ""
        start = self.offset(self.pointers[header])
        return self.data[start : start + length].decode()

    def headers_of(self, *words: str) -> int:
        """The address of the array of strings that begins with these words."""
        start, length = self._section(".rodata")[4:6]
        base = self._section(".rodata")[3]
        at = self.data.find(words[0].encode(), start, start + length)
        while at >= 0:
            for header in self.pointed.get(base + at - start, []):
                if all(self._is(header + 16 * i, word) for i, word in enumerate(words)):
                    return header
            at = self.data.find(words[0].encode(), at + 1, start + length)
        raise ValueError(f"the engine's binary has no table that begins with {words}")

    def _is(self, header: int, word: str) -> bool:
        return header in self.pointers and self.string(header) == word


def read_tokens(library: Path) -> Tokens:
    """The tables of this engine library. Raises ValueError where they cannot be found."""
    binary = _Binary(library)
    first = binary.headers_of("xmlstreamstart", "xmlstreamend") - 16
    single = ["", *(binary.string(first + 16 * i) for i in range(1, _SINGLE_WORDS))]
    table = binary.headers_of("read-self", "active")
    return Tokens(single, _double(binary, table))


def _double(binary: _Binary, first: int) -> list[list[str]]:
    for slices in binary.pointed.get(first, []):  # four slice headers in a row: pointer, length, capacity
        tables = [binary.pointers.get(slices + 24 * i) for i in range(_DOUBLE_TABLES)]
        if all(table is not None for table in tables):
            return [[binary.string(table + 16 * i) for i in range(_DOUBLE_WORDS)] for table in tables if table]
    flat = [binary.string(first + 16 * i) for i in range(_DOUBLE_TABLES * _DOUBLE_WORDS)]
    return [flat[i * _DOUBLE_WORDS : (i + 1) * _DOUBLE_WORDS] for i in range(_DOUBLE_TABLES)]
