"""Custody of what comes in: WhatsApp is told that something arrived only once it is kept on disk.

The library decrypts a message, which it can do only once, queues it for our callback and acknowledges it beside that.
A process killed in between would lose it for good, and neonize 0.5 sets none of whatsmeow's switches against that
(SynchronousAck, EnableDecryptedEventBuffer). But whatsmeow logs each stanza right before it sends it, and neonize calls
our log and goes on when that returns. So the log is asked for everything, and an acknowledgement waits in it until what
it acknowledges is kept; few at a time, since each holds a thread: beyond that the next message is decrypted later.

A message that a killed process had decrypted comes again, as nobody acknowledged it, and the library ignores it: it was
decrypted before. Nothing but its author can help then. So the stay ends, the next one makes the library forget its
Signal session with the author (`store.forget_session`), the message comes once more, cannot be opened, and the library
asks for it anew, as every WhatsApp client does and every other one answers.
"""

import contextlib
import ctypes
import logging
import re
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from neonize.proto.Neonize_pb2 import LogEntry
from neonize.utils.log import log_whatsmeow

from engines.whatsmeow.inside.notebook import Notebook

log = logging.getLogger(__name__)

LOG_LEVEL = b"DEBUG"
"""What the library has to log for all this; stanzas are never passed on."""

_ATTRIBUTE = re.compile(r' ([\w-]+)="([^"]*)"')
_IGNORED = re.compile(r"Ignoring message ([\w.:-]+) from \S+(?: in \S+)?: .*old counter")
_ARRIVED = (None, "inactive", "sender", "peer_msg")
_MOST_HELD = 4
_TICK = 0.1
_EMPTY_SECONDS = 3.0  # a message of which our callback is told nothing
_LOST_SECONDS = 1.0  # one that the library ignored
_LATER_SECONDS = 0.1  # whatever else came in has been told by then
_LONGEST_SECONDS = 2.0
_SENT_SECONDS = 0.05  # from the log of a stanza to its bytes in the socket
_REMEMBERED = 1000
_RECOVERIES = 30  # an hour: an author who sends one message twice on purpose must not keep a session from its work


class Custody:
    """One session's. `again` is called when the session has to begin anew to get back what was decrypted and lost."""

    def __init__(self, notebook: Notebook, again: Callable[[], None]) -> None:
        self._notebook, self._again = notebook, again
        self._lock = threading.Lock()
        self._settled: OrderedDict[str, threading.Event] = OrderedDict()
        self._ignored: set[str] = set()
        self._refused: set[str] = set()
        self._held, self._room = 0, threading.Condition(self._lock)
        self._handing, self._handed = 0, 0.0
        self._closed = False

    # --- what our callback is told

    @contextlib.contextmanager
    def handover(self) -> Iterator[None]:
        """Our callback is at work."""
        with self._lock:
            self._handing += 1
        try:
            yield
        finally:
            with self._lock:
                self._handing -= 1
                self._handed = time.monotonic()

    def keep(self, kind: int, body: bytes, *, message: str | None = None, receipts: tuple[str, ...] = ()) -> None:
        """Put an event into the spool; what it brought may be acknowledged. Raises what keeps it from the disk."""
        try:
            self._notebook.append(kind, body, message)
        except BaseException:
            if message is not None:
                self._refused.add(message)
            raise
        for name in (message, *(f"receipt {stanza}" for stanza in receipts)):
            if name is not None:
                self._event(name).set()

    def close(self) -> None:
        """The socket is closed: nobody waits any more."""
        with self._lock:
            self._closed = True
            self._room.notify_all()
            for event in self._settled.values():
                event.set()

    # --- what the library logs

    def listen(self, binary: int, size: int) -> None:
        """The library's log: what this returns late happens late."""
        try:
            entry = LogEntry.FromString(ctypes.string_at(binary, size))
            if entry.Level in ("WARN", "ERROR"):
                self._note(entry.Message)
                log_whatsmeow(binary, size)
            elif entry.Name == "Client/Send":
                self._hold(entry.Message)
            elif entry.Name == "Client" and entry.Message.startswith("Decrypting message"):
                self._await_room()
        except (sqlite3.ProgrammingError, OSError):
            pass  # the notebook is closed: the session ended
        except Exception:
            log.exception("what the library logged could not be followed")

    def _note(self, text: str) -> None:
        ignored = _IGNORED.match(text)
        if ignored:
            self._ignored.add(ignored[1])

    def _await_room(self) -> None:
        with self._lock:
            self._room.wait_for(lambda: self._held < _MOST_HELD or self._closed)

    def _hold(self, stanza: str) -> None:
        """Wait until the stanza may be sent."""
        if not stanza.startswith(("<receipt ", "<ack ")):
            return
        found: dict[str, Any] = dict(_ATTRIBUTE.findall(stanza[: stanza.index(">")]))
        name, kind = found.get("id", ""), found.get("type")
        if stanza.startswith("<receipt "):
            if kind == "retry":
                self._event(name).set()
            elif kind in _ARRIVED:
                with self._holding():
                    self._hold_message(name, found)
        elif found.get("class") == "message":
            if "error" not in found:  # else it is refused, and nobody is told of it
                with self._holding():
                    self._hold_message(name, found)
                time.sleep(_SENT_SECONDS)  # what asks for the message anew has to go first
        elif self._held < _MOST_HELD:
            with self._holding():
                self._hold_other(f"{found.get('class')} {name}")

    def _hold_message(self, name: str, stanza: dict[str, Any]) -> None:
        settled, begun = self._event(name), time.monotonic()
        ignored = name in self._ignored
        known = ignored and self._notebook.heard(name)
        while not known and not settled.wait(_TICK):
            if name in self._refused or not self._quiet(begun, _LOST_SECONDS if ignored else _EMPTY_SECONDS):
                continue  # what cannot be kept is never acknowledged, and soon nothing is decrypted any more
            if ignored:
                self._recover(name, stanza, settled)
            break
        self._ignored.discard(name)
        self._notebook.settle()

    def _hold_other(self, name: str) -> None:
        settled, begun = self._event(name), time.monotonic()
        while not settled.wait(_TICK) and time.monotonic() - begun < _LONGEST_SECONDS:
            if self._quiet(begun, _LATER_SECONDS):
                return

    def _recover(self, name: str, stanza: dict[str, Any], settled: threading.Event) -> None:
        """A message that was decrypted once and is not kept: have its author send it again."""
        author = stanza.get("participant") or stanza["to"]
        if self._notebook.doubt(author, stanza["to"], int(time.time())) > _RECOVERIES:
            log.warning("a message is given up, as many were asked for anew within an hour: %s", name)
            return
        log.warning("a message that a killed process had decrypted is asked for anew: %s", name)
        self._again()
        settled.wait()

    # --- who waits

    def _event(self, name: str) -> threading.Event:
        with self._lock:
            event = self._settled.get(name)
            if event is None:
                event = self._settled[name] = threading.Event()
                if self._closed:
                    event.set()
                if len(self._settled) > _REMEMBERED:
                    self._settled.popitem(last=False)
            return event

    @contextlib.contextmanager
    def _holding(self) -> Iterator[None]:
        with self._lock:
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1
                self._room.notify()

    def _quiet(self, since: float, seconds: float) -> bool:
        """Whether our callback has had nothing to do for so long."""
        with self._lock:
            return not self._handing and time.monotonic() - max(since, self._handed) >= seconds
