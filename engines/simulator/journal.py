"""What the virtual world keeps on disk: one line of JSON per thing that happened, only ever appended.

A process killed at any instant loses at most the line it was writing. Lines are flushed to the operating system, not
to the platter: a killed process does not lose them, a power cut may.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from engines import base

_EVENTS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        base.ReceiptReceived,
        base.MessageEdited,
        base.MessageRevoked,
        base.ReactionReceived,
        base.GroupChanged,
        base.CallReceived,
        base.AddressesLinked,
    )
}
_NOTHING: tuple[Any, ...] = (None, (), "")
_LISTS = ("message_ids", "participants")

Record = list[Any]


class Journal:
    """The lines of one file; without a file they are forgotten at once."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def records(self) -> Iterator[Record]:
        """What was written before, oldest first; an incomplete last line is left out."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def replace(self, records: Iterable[Record]) -> None:
        """Begin anew with these records in place of all earlier ones."""
        if self._path is None:
            return
        self.close()
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.writelines(_line(record) for record in records)
        fresh.replace(self._path)

    def write(self, records: Sequence[Record]) -> None:
        """Append records and hand them to the operating system."""
        if self._path is None:
            return
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
            if self._file.tell():
                self._file.write("\n")  # ends a line that a killed process left incomplete
        self._file.write("".join([_line(record) for record in records]))
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _line(record: Record) -> str:
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"


def dump_event(event: base.Event) -> dict[str, Any]:
    """An event as JSON; `load_event` reads it back."""
    if isinstance(event, base.MessageReceived):
        return {"kind": "MessageReceived", **dump_message(event.message)}
    return {"kind": type(event).__name__, **asdict(event)}


def load_event(fields: dict[str, Any]) -> base.Event:
    """The event that `dump_event` wrote."""
    rest = dict(fields)
    kind = rest.pop("kind")
    if kind == "MessageReceived":
        return base.MessageReceived(load_message(rest))
    for name in _LISTS:
        if name in rest:
            rest[name] = tuple(rest[name])
    event: base.Event = _EVENTS[kind](**rest)
    return event


def dump_message(message: base.Message) -> dict[str, Any]:
    """A message as JSON, without the fields that say nothing; `load_message` reads it back."""
    return {name: value for name, value in asdict(message).items() if value not in _NOTHING and value is not False}


def load_message(fields: dict[str, Any]) -> base.Message:
    """The message that `dump_message` wrote."""
    rest: dict[str, Any] = {"type": "text", "body": "", **fields}
    rest["mentions"] = tuple(rest.get("mentions", ()))
    for name, kind in (("quote", base.Quote), ("media", base.IncomingMedia), ("location", base.Location)):
        if name in rest:
            rest[name] = kind(**rest[name])
    return base.Message(**rest)
