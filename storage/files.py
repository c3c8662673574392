"""Media bytes on this machine's disk: one directory, one file each, named by nobody but us.

A file is written first and its row committed after; what a crash leaves without a row is swept at the next start.
"""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

_CHUNK = 1 << 20
_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class TooLarge(Exception):
    """More bytes came than media may have."""


class Kept(NamedTuple):
    """A file that is whole: its name, its size in bytes, its SHA-256 in hex."""

    name: str
    size: int
    sha256: str


class Draft:
    """A file that is being written; on disk when `done` returns."""

    def __init__(self, path: Path, most: int) -> None:
        self.name = path.name
        self._path = path
        self._most = most
        self._size = 0
        self._digest = hashlib.sha256()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")

    def write(self, data: bytes) -> None:
        """Add bytes. Raises TooLarge, and then the file is of no use."""
        self._size += len(data)
        if self._size > self._most:
            raise TooLarge(f"Media is larger than {self._most} bytes")
        self._digest.update(data)
        self._file.write(data)

    def done(self) -> Kept:
        """Close it, whole and on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Kept(self.name, self._size, self._digest.hexdigest())

    def drop(self) -> None:
        """Close it and remove it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class Files:
    """The files of one directory, which only its owner may enter. No file is larger than `most` bytes."""

    def __init__(self, directory: Path, most: int) -> None:
        self._directory = directory
        self._most = most
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Where the file of that name is, or would be. Raises ValueError for a name that we never gave."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name[:100]}' is no file of media")
        return self._directory / name

    def draft(self) -> Draft:
        """A new file under a name of its own."""
        return Draft(self.path(str(uuid4())), self._most)

    def adopt(self, path: str) -> Kept:
        """A file of somebody else's, kept here as well; theirs stays where it is. Raises OSError."""
        kept = self.path(str(uuid4()))
        try:
            os.link(path, kept, follow_symlinks=False)
        except OSError:  # another file system
            shutil.copyfile(path, kept, follow_symlinks=False)
        kept.chmod(0o600)
        with kept.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
            return Kept(kept.name, file.tell(), digest)

    def open(self, name: str) -> BufferedReader:
        """The file, to be read. Raises FileNotFoundError."""
        return self.path(name).open("rb")

    def remove(self, name: str) -> None:
        """Remove the file, if it is there."""
        self.path(name).unlink(missing_ok=True)

    def older_than(self, moment: float, portion: int) -> Iterator[list[str]]:
        """The names of the files last written before `moment` (epoch seconds), so many at a time."""
        names: list[str] = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    ours = _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
                    if ours and entry.stat(follow_symlinks=False).st_mtime < moment:
                        names.append(entry.name)
                if len(names) == portion:
                    yield names
                    names = []
        yield names


def pieces(file: BufferedReader, length: int) -> Iterator[bytes]:
    """The next `length` bytes of a file in pieces; the file is closed at the end."""
    with file:
        while length > 0 and (piece := file.read(min(length, _CHUNK))):
            length -= len(piece)
            yield piece


def private_directory(path: Path) -> Path:
    """Make a directory that only its owner may enter; the same path."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
