"""Signal between two devices: X3DH to begin, then the double ratchet. Enough for a contact in a test."""

import copy
import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .curve import KeyPair, hkdf, mac
from .protobuf import Value, pack, unpack

TYPE = b"\x05"
"""The byte before a public key inside Signal messages; stanzas carry keys without it."""

_VERSION = b"\x33"
_MAC_SIZE = 8


class CannotDecrypt(Exception):
    """No session opens the message."""


@dataclass(frozen=True)
class Bundle:
    """What a device publishes so that others can write to it first."""

    identity: bytes
    signed_id: int
    signed: bytes
    one_time_id: int | None = None
    one_time: bytes | None = None


@dataclass
class _Chain:
    key: bytes
    counter: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict)

    def next(self) -> bytes:
        seed = mac(self.key, b"\x01")
        self.key, self.counter = mac(self.key, b"\x02"), self.counter + 1
        return seed

    def seed(self, counter: int) -> bytes:
        while self.counter < counter:
            skipped = self.counter
            self.skipped[skipped] = self.next()
        return self.next() if counter == self.counter else self.skipped.pop(counter)


@dataclass
class _Session:
    peer: bytes
    root: bytes
    ratchet: KeyPair
    sending: _Chain
    base: bytes = b""
    previous: int = 0
    receiving: dict[bytes, _Chain] = field(default_factory=dict)
    greeting: tuple[tuple[int, Value | None], ...] | None = None

    def turn(self, theirs: bytes) -> bytes:
        keys = hkdf(self.ratchet.exchange(theirs), 64, info=b"WhisperRatchet", salt=self.root)
        self.root = keys[:32]
        return keys[32:]

    def chain(self, theirs: bytes) -> _Chain:
        """Their chain of this ratchet key; a new key turns the ratchet both ways."""
        if theirs not in self.receiving:
            self.receiving[theirs] = _Chain(self.turn(theirs))
            self.previous, self.ratchet = self.sending.counter, KeyPair.new()
            self.sending = _Chain(self.turn(theirs))
        return self.receiving[theirs]


def cbc(key: bytes, start: bytes, data: bytes, *, seal: bool) -> bytes:
    """AES-CBC with PKCS#7 padding, one way or the other."""
    cipher = Cipher(algorithms.AES(key), modes.CBC(start))
    if seal:
        fill = 16 - len(data) % 16
        encryptor = cipher.encryptor()
        return encryptor.update(data + bytes([fill]) * fill) + encryptor.finalize()
    decryptor = cipher.decryptor()
    padded = decryptor.update(data) + decryptor.finalize()
    return padded[: -padded[-1]]


def pad(data: bytes) -> bytes:
    """WhatsApp's own padding: n bytes of value n."""
    size = os.urandom(1)[0] & 15 or 15
    return data + bytes([size]) * size


def unpad(data: bytes) -> bytes:
    return data[: -data[-1]]


