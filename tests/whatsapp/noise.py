"""The server's side of the handshake (Noise XX), the certificate chain it shows, and the ciphers that follow."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .curve import KeyPair, hkdf
from .protobuf import Value, pack, unpack

_NAME = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
_DAY = 86400


class Cipher:
    """One direction after the handshake: a key and a counter."""

    def __init__(self, key: bytes) -> None:
        self._aead, self._counter = AESGCM(key), 0

    def _nonce(self) -> bytes:
        self._counter += 1
        return (self._counter - 1).to_bytes(12, "big")

    def encrypt(self, plain: bytes, bound: bytes | None = None) -> bytes:
        return self._aead.encrypt(self._nonce(), plain, bound)

    def decrypt(self, sealed: bytes, bound: bytes | None = None) -> bytes:
        return self._aead.decrypt(self._nonce(), sealed, bound)


class _Transcript:
    """The running hash, chaining key and cipher of a handshake."""

    def __init__(self, prologue: bytes) -> None:
        self._hash = self._chain = _NAME
        self._cipher = Cipher(_NAME)
        self.hash(prologue)

    def hash(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix(self, secret: bytes) -> None:
        keys = hkdf(secret, 64, salt=self._chain)
        self._chain, self._cipher = keys[:32], Cipher(keys[32:])

    def encrypt(self, plain: bytes) -> bytes:
        sealed = self._cipher.encrypt(plain, self._hash)
        self.hash(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        plain = self._cipher.decrypt(sealed, self._hash)
        self.hash(sealed)
        return plain

    def split(self) -> tuple[Cipher, Cipher]:
        keys = hkdf(b"", 64, salt=self._chain)
        return Cipher(keys[:32]), Cipher(keys[32:])


@dataclass
class Greeting:
    """What a finished handshake told: the client's static key and payload, and the two ciphers."""

    static: bytes
    payload: dict[int, Value]
    incoming: Cipher
    outgoing: Cipher


async def greet(
    prologue: bytes,
    keys: tuple[KeyPair, KeyPair],
    receive: Callable[[], Awaitable[bytes]],
    send: Callable[[bytes], Awaitable[None]],
) -> Greeting:
    """Shake hands as a server whose (root, static) keys these are; `prologue` is the client's first four bytes."""
    root, static = keys
    transcript = _Transcript(prologue)
    client = _field(unpack(await receive()), 2, 1)
    transcript.hash(client)
    ephemeral = KeyPair.new()
    transcript.hash(ephemeral.public)
    transcript.mix(ephemeral.exchange(client))
    sealed_static = transcript.encrypt(static.public)
    transcript.mix(static.exchange(client))
    sealed_chain = transcript.encrypt(_certificates(root, static.public))
    await send(pack((3, pack((1, ephemeral.public), (2, sealed_static), (3, sealed_chain)))))
    finish = unpack(await receive())
    client_static = transcript.decrypt(_field(finish, 4, 1))
    transcript.mix(ephemeral.exchange(client_static))
    payload = unpack(transcript.decrypt(_field(finish, 4, 2)))
    return Greeting(client_static, payload, *transcript.split())


def _field(message: dict[int, Value], outer: int, inner: int) -> bytes:
    value = message[outer]
    assert isinstance(value, bytes)
    nested = unpack(value)[inner]
    assert isinstance(nested, bytes)
    return nested


def _certificates(root: KeyPair, static: bytes) -> bytes:
    intermediate = KeyPair.new()
    start, end = int(time.time()) - _DAY, int(time.time()) + 10 * _DAY
    upper = pack((1, 1), (2, 0), (3, intermediate.public), (4, start), (5, end))
    leaf = pack((1, 2), (2, 1), (3, static), (4, start), (5, end))
    return pack(
        (1, pack((1, leaf), (2, intermediate.sign(leaf)))),
        (2, pack((1, upper), (2, root.sign(upper)))),
    )
