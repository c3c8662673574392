"""Signal in groups: each sender has one chain, told to every member once."""

import os
from dataclasses import dataclass, field

from .curve import KeyPair, hkdf, mac
from .protobuf import pack, unpack
from .ratchet import TYPE, CannotDecrypt, cbc, pad, unpad

_VERSION = b"\x33"
_SIGNATURE_SIZE = 64


@dataclass
class _Chain:
    number: int
    iteration: int
    key: bytes

    def step(self) -> bytes:
        seed = mac(self.key, b"\x01")
        self.key, self.iteration = mac(self.key, b"\x02"), self.iteration + 1
        return hkdf(seed, 48, info=b"WhisperGroup")


@dataclass
class SenderKeys:
    """One device's sender keys: its own by group, the others' by group and device."""

    _own: dict[str, tuple[_Chain, KeyPair]] = field(default_factory=dict)
    _theirs: dict[tuple[str, tuple[str, int], int], _Chain] = field(default_factory=dict)

    def distribution(self, group: str) -> bytes:
        """What another member must be told before it can read our next message."""
        if group not in self._own:
            self._own[group] = _Chain(int.from_bytes(os.urandom(3), "big"), 0, os.urandom(32)), KeyPair.new()
        chain, signer = self._own[group]
        return _VERSION + pack((1, chain.number), (2, chain.iteration), (3, chain.key), (4, TYPE + signer.public))

    def encrypt(self, group: str, plain: bytes) -> bytes:
        """Seal for all members that have our distribution."""
        chain, signer = self._own[group]
        iteration, keys = chain.iteration, chain.step()
        sealed = cbc(keys[16:], keys[:16], pad(plain), seal=True)
        body = _VERSION + pack((1, chain.number), (2, iteration), (3, sealed))
        return body + signer.sign(body)

    def learn(self, group: str, sender: tuple[str, int], distribution: bytes) -> None:
        """Another member told us its chain."""
        fields = unpack(distribution[1:])
        number, iteration, key = fields[1], fields.get(2, 0), fields[3]
        assert isinstance(number, int)
        assert isinstance(iteration, int)
        assert isinstance(key, bytes)
        self._theirs[group, sender, number] = _Chain(number, iteration, key)

    def decrypt(self, group: str, sender: tuple[str, int], data: bytes) -> bytes:
        """Open a group message. Raises CannotDecrypt."""
        fields = unpack(data[1:-_SIGNATURE_SIZE])
        number, iteration, sealed = fields[1], fields.get(2, 0), fields[3]
        assert isinstance(number, int)
        assert isinstance(iteration, int)
        assert isinstance(sealed, bytes)
        chain = self._theirs.get((group, sender, number))
        if chain is None:
            raise CannotDecrypt(f"no sender key of {sender} in {group}")
        while chain.iteration < iteration:
            chain.step()
        keys = chain.step()
        return unpad(cbc(keys[16:], keys[:16], sealed, seal=False))
