"""Linking a new device: the server shows codes, the phone scans one or its owner types one, the device is born."""

import base64
import hashlib
import os
import re
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .accounts import Account, LinkedDevice, random_word
from .connection import Connection
from .curve import KeyPair, hkdf, mac
from .nodes import SERVER, Node
from .protobuf import pack

_ROUNDS = 2 << 16
_BUNDLE_INFO = b"link_code_pairing_key_bundle_encryption_key"
_CODES = 6
_BROWSER = re.compile(r"(Chrome|Edge|Firefox|Opera|Safari) \((Linux|Windows|Mac OS)\)")


@dataclass
class _Typed:
    """A link code on its way: what the engine sent, and what the phone answered with."""

    connection: Connection
    wrapped: bytes
    account: Account | None = None
    companion: bytes = b""
    ephemeral: KeyPair | None = None


class Pairing:
    """The codes that are out, and the ceremony. A client is given so many `codes`, six as from WhatsApp itself."""

    def __init__(self) -> None:
        self.codes = _CODES
        self._shown: dict[str, Connection] = {}
        self._typed: dict[bytes, _Typed] = {}
        self._born: dict[Connection, LinkedDevice] = {}

    async def offer(self, connection: Connection) -> None:
        """Let an unlinked client show its codes."""
        refs = [f"2@{random_word()}" for _ in range(self.codes)]
        self._shown |= dict.fromkeys(refs, connection)
        codes = [Node("ref", {}, ref.encode()) for ref in refs]
        await connection.send(_request(connection, Node("pair-device", {}, codes)))

    async def scan(self, text: str, account: Account) -> None:
        """The owner of `account` scans this QR text. Raises KeyError for a code nobody shows."""
        ref, noise, identity, secret = text.rpartition("#")[2].split(",")[:4]
        connection = self._shown[ref]
        if base64.b64decode(noise) != connection.greeting.static:
            raise ValueError("the QR code names another connection")
        await self._succeed(connection, account, base64.b64decode(identity), base64.b64decode(secret))

    async def hello(self, connection: Connection, request: Node) -> None:
        """An engine asks to be linked by a code that its user will type into the phone."""
        stage = request.child("link_code_companion_reg")
        shown = stage.child("companion_platform_display").data.decode()
        if not _BROWSER.fullmatch(shown):  # as WhatsApp, which takes no name but that of a browser it knows
            return await connection.refuse(request, 400, "bad-request")
        ref = os.urandom(16)
        wrapped = stage.child("link_code_pairing_wrapped_companion_ephemeral_pub").data
        self._typed[ref] = _Typed(connection, wrapped)
        reply = Node("link_code_companion_reg", {"stage": "companion_hello"}, [Node("link_code_pairing_ref", {}, ref)])
        return await connection.answer(request, reply)

    async def type_code(self, code: str, account: Account) -> None:
        """The owner of `account` types a link code; the last engine that asked for one is meant."""
        ref, typed = list(self._typed.items())[-1]
        plain = code.replace("-", "").encode()
        typed.account, typed.ephemeral = account, KeyPair.new()
        typed.companion = _wrap(plain, typed.wrapped[:32], typed.wrapped[32:48], typed.wrapped[48:80])
        salt, start = os.urandom(32), os.urandom(16)
        wrapped = salt + start + _wrap(plain, salt, start, typed.ephemeral.public)
        body = [
            Node("link_code_pairing_ref", {}, ref),
            Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped),
            Node("primary_identity_pub", {}, account.identity.public),
        ]
        attrs = {"from": SERVER, "id": random_word(8), "type": "link_code_companion_reg", "t": int(time.time())}
        stage = Node("link_code_companion_reg", {"stage": "primary_hello"}, body)
        await typed.connection.send(Node("notification", attrs, [stage]))

    async def finish(self, connection: Connection, request: Node) -> None:
        """The engine proves that it knows the code; the phone checks it and accepts."""
        stage = request.child("link_code_companion_reg")
        typed = self._typed.pop(stage.child("link_code_pairing_ref").data)
        await connection.answer(request)
        identity = stage.child("companion_identity_public").data
        bundle = stage.child("link_code_pairing_wrapped_key_bundle").data
        if typed.account is None or typed.ephemeral is None:
            raise ValueError("nobody typed the code")
        shared = typed.ephemeral.exchange(typed.companion)
        key = hkdf(shared, 32, info=_BUNDLE_INFO, salt=bundle[:32])
        opened = AESGCM(key).decrypt(bundle[32:44], bundle[44:], None)
        if opened[:64] != identity + typed.account.identity.public:
            raise ValueError("the key bundle names other identities")
        secret = shared + typed.account.identity.exchange(identity) + opened[64:]
        await self._succeed(connection, typed.account, identity, hkdf(secret, 32, info=b"adv_secret"))

    async def _succeed(self, connection: Connection, account: Account, identity: bytes, secret: bytes) -> None:
        device = LinkedDevice(account, connection.greeting.static)
        self._born[connection] = device
        details = pack((1, account.key_index), (2, int(time.time())), (3, device.number), (4, 0), (5, 0))
        signature = account.identity.sign(b"\x06\x00" + details + identity)
        signed = pack((1, details), (2, account.identity.public), (3, signature))
        container = pack((1, signed), (2, mac(secret, signed)))
        body = [
            Node("device-identity", {}, container),
            Node("device", {"jid": device.phone, "lid": device.lid}),
            Node("platform", {"name": "android"}),
        ]
        await connection.send(_request(connection, Node("pair-success", {}, body)))

    async def signed(self, connection: Connection) -> None:
        """The engine signed its new identity: the device exists, and must come back to log in."""
        device = self._born.pop(connection)
        device.account.devices[device.number] = device
        await connection.send(Node("stream:error", {"code": "515"}))


def _request(connection: Connection, child: Node) -> Node:
    attrs = {"from": SERVER, "type": "set", "id": connection.next_id(), "xmlns": "md", "t": int(time.time())}
    return Node("iq", attrs, [child])


def _wrap(code: bytes, salt: bytes, start: bytes, key: bytes) -> bytes:
    secret = hashlib.pbkdf2_hmac("sha256", code, salt, _ROUNDS, 32)
    return Cipher(algorithms.AES(secret), modes.CTR(start)).encryptor().update(key)
