"""Media on its way in, out and away: fetched by URL, taken over from engines, moved to object storage, swept.

Bytes come first, the row that names them after, in the transaction of their message. Whatever a crash leaves between
the two has no row, and goes at the next start.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from engines import base, contents
from gateway import outbound, ssrf
from gateway.outbound import Outbound
from handlers import errors, shapes
from handlers.attachments import DEFAULTS
from handlers.media import UNKNOWN, sound_name, sound_type
from handlers.uploads import Upload
from storage import Unavailable, media, messages, sends, sessions
from storage.db import Database
from storage.files import Files, Kept, pieces

log = logging.getLogger("openwa.media")
_PORTION = 200
_DAY = 86_400_000
_EVERY = 600.0
_EVERY_WITH_OBJECTS = 5.0


class NotFetched(base.EngineError):
    """Media could not be fetched, so nothing was sent; `code` is that of one of handlers.errors."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Objects(Protocol):
    """Object storage: bytes by name."""

    def put(self, name: str, path: Path) -> None: ...
    def read(self, name: str, start: int, length: int) -> Iterator[bytes]: ...
    def remove(self, name: str) -> None: ...


class Media:
    """The media of one gateway. `timeout` is in seconds; media is kept for `days`, 0 for as long as messages."""

    def __init__(
        self,
        db: Database,
        files: Files,
        client: Outbound,
        now: Callable[[], int],
        *,
        most: int,
        timeout: float,
        days: int,
        objects: Objects | None = None,
    ) -> None:
        self._db = db
        self._files = files
        self._client = client
        self._now = now
        self._most = most
        self._timeout = timeout
        self._days = days
        self._objects = objects
        self._born = time.time()
        self._stopping = threading.Event()

    # --- in --------------------------------------------------------------------------------------

    def upload(self) -> Upload:
        """A new file for what comes inside a request."""
        return Upload(self._files.draft)

    def check(self, url: str) -> None:
        """Whether media may be fetched from there, as far as can be said now. Raises Blocked."""
        self._client.check(url)

    def path(self, name: str) -> Path:
        """Where the file of an upload is."""
        return self._files.path(name)

    @contextmanager
    def lend(self, url: str) -> Iterator[tuple[Path, str | None]]:
        """What the URL gives, as a file that goes afterwards, and the type it says. Raises errors.NotFetched."""
        try:
            kept, headers = self._fetch(url)
        except NotFetched as error:
            raise errors.of_url(error.code, str(error)) or error from None
        try:
            yield self._files.path(kept.name), _type(headers)
        finally:
            self.drop(kept)

    def take(self, path: str) -> Kept | None:
        """A file that an engine hands over, kept here as well; None where it is not there any more."""
        try:
            return self._files.adopt(path)
        except OSError as error:
            log.warning("media that an engine handed over is lost: %s", error.strerror)
            return None

    def drop(self, kept: Kept) -> None:
        """What was taken is not wanted after all."""
        self._files.remove(kept.name)

    # --- out -------------------------------------------------------------------------------------

    def ready(self, row: sends.Send, content: base.Content, quote: base.Quote | None) -> base.Content:
        """What a send hands to its engine, its media being here: fetched now, once, where it was given by URL.

        Raises NotFetched.
        """
        asked = contents.media_of(content)
        if asked is None:
            return content
        if not asked.size:  # an upload has at least one byte; whatever else stands there is a URL, and never a file
            content = self._fetched(row, content, asked, quote)
            asked = contents.media_of(content) or asked
        return contents.with_media(content, replace(asked, path=str(self._files.path(asked.path))))

    def read(self, row: media.Media, start: int, length: int) -> BufferedReader | Iterator[bytes]:
        """A part of the bytes. A file is to be read from where it stands. Raises FileNotFoundError."""
        try:
            file = self._files.open(row.name)
        except FileNotFoundError:
            if self._objects is None:
                raise
            return self._objects.read(row.name, start, length)
        file.seek(start)
        return file

    def whole(self, row: media.Media) -> bytes:
        """All the bytes. Raises FileNotFoundError."""
        found = self.read(row, 0, row.size)
        return b"".join(pieces(found, row.size) if isinstance(found, BufferedReader) else found)

    def _fetched(
        self, row: sends.Send, content: base.Content, asked: base.Media, quote: base.Quote | None
    ) -> base.Content:
        kept, headers = self._fetch(asked.path)
        mimetype = asked.mimetype or _type(headers) or DEFAULTS[asked.kind]
        filename = asked.filename or _name(asked.path)
        here = replace(asked, path=kept.name, size=kept.size, mimetype=mimetype, filename=filename)
        content = contents.with_media(content, here)
        try:
            with self._db.write() as tx:
                sessions.hold(tx, row.session_id)
                media.add(tx, media.Carried(kept, mimetype, filename), self._now(), message_id=row.message_id)
                sends.refill(tx, row.message_id, contents.dump(content, quote))
                shown = shapes.media(row.session_id, row.message_id, mimetype, filename, kept.size)
                messages.set_media(tx, row.message_id, shown)
        except BaseException:
            self.drop(kept)
            raise
        return content

    def _fetch(self, url: str) -> tuple[Kept, Mapping[str, str]]:
        draft = self._files.draft()
        try:
            headers = self._client.fetch(url, self._most, self._timeout, draft.write)
            kept = draft.done()
        except BaseException as error:
            draft.drop()
            code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
            if code is None:
                raise
            raise NotFetched(str(error), code) from None
        return kept, headers

    # --- away ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Sweep what a crash has left, then keep house until `stop`."""
        every = _EVERY if self._objects is None else _EVERY_WITH_OBJECTS
        try:
            self.sweep()
        except Exception:
            log.exception("what a crash has left of media stays for now")
        while not self._stopping.is_set():
            try:
                self.turn()
            except Unavailable as error:
                log.warning("media stays where it is for now: %s", error)
            except Exception:
                log.exception("media is not tidied up for now")
            self._stopping.wait(every)

    def stop(self) -> None:
        """Start no further turn."""
        self._stopping.set()

    def sweep(self) -> int:
        """Remove files that are older than this gateway and that no row says are here; how many."""
        removed = 0
        for names in self._files.older_than(self._born, _PORTION):
            with self._db.read() as tx:
                nobodys = media.unknown(tx, names)
            for name in nobodys:
                self._files.remove(name)
            removed += len(nobodys)
        return removed

    def turn(self) -> None:
        """Let go of what is too old, remove what belongs to nobody, move the rest to object storage if there is any."""
        while self._days:
            with self._db.write() as tx:
                if media.let_go_before(tx, self._now() - self._days * _DAY, _PORTION) < _PORTION:
                    break
        while self._remove_gone() == _PORTION:
            pass
        if self._objects is not None:
            self._move(self._objects)

    def tidy(self) -> None:
        """Something was deleted: remove its bytes now, as far as that goes; the loop does the rest."""
        try:
            self._remove_gone()
        except Exception:
            log.exception("deleted media stays for now")

    def _remove_gone(self) -> int:
        with self._db.read() as tx:
            gone = media.gone(tx, _PORTION)
        for row in gone:
            if row.shared:
                continue
            self._files.remove(row.name)
            if row.place == "s3" and self._objects is not None:
                self._objects.remove(row.name)
        if gone:
            with self._db.write() as tx:
                media.forget(tx, [row.row for row in gone])
        return len(gone)

    def _move_one(self, objects: Objects, row: media.Media) -> None:
        """The object first, then the row, then the file goes: whatever is cut off is done again, or swept."""
        try:
            objects.put(row.name, self._files.path(row.name))
        except FileNotFoundError:
            log.warning("media %s has lost its file", row.name)
            with self._db.write() as tx:
                media.let_go(tx, row.message_id)
            return
        with self._db.write() as tx:
            there = media.moved(tx, row.name)
        self._files.remove(row.name)
        if not there:  # deleted meanwhile
            objects.remove(row.name)

    def _move(self, objects: Objects) -> None:
        while not self._stopping.is_set():
            with self._db.read() as tx:
                rows = media.to_move(tx, _PORTION)
            for row in {row.name: row for row in rows}.values():
                self._move_one(objects, row)
            if len(rows) < _PORTION:
                return


_CODES: dict[type[Exception], str] = {
    ssrf.Blocked: errors.Blocked.code,
    outbound.Redirected: errors.Redirects.code,
    outbound.TooMuch: errors.TooLarge.code,
    outbound.Unreachable: errors.Unreachable.code,
}


def _type(headers: Mapping[str, str]) -> str | None:
    told = sound_type(headers.get("Content-Type", ""))
    return None if told == UNKNOWN else told


def _name(url: str) -> str | None:
    """The last part of the URL's path, if it looks like a file's name."""
    name = sound_name(unquote(urlsplit(url).path.rpartition("/")[2]))
    return name if name and "." in name else None