class Party:
    """One device's keys and sessions; peers are named by (user, device)."""

    def __init__(self, identity: KeyPair) -> None:
        self.identity, self.signed = identity, KeyPair.new()
        self.registration = int.from_bytes(os.urandom(2), "big") + 1
        self.signature = identity.sign(TYPE + self.signed.public)
        self._one_time: dict[int, KeyPair] = {}
        self._sessions: dict[tuple[str, int], list[_Session]] = {}

    def one_time(self) -> tuple[int, bytes]:
        """A fresh one-time key: its id and public half."""
        number, pair = len(self._one_time) + 1, KeyPair.new()
        self._one_time[number] = pair
        return number, pair.public

    def knows(self, peer: tuple[str, int]) -> bool:
        return peer in self._sessions

    def forget(self) -> None:
        """Lose every session, as a phone that was restored from an old backup."""
        self._sessions.clear()

    def begin(self, peer: tuple[str, int], bundle: Bundle) -> None:
        """Open a session from what the peer published."""
        base, ratchet = KeyPair.new(), KeyPair.new()
        secret = self.identity.exchange(bundle.signed) + base.exchange(bundle.identity) + base.exchange(bundle.signed)
        if bundle.one_time:
            secret += base.exchange(bundle.one_time)
        root = hkdf(b"\xff" * 32 + secret, 64, info=b"WhisperText")[:32]
        session = _Session(bundle.identity, root, ratchet, _Chain(b""), base.public)
        session.sending = _Chain(session.turn(bundle.signed))
        session.greeting = (
            (1, bundle.one_time_id),
            (2, TYPE + base.public),
            (3, TYPE + self.identity.public),
            (5, self.registration),
            (6, bundle.signed_id),
        )
        self._sessions.setdefault(peer, []).insert(0, session)

    def encrypt(self, peer: tuple[str, int], plain: bytes) -> tuple[str, bytes]:
        """Seal for a peer with a session: ("pkmsg" until it answered, then "msg"; the bytes)."""
        session = self._sessions[peer][0]
        counter = session.sending.counter
        key, secret, start = _message_keys(session.sending.next())
        sealed = cbc(key, start, pad(plain), seal=True)
        body = _VERSION + pack((1, TYPE + session.ratchet.public), (2, counter), (3, session.previous), (4, sealed))
        body += self._tag(secret, self.identity.public, session.peer, body)
        if session.greeting is None:
            return "msg", body
        return "pkmsg", _VERSION + pack(*session.greeting[:3], (4, body), *session.greeting[3:])

    def decrypt(self, peer: tuple[str, int], kind: str, data: bytes) -> bytes:
        """Open what a peer sealed. Raises CannotDecrypt."""
        if kind == "pkmsg":
            data = self._accept(peer, unpack(data[1:]))
        fields = unpack(data[1:-_MAC_SIZE])
        sessions = self._sessions.get(peer, [])
        for i, session in enumerate(sessions):
            attempt = copy.deepcopy(session)
            plain = self._open(attempt, fields, data)
            if plain is not None:
                attempt.greeting = None
                sessions.insert(0, attempt)
                del sessions[i + 1]
                return unpad(plain)
        raise CannotDecrypt(f"nothing opens a {kind} of {peer}")

    def _accept(self, peer: tuple[str, int], fields: dict[int, Value]) -> bytes:
        base, identity, inner = _bytes(fields, 2)[1:], _bytes(fields, 3)[1:], _bytes(fields, 4)
        if not any(session.base == base for session in self._sessions.get(peer, [])):
            secret = self.signed.exchange(identity) + self.identity.exchange(base) + self.signed.exchange(base)
            one_time = fields.get(1)
            if isinstance(one_time, int):
                secret += self._one_time[one_time].exchange(base)
            keys = hkdf(b"\xff" * 32 + secret, 64, info=b"WhisperText")
            session = _Session(identity, keys[:32], self.signed, _Chain(keys[32:]), base)
            self._sessions.setdefault(peer, []).insert(0, session)
        return inner

    def _open(self, session: _Session, fields: dict[int, Value], data: bytes) -> bytes | None:
        counter = fields.get(2, 0)
        assert isinstance(counter, int)
        try:
            seed = session.chain(_bytes(fields, 1)[1:]).seed(counter)
        except KeyError:
            return None
        key, secret, start = _message_keys(seed)
        if self._tag(secret, session.peer, self.identity.public, data[:-_MAC_SIZE]) != data[-_MAC_SIZE:]:
            return None
        return cbc(key, start, _bytes(fields, 4), seal=False)

    @staticmethod
    def _tag(secret: bytes, sender: bytes, receiver: bytes, body: bytes) -> bytes:
        return mac(secret, TYPE + sender + TYPE + receiver + body)[:_MAC_SIZE]


def _message_keys(seed: bytes) -> tuple[bytes, bytes, bytes]:
    keys = hkdf(seed, 80, info=b"WhisperMessageKeys")
    return keys[:32], keys[32:64], keys[64:]


def _bytes(fields: dict[int, Value], number: int) -> bytes:
    value = fields[number]
    assert isinstance(value, bytes)
    return value
