"""Media: encrypted blobs by token, and their cipher for contacts that send or open one."""

import hashlib
import os
from dataclasses import dataclass

from aiohttp import web

from .accounts import random_word
from .curve import hkdf, mac
from .ratchet import cbc

_INFO = {
    "image": b"WhatsApp Image Keys",
    "sticker": b"WhatsApp Image Keys",
    "video": b"WhatsApp Video Keys",
    "audio": b"WhatsApp Audio Keys",
    "document": b"WhatsApp Document Keys",
}
_MAC_SIZE = 10


@dataclass(frozen=True)
class Blob:
    """What a message says about its media."""

    direct_path: str
    key: bytes
    sha256: bytes
    encrypted_sha256: bytes
    size: int


class MediaStore:
    """The blobs that were uploaded."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self.downloads = 0

    def routes(self, app: web.Application) -> None:
        """Serve uploads and downloads."""
        app.router.add_post("/mms/{kind}/{token}", self._upload)
        app.router.add_get("/d/{token}", self._download)

    async def _upload(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        self._blobs[token] = await request.read()
        path = f"/d/{token}?ccb=1"
        return web.json_response({"url": f"https://mmg.whatsapp.net{path}", "direct_path": path})

    async def _download(self, request: web.Request) -> web.Response:
        self.downloads += 1
        blob = self._blobs.get(request.match_info["token"])
        return web.Response(body=blob) if blob is not None else web.Response(status=404)

    def put(self, kind: str, data: bytes) -> Blob:
        """Encrypt and keep media that a contact sends."""
        secret = os.urandom(32)
        keys = hkdf(secret, 112, info=_INFO[kind])
        sealed = cbc(keys[16:48], keys[:16], data, seal=True)
        sealed += mac(keys[48:80], keys[:16] + sealed)[:_MAC_SIZE]
        token = random_word()
        self._blobs[token] = sealed
        digest, sealed_digest = hashlib.sha256(data).digest(), hashlib.sha256(sealed).digest()
        return Blob(f"/d/{token}?ccb=1", secret, digest, sealed_digest, len(data))

    def lose(self, direct_path: str) -> None:
        """Forget a blob: it can be downloaded no more."""
        del self._blobs[_token(direct_path)]

    def open(self, kind: str, direct_path: str, secret: bytes) -> bytes:
        """The plain bytes of media that an engine sent. Raises KeyError, or ValueError where its check fails."""
        blob = self._blobs[_token(direct_path)]
        keys = hkdf(secret, 112, info=_INFO[kind])
        sealed, tag = blob[:-_MAC_SIZE], blob[-_MAC_SIZE:]
        if mac(keys[48:80], keys[:16] + sealed)[:_MAC_SIZE] != tag:
            raise ValueError("the media's check does not match")
        return cbc(keys[16:48], keys[:16], sealed, seal=False)


def _token(direct_path: str) -> str:
    return direct_path.split("/", 3)[2].partition("?")[0]
