"""Media of messages, given out as bytes: whole or in part."""

import base64
import contextlib
import mimetypes
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from handlers.errors import BadRange
from storage import NotFound, media, messages, sessions
from storage.db import Database

Json = dict[str, Any]
_MOST_INLINE = 25 * 2**20  # bytes of media within one answer
UNKNOWN = "application/octet-stream"
_TYPE = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}(?:; ?[A-Za-z0-9_.+-]{1,30}=[A-Za-z0-9_.+-]{1,50}){0,3}"
)
_SHOWN = re.compile(r"(?:image/(?!svg)|video/|audio/)")  # what a browser may show; all else is for saving
_ENDINGS = {  # what WhatsApp's media is called, beyond what Python knows on every machine
    "audio/ogg": ".ogg", "audio/mp4": ".m4a", "audio/amr": ".amr", "video/3gpp": ".3gp", "image/webp": ".webp",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}  # fmt: skip
_TYPES = mimetypes.MimeTypes(())
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Keeper(Protocol):
    """What handlers need of gateway.media."""

    def check(self, url: str) -> None: ...
    def path(self, name: str) -> Path: ...
    def lend(self, url: str) -> AbstractContextManager[tuple[Path, str | None]]: ...
    def read(self, row: media.Media, start: int, length: int) -> BufferedReader | Iterator[bytes]: ...
    def whole(self, row: media.Media) -> bytes: ...
    def tidy(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Part:
    """So many bytes, from where a file stands or as they come."""

    source: BufferedReader | Iterator[bytes]
    length: int


def get(
    db: Database, keeper: Keeper, session_id: str, message_id: str, range_: str = ""
) -> tuple[Part, int, dict[str, str]]:
    """The media of a message, or a part of it. Raises NotFound, BadRange."""
    with db.read() as tx:
        message = messages.find(tx, sessions.find(tx, session_id).id, message_id)
        if message is None:
            raise NotFound(f"Message {message_id} not found")
        row = media.of_message(tx, message.id)
    start, length = _part(range_, row.size)
    try:
        source = keeper.read(row, start, length)
    except FileNotFoundError:
        raise NotFound(f"The media of message {message_id} is no longer kept") from None
    kind = sound_type(row.mimetype)
    headers = {
        "Content-Type": kind,
        "Content-Disposition": _disposition(kind, row.filename or _call(message, kind)),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
    }
    if length == row.size:
        return Part(source, length), 200, headers
    return Part(source, length), 206, {**headers, "Content-Range": f"bytes {start}-{start + length - 1}/{row.size}"}


def inline(keeper: Keeper, rows: list[media.Media]) -> dict[str, str]:
    """The media of these messages in base64, by their WhatsApp ids, the first ones as far as an answer may grow."""
    inside: dict[str, str] = {}
    left = _MOST_INLINE
    for row in rows:
        left -= row.size
        if left < 0:
            break
        with contextlib.suppress(FileNotFoundError):
            inside[row.wa_message_id] = base64.b64encode(keeper.whole(row)).decode()
    return inside


def sound_type(told: str) -> str:
    """A MIME type as somebody told it, if it is one."""
    return told if _TYPE.fullmatch(told) else UNKNOWN


def sound_name(told: str | None) -> str | None:
    """A file's name as somebody told it, without what no name has."""
    return "".join(char for char in told if char.isprintable())[:255] if told else None


def _part(asked: str, size: int) -> tuple[int, int]:
    """First byte and length of what is asked for; what is no single range asks for all. Raises BadRange."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        length = min(int(found[2]), size)
        start = size - length
    else:
        start = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < start:
            return 0, size
        length = last - start + 1
    if length < 1:
        raise BadRange(size)
    return start, length


def _call(message: messages.Message, kind: str) -> str:
    """A name for what came without one: what it is, when it was written (UTC), and the ending of its type."""
    plain = kind.partition(";")[0].lower()
    written = datetime.fromtimestamp(message.timestamp or message.created_at // 1000, UTC)
    return f"{message.type}-{written:%Y%m%d-%H%M%S}{_ENDINGS.get(plain) or _TYPES.guess_extension(plain) or '.bin'}"


def _disposition(kind: str, filename: str) -> str:
    shown = "inline" if _SHOWN.match(kind) else "attachment"
    return f"{shown}; filename*=UTF-8''{quote(filename, safe='')}"
