"""Media files as one archive on this machine, and back: each under its name, which only its row makes sense of."""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, select

from storage.db import Database, Tx
from storage.tables import media

Source = BufferedReader | Iterator[bytes]
_PIECE = 1 << 20
_ONCE = media.c.row.in_(select(func.min(media.c.row)).group_by(media.c.name))  # several messages may carry one file


class NoArchive(Exception):
    """The file is no archive of media."""


def count(tx: Tx) -> tuple[int, int]:
    """How many files are kept, and how many bytes they are."""
    number, size = tx.execute(select(func.count(), func.coalesce(func.sum(media.c.size), 0)).where(_ONCE)).one()
    return int(number), int(size)


def pack(db: Database, target: Path, read: Callable[[Any], Source]) -> int:
    """Write every file into a packed archive, whole or not at all; how many. What is no longer there is left out."""
    part, packed = target.with_suffix(".part"), 0
    part.touch(mode=0o600)
    try:
        with db.snapshot() as tx, tarfile.open(part, "w:gz") as archive:
            rows = select(media).where(_ONCE).order_by(media.c.row)
            for row in tx.execute(rows.execution_options(yield_per=500)):
                about = tarfile.TarInfo(row.name)
                about.size, about.mode, about.mtime = row.size, 0o600, row.created_at // 1000
                try:
                    source = read(row)
                except FileNotFoundError:
                    continue
                with _file(source) as file:
                    archive.addfile(about, file)
                packed += 1
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return packed


def unpack(db: Database, archive: Path, directory: Path) -> int:
    """Put files of an archive back that their rows miss in `directory`, each held against its row; how many.

    Raises NoArchive. A name that no row has is passed over, so an archive can write nothing else.
    """
    restored = 0
    try:
        with tarfile.open(archive, "r:*") as packed, db.read() as tx:
            for member in packed:
                row = tx.execute(select(media).where(media.c.name == member.name, media.c.place == "local")).first()
                source = packed.extractfile(member) if row is not None and member.isreg() else None
                if row is None or source is None or member.size != row.size or (directory / row.name).exists():
                    continue
                restored += _restore(source, directory / row.name, row.sha256)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise NoArchive(f"It is no archive of media: {error}"[:200]) from error
    return restored


def _restore(source: IO[bytes], target: Path, digest: str) -> bool:
    part, seen = target.with_suffix(".part"), sha256()
    part.touch(mode=0o600)
    try:
        with part.open("wb") as file:
            while piece := source.read(_PIECE):
                seen.update(piece)
                file.write(piece)
        if seen.hexdigest() != digest:
            return False
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return True


class _Pieces:
    """Pieces as they come, to be read like a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def read(self, size: int) -> bytes:
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        found, self._left = self._left[:size], self._left[size:]
        return found

    def close(self) -> None: ...


def _file(source: Source) -> Any:
    return closing(source if isinstance(source, BufferedReader) else _Pieces(source))
