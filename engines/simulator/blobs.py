"""Media bytes in the virtual world: kept once by what they are, handed out as a fresh file each time."""

import contextlib
import hashlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path

_CHUNK = 1 << 20


class Blobs:
    """Files under `directory`/media, or under a temporary directory that goes with the world when there is none."""

    def __init__(self, directory: Path | None) -> None:
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="openwa-simulator-")
        self._root = (directory or Path(self._temporary.name if self._temporary else "")) / "media"
        self._count = itertools.count()

    def keep(self, path: str) -> str:
        """Keep a copy of the file; its digest is its name from now on. Raises OSError."""
        with Path(path).open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        kept = self._root / digest
        if not kept.exists():
            self._root.mkdir(parents=True, exist_ok=True)
            partial = self._fresh(digest)
            shutil.copyfile(path, partial)
            partial.replace(kept)
        return digest

    def keep_bytes(self, data: bytes) -> str:
        """Keep these bytes; answers their digest."""
        digest = hashlib.sha256(data).hexdigest()
        kept = self._root / digest
        if not kept.exists():
            self._root.mkdir(parents=True, exist_ok=True)
            partial = self._fresh(digest)
            partial.write_bytes(data)
            partial.replace(kept)
        return digest

    def hand_out(self, digest: str) -> str | None:
        """A file of those bytes that the taker may move or delete; None when they are gone."""
        kept, fresh = self._root / digest, self._fresh(digest)
        with contextlib.suppress(OSError):
            try:
                os.link(kept, fresh)
            except OSError:
                shutil.copyfile(kept, fresh)
            return str(fresh)
        return None

    def keep_only(self, digests: set[str]) -> None:
        """Drop all other bytes; files that were handed out are not ours any more and stay."""
        for kept in self._root.glob("*"):
            if "." not in kept.name and kept.name not in digests:
                kept.unlink(missing_ok=True)

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    def _fresh(self, digest: str) -> Path:
        return self._root / f"{digest}.{os.getpid()}.{next(self._count)}"


def digest_of(path: str) -> tuple[str, int]:
    """SHA-256 and size of a file, read in pieces. Raises OSError."""
    with Path(path).open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
        return digest, source.tell()
