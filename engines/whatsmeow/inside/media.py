"""Media: up from files of the gateway, down into files that it takes over. The library gets bytes, never a path."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any

from neonize.utils.enum import MediaType

from engines import base
from engines.whatsmeow.inside import lean

_KINDS = {
    "image": MediaType.MediaImage,
    "sticker": MediaType.MediaImage,
    "video": MediaType.MediaVideo,
    "audio": MediaType.MediaAudio,
    "voice": MediaType.MediaAudio,
    "document": MediaType.MediaDocument,
}
_THUMBNAIL = 72
_MOST_PIXELS = 50_000_000
_OPUS_RATE = 48_000


class TooBig(base.Refused):
    """The media is beyond the cap."""

    def __init__(self, size: int, cap: int) -> None:
        super().__init__(f"Media of {size} bytes is larger than the limit of {cap} bytes", "media_too_large")


def read(path: str, size: int | None, cap: int) -> bytes:
    """The bytes of a file of ours. Raises TooBig, and EngineError where it is not what it should be."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise base.EngineError(f"The media file cannot be read: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno()).st_size
        if found > cap:
            raise TooBig(found, cap)
        if size is not None and found != size:
            raise base.EngineError(f"The media file holds {found} bytes instead of {size}")
        return file.read(cap + 1)


def upload(client: Any, kind: str, data: bytes) -> Any:
    """Encrypt and upload; returns neonize's answer."""
    return client.upload(data, _KINDS[kind])


def download(client: Any, message: Any, size: int, target: Path) -> str | None:
    """The media of a message as a file under `target`'s directory; None where WhatsApp has it no more."""
    if target.exists() and target.stat().st_size == size:
        return str(target)
    data = client.download_any(message)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    partial = target.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(target)
    return str(target)


def file_name(chat: str, stanza: str) -> str:
    """The same name for the same message: a repeated download overwrites its own file."""
    return hashlib.sha256(f"{chat} {stanza}".encode()).hexdigest()[:40]


def picture(data: bytes) -> tuple[int, int, bytes] | None:
    """Width, height and a small JPEG of an image; None where it cannot be told."""
    Image = lean.pictures()  # noqa: N806 - its name everywhere
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                return None
            image.draft("RGB", (_THUMBNAIL, _THUMBNAIL))
            small = image.convert("RGB")
            small.thumbnail((_THUMBNAIL, _THUMBNAIL))
            out = io.BytesIO()
            small.save(out, "JPEG", quality=60)
            return width, height, out.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def ogg_seconds(data: bytes) -> int:
    """How long an Ogg Opus recording is, 0 where that cannot be told: its last page counts the samples."""
    page = data.rfind(b"OggS")
    if page < 0 or len(data) < page + 14:
        return 0
    return max(0, int.from_bytes(data[page + 6 : page + 14], "little", signed=True) // _OPUS_RATE)
