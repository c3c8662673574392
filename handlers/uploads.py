"""Media inside a request: base64, with or without a data URI's prefix, written to a file as it is decoded."""

import binascii
import re
from collections.abc import Callable
from typing import Protocol

from engines import contents
from engines.base import Content
from storage.files import Kept
from storage.media import Carried

_PREFIX = re.compile(rb"data:([A-Za-z0-9!#$&^_.+/= -]*)[A-Za-z0-9!#$&^_.+/;= -]*;base64,")
_TYPE = re.compile(rb"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_LONGEST_PREFIX = 512
_TEXT = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


class Sheet(Protocol):
    """A file that is being written, as storage.files.Draft is."""

    name: str

    def write(self, data: bytes) -> None: ...
    def done(self) -> Kept: ...
    def drop(self) -> None: ...


class Upload:
    """Media from a request, in a file that goes with the request unless its row is committed.

    `mimetype` is what a data URI said of it; `problem` is why it is none, in words that follow the field's name.
    """

    def __init__(self, draft: Callable[[], Sheet]) -> None:
        self.mimetype: str | None = None
        self.problem: str | None = None
        self.blank = False  # whether there is nothing in it, which is no problem but no media either
        self.kept: Kept | None = None
        self._draft = draft()
        self.name = self._draft.name
        self._head: bytes | None = b""  # what came so far, while it may yet be a data URI's prefix
        self._rest = b""
        self._padded = False
        self._wanted = False

    def __str__(self) -> str:
        """What it is, for who compares requests."""
        return f"{self.mimetype} {self.kept and self.kept.sha256}"

    def feed(self, text: bytes) -> None:
        """The next piece of the base64 text. Raises TooLarge."""
        if self._head is not None:
            text = self._behind_prefix(self._head + text)
            if self._head is not None:
                return
        if self.problem is None:
            self._decode(text)

    def end(self) -> None:
        """There is no more of it: the file is whole, or there is a problem."""
        if self._head is not None:  # shorter than a prefix may be, and without one
            text, self._head = self._head, None
            self._decode(text)
        if self._rest:
            self.problem = "must be base64"
        self.kept = self._draft.done()
        self.blank = self.problem is None and not self.kept.size

    def carried(self, content: Content) -> Carried:
        """The file, as what `content`, which sends it, says of it."""
        media = contents.media_of(content)
        if self.kept is None or media is None:
            raise ValueError("no media was uploaded")
        return Carried(self.kept, media.mimetype, media.filename)

    def keep(self) -> None:
        """Its row is committed: the file stays."""
        self._wanted = True

    def drop(self) -> None:
        """The request is over."""
        if not self._wanted:
            self._draft.drop()

    def _behind_prefix(self, text: bytes) -> bytes:
        if not text.startswith(b"data:"[: len(text)]):
            self._head = None
            return text
        comma = text.find(b",")
        if comma < 0 and len(text) < _LONGEST_PREFIX:
            self._head = text
            return b""
        self._head = None
        found = _PREFIX.fullmatch(text, 0, comma + 1)
        if found is None:
            self.problem = "must be base64"
            return b""
        self.mimetype = found[1].decode() if _TYPE.fullmatch(found[1]) else None
        return text[comma + 1 :]

    def _decode(self, text: bytes) -> None:
        text = self._rest + text.translate(None, b"\r\n")  # MIME breaks lines; nothing else is let pass
        whole = len(text) & ~3
        text, self._rest = text[:whole], text[whole:]
        if not text:
            return
        if self._padded or not _TEXT.fullmatch(text):
            self.problem = "must be base64"
            return
        self._padded = text.endswith(b"=")
        try:
            self._draft.write(binascii.a2b_base64(text, strict_mode=True))
        except binascii.Error:
            self.problem = "must be base64"
