"""A JSON body with its media taken out on the way: what is named `base64` goes into a file piece by piece.

So a body of 70 MB costs some kilobytes: only what is left of it is parsed and held against the document. Where media
was stands a word that nobody can guess; `restore` puts the upload in its place.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from handlers.uploads import Upload

_PIECE = 1 << 16
_NAMED = re.compile(rb'[{,]\s*"base64"\s*:\s*"\Z')
_LONGEST_NAME = 256  # bytes before a value in which its name is looked for
_STOP = re.compile(rb'["\\]')


class TooMuchText(Exception):
    """What is left without the media is larger than a body may be; the message says so."""


class Stream(Protocol):
    """Where a body is read from."""

    def read(self, size: int, /) -> bytes: ...


class Skimmed:
    """A body without its media, and the media by the words that stand for it."""

    def __init__(self, stream: Stream, upload: Callable[[], Upload], most: int) -> None:
        """Read it all; `upload` begins a new one, `most` bytes may be left. Raises TooMuchText, TooLarge."""
        self.uploads: dict[str, Upload] = {}
        self._upload = upload
        self._stream = stream
        self._most = most
        self._ahead = b""
        self._left = bytearray()
        while self._copy_to_string():
            if _NAMED.search(self._left, max(0, len(self._left) - _LONGEST_NAME)):
                self._take_out()
            else:
                self._string(self._keep)

    @property
    def text(self) -> bytes:
        """What is left: JSON, as far as the body was."""
        return bytes(self._left)

    def restore(self, value: Any, where: str, problems: list[str]) -> Any:
        """`value`, parsed from `text`, with uploads where their words stand; what is wrong with them is a problem."""
        if isinstance(value, list):
            return [self.restore(item, f"{where}{n}.", problems) for n, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        restored: dict[str, Any] = {}
        for name, item in value.items():
            if name == "base64" and isinstance(item, str):
                upload = self._restored(item)
                restored[name] = "" if upload.blank else upload
                if upload.problem:
                    problems.append(f"{where}base64 {upload.problem}")
            else:
                restored[name] = self.restore(item, f"{where}{name}.", problems)
        return restored

    def _restored(self, text: str) -> Upload:
        known = self.uploads.get(text)
        if known is None:  # its name was written with an escape
            known = self._upload()
            known.feed(text.encode())
            known.end()
        return known

    def _copy_to_string(self) -> bool:
        """Copy up to the next string's opening quote; False at the end."""
        while self._more():
            before, quote, self._ahead = self._ahead.partition(b'"')
            self._keep(before + quote)
            if quote:
                return True
        return False

    def _take_out(self) -> None:
        word = secrets.token_hex(16)
        upload = self.uploads[word] = self._upload()
        self._keep(word.encode())
        escaped = b""

        def feed(piece: bytes) -> None:
            nonlocal escaped
            piece, escaped = _whole(escaped + piece)
            try:
                upload.feed(orjson.loads(b'"' + piece + b'"').encode() if b"\\" in piece else piece)
            except orjson.JSONDecodeError:
                upload.problem = "must be base64"

        self._string(feed, closing=False)
        self._keep(b'"')
        upload.end()

    def _string(self, give: Callable[[bytes], None], *, closing: bool = True) -> None:
        """Give the rest of a string away, piece by piece, with its closing quote or without."""
        while self._more():
            stop, at = None, 0
            while (stop := _STOP.search(self._ahead, at)) is not None and stop[0] == b"\\":
                at = stop.end() + 1  # whatever is escaped there, it does not end the string
            if stop is not None:
                piece, self._ahead = self._ahead[: stop.start()], self._ahead[stop.end() :]
                give(piece + b'"' if closing else piece)
                return
            piece, self._ahead = self._ahead, b""
            if at > len(piece):  # ends with a backslash: what it escapes comes next
                piece, self._ahead = piece[:-1], piece[-1:] + self._stream.read(_PIECE)
                if len(self._ahead) == 1:
                    piece, self._ahead = piece + self._ahead, b""
            give(piece)

    def _more(self) -> bool:
        if not self._ahead:
            self._ahead = self._stream.read(_PIECE)
        return bool(self._ahead)

    def _keep(self, piece: bytes) -> None:
        self._left += piece
        if len(self._left) > self._most:
            raise TooMuchText(f"Request body without its media is larger than {self._most} bytes")


def _whole(text: bytes) -> tuple[bytes, bytes]:
    r"""A piece of a string, without an escape that is cut off at its end (`\`, `\u00`), and that."""
    at = text.rfind(b"\\", -6)
    if at < 0:
        return text, b""
    runs = len(text[: at + 1]) - len(text[: at + 1].rstrip(b"\\"))
    if runs % 2 == 0:  # it is itself escaped
        return text, b""
    complete = at + (6 if text[at + 1 : at + 2] == b"u" else 2)
    return (text, b"") if len(text) >= complete else (text[:at], text[at:])
