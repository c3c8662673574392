"""`openwa export` and `openwa import`: the whole database into a file and out of one, with progress on the terminal."""

import argparse
import gzip
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway.config import Config
from gateway.program import open_database, wall_clock
from handlers.shapes import moment
from storage import StorageError, sessions, transfer
from storage.sealing import Seal

_EVERY = 0.2  # seconds between two looks at the progress


def export(settings: Config, args: argparse.Namespace) -> int:
    """Write the database to the file, whole or not at all, for its owner only."""
    passphrase = _passphrase(args)
    db = open_database(settings)
    target = Path(args.file)
    part = target.with_name(target.name + ".part")
    now = moment(wall_clock()) or ""
    progress = Progress()
    try:
        with _opened(part, "wb", packed=target.suffix == ".gz") as file:
            for line in transfer.dump(db, now, Seal(passphrase) if passphrase else None, progress):
                file.write(line)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
        db.close()
    progress.end(f"exported to {target}" + ("" if passphrase else ", without keys and secrets"))
    return 0


def load(settings: Config, args: argparse.Namespace) -> int:
    """Put the file's rows in the place of the database's, all or nothing. Raises StorageError with what is wrong."""
    passphrase = _passphrase(args)
    db = open_database(settings)
    progress = Progress()
    try:
        with db.read() as tx:
            if sessions.page(tx, (), 1, 0) and not args.replace:
                raise StorageError("The database holds sessions already; with --replace all it holds gives way")
        with _opened(Path(args.file), "rb", packed=args.file.endswith(".gz")) as file:
            counts = transfer.load(db, file, passphrase, progress)
    finally:
        db.close()
    progress.end(f"imported {sum(counts.values())} rows from {args.file}")
    return 0


class Progress:
    """Says on the terminal how far it is: over and over on one line, or a line for each table where nobody watches."""

    def __init__(self) -> None:
        self._at: tuple[str, int, int] | None = None
        self._told, self._began, self._watched = 0.0, time.monotonic(), sys.stderr.isatty()

    def __call__(self, table: str, rows: int, total: int) -> None:
        """So many rows of this table are through; `total` is 0 where nobody knows how many there are."""
        if self._at is not None and self._at[0] != table:
            self._show("\n")
        self._at = table, rows, total
        if self._watched and time.monotonic() - self._told > _EVERY:
            self._show("")

    def end(self, text: str) -> None:
        """It is over; what came of it."""
        self._show("\n")
        _say(f"{text} ({time.monotonic() - self._began:.0f} s)\n")

    def _show(self, end: str) -> None:
        if self._at is None:
            return
        table, rows, total = self._at
        text = f"{table}: {rows:,}" + (f" of {total:,}" if total else "")
        _say(f"\r{text:<60}{end}" if self._watched else f"{text}\n")
        self._told = time.monotonic()


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _passphrase(args: argparse.Namespace) -> str | None:
    if args.passphrase_file is None:
        return None
    text = Path(args.passphrase_file).read_text().rstrip("\r\n")
    if len(text) < 8:
        raise StorageError("A passphrase has at least 8 characters")
    return text


@contextmanager
def _opened(path: Path, mode: str, *, packed: bool) -> Iterator[IO[bytes]]:
    flags = os.O_RDONLY if mode == "rb" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(path, flags, 0o600), mode) as file:
        if not packed:
            yield file
            return
        with gzip.open(file, mode, compresslevel=6) as inside:  # 9 takes four times as long, for a fiftieth less
            yield inside  # type: ignore[misc]
