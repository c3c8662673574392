"""What a person at the terminal is shown of linking: the code to scan, and how it ended."""

import contextlib
import io
import threading
from collections.abc import Sequence
from typing import TextIO

import segno

from engines import base


def drawn(text: str) -> str:
    """A QR code in half blocks, two modules to a line: as small as a phone still reads it."""
    out = io.StringIO()
    segno.make(text, error="l").terminal(out, compact=True, border=2)
    return out.getvalue()


class Terminal:
    """Tells of sessions that wait to be linked. Thread-safe."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._shown: set[str] = set()

    def show(self, name: str, happened: Sequence[base.Event]) -> None:
        """Show what of this concerns who holds the phone; `name` is the session's."""
        for event in happened:
            match event:
                case base.QrChanged(text, _):
                    self._shown.add(name)
                    self._say(f"\nScan this with WhatsApp → Linked devices to link '{name}':\n\n{drawn(text)}")
                case base.StateChanged("ready", _, phone) if name in self._shown:
                    self._shown.discard(name)
                    self._say(f"'{name}' is linked as +{phone}.")
                case base.StateChanged("failed", reason):
                    self._say(f"'{name}' has failed: {reason}.")

    def _say(self, text: str) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):  # a terminal that was closed stops nothing
            print(text, file=self._out, flush=True)
