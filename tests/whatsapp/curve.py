"""Keys on Curve25519: exchange by the `cryptography` package, XEdDSA signatures in plain Python."""

import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P

Point = tuple[int, int, int, int]  # extended Edwards coordinates


@dataclass(frozen=True)
class KeyPair:
    """An X25519 key pair; both halves are 32 raw bytes."""

    private: bytes
    public: bytes

    @classmethod
    def new(cls) -> "KeyPair":
        key = X25519PrivateKey.generate()
        return cls(key.private_bytes_raw(), key.public_key().public_bytes_raw())

    def exchange(self, public: bytes) -> bytes:
        """The secret shared with the owner of this public key."""
        return X25519PrivateKey.from_private_bytes(self.private).exchange(X25519PublicKey.from_public_bytes(public))

    def sign(self, message: bytes) -> bytes:
        """XEdDSA: an Ed25519 signature (64 bytes) made with an X25519 key; the last bit is the key's sign."""
        clamped = bytearray(self.private)
        clamped[0] &= 248
        clamped[31] = clamped[31] & 127 | 64
        scalar = int.from_bytes(clamped, "little")
        key = _compress(_times_base(scalar % _ORDER))
        seed = b"\xfe" + b"\xff" * 31 + bytes(clamped) + message + os.urandom(64)
        nonce = int.from_bytes(hashlib.sha512(seed).digest(), "little") % _ORDER
        point = _compress(_times_base(nonce))
        challenge = int.from_bytes(hashlib.sha512(point + key + message).digest(), "little")
        answer = bytearray(((nonce + challenge * scalar) % _ORDER).to_bytes(32, "little"))
        answer[31] |= key[31] & 0x80
        return point + bytes(answer)


def hkdf(secret: bytes, size: int, *, info: bytes = b"", salt: bytes | None = None) -> bytes:
    """HKDF-SHA256; no salt is 32 zero bytes."""
    return HKDF(SHA256(), size, salt, info).derive(secret)


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(key, data, hashlib.sha256).digest()


def _add(left: Point, right: Point) -> Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = 2 * left[3] * right[3] * _D % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _base_point() -> Point:
    y = 4 * pow(5, _P - 2, _P) % _P
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    x = _P - x if x & 1 else x
    return x, y, 1, x * y % _P


_BASE = _base_point()


def _times_base(scalar: int) -> Point:
    result: Point = (0, 1, 1, 0)
    power = _BASE
    while scalar:
        if scalar & 1:
            result = _add(result, power)
        power = _add(power, power)
        scalar >>= 1
    return result


def _compress(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
