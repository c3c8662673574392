"""Custody of what comes in: WhatsApp is told that a message arrived only once it is kept on disk.

The library decrypts a message, which it can do only once, queues it for our callback and acknowledges it beside that: a
process killed in between would lose it for good. whatsmeow has switches against that (SynchronousAck,
EnableDecryptedEventBuffer), but neonize 0.5 sets none of them. It does hand us whatsmeow's log, though, and goes on
only when our function returns, and whatsmeow logs that it is about to decrypt a message, and each stanza right before
it is sent. So the log is asked for everything, and is where things wait:

- A message is decrypted once the one before is kept, or nothing is to be kept of it. The keys that will be used are
  noted before, as they are, and the note goes in the transaction that keeps the message. Where the process was killed
  in between, the next one puts the keys back (`keys.restore`).
- An acknowledgement is sent once what it acknowledges is kept. Where the process was killed before that, WhatsApp
  brings the message again.
- No message is decrypted while one is encrypted: the library would undo with the one what it did for the other.
"""

import contextlib
import ctypes
import logging
import re
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from neonize.proto.Neonize_pb2 import LogEntry
from neonize.utils.log import log_whatsmeow

from engines.whatsmeow.inside import keys
from engines.whatsmeow.inside.notebook import Notebook

log = logging.getLogger(__name__)

LOG_LEVEL = b"DEBUG"
"""What the library has to log for all this. Below a warning nothing is passed on: it shows stanzas."""

_STANZA = re.compile(r"<(message|receipt|ack) [^>]*>")
_ATTRIBUTE = re.compile(r' ([\w-]+)="([^"]*)"')
_OPENING = re.compile(r"Decrypting message from (\S+)(?: in (\S+))?$")
_ENC = re.compile(r"<enc [^>]*type=")
_NOTHING = re.compile(r"(Ignoring|Error decrypting) message (\S+) from ")
_UNCLEAR = ("Unhandled encrypted message ", "Error unmarshaling decrypted ", "Unknown version ")
_ARRIVED = (None, "inactive", "sender", "peer_msg")
_TICK = 0.1
_QUIET_SECONDS = 5.0  # in which our callback is told nothing more of what came in
_LATER_SECONDS = 0.1  # the same, for what is no message
_LONGEST_SECONDS = 2.0
_SENT_SECONDS = 0.05  # from the log of a stanza to its bytes in the socket
_MOST_OTHERS = 4  # each that waits holds a thread
_REMEMBERED = 4096  # more than the library receives before it works on it
_ALL = 1 << 20  # of a message's parts


class _Arrival:
    """What came in under one name, and how many parts of it are not kept yet; our callback is told of one by one.

    `soon`: what is still to come of it comes at once, as a part has come; or nobody knows whether anything will.
    """

    __slots__ = ("left", "soon")

    def __init__(self, parts: int = 1) -> None:
        self.left, self.soon = parts or 1, not parts


class Custody:
    """One session's; `store` is the library's database. `give_up` is called when the disk takes nothing more."""

    def __init__(self, notebook: Notebook, store: Path, give_up: Callable[[], None]) -> None:
        self._notebook, self._store, self._give_up = notebook, store, give_up
        self._changed = threading.Condition()
        self._arrivals: OrderedDict[str, _Arrival] = OrderedDict()
        self._opening, self._unclear, self._others = False, False, 0
        self._sealing, self._sends = False, threading.Lock()
        self._handing, self._handed = 0, 0.0
        self._parting, self._closed = False, False

    # --- what our callback is told

    @contextlib.contextmanager
    def handover(self) -> Iterator[None]:
        """Our callback is at work."""
        with self._changed:
            self._handing += 1
        try:
            yield
        finally:
            with self._changed:
                self._handing -= 1
                self._handed = time.monotonic()

    def keep(self, kind: int, body: bytes, names: Iterable[str], *, opened: bool) -> None:
        """Put an event into the spool: what these name may be acknowledged, and the next message be opened.

        Raises what keeps it from the disk; nothing is acknowledged then any more.
        """
        arrivals = [self._arrival(name) for name in names]
        last = opened and all(arrival.left <= 1 for arrival in arrivals)
        try:
            self._notebook.append(kind, body, opened=last)
        except BaseException:
            self._fail()
            raise
        for arrival in arrivals:
            arrival.soon = True
            self._settle(arrival, 1, opened=opened)

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """A message is sent, and none decrypted until it is encrypted.

        Both read the keys that they share with a device, move them on and write them: done at once, one undoes what the
        other did, and a key is used twice. Who gets what was sealed with it cannot open it.
        """
        with self._sends:  # the library sends one at a time anyway
            with self._changed:
                self._changed.wait_for(lambda: not self._opening or self._parting, _LONGEST_SECONDS)
                self._sealing = True
            try:
                yield
            finally:
                self._sealed()

    def _sealed(self) -> None:
        with self._changed:
            self._sealing = False
            self._changed.notify_all()

    def _fail(self) -> None:
        """The disk takes nothing: the session has to begin anew, with what was not kept."""
        self.part()
        self._give_up()

    def part(self) -> None:
        """The session ends: from now on no message is decrypted."""
        with self._changed:
            self._parting = True
            self._changed.notify_all()

    def close(self) -> None:
        """The socket is closed: no acknowledgement waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # --- what the library logs

    def listen(self, binary: int, size: int) -> None:
        """The library's log: what this returns late happens late."""
        try:
            entry = LogEntry.FromString(ctypes.string_at(binary, size))
            if entry.Level in ("WARN", "ERROR"):
                if nothing := _NOTHING.match(entry.Message):
                    self._settle(self._arrival(nothing[2]), 1 if nothing[1] == "Ignoring" else _ALL)
                self._unclear |= entry.Message.startswith(_UNCLEAR)
                log_whatsmeow(binary, size)
            elif entry.Name == "Client" and (opening := _OPENING.match(entry.Message)):
                self._open(opening[1], opening[2] or opening[1])
            elif entry.Name in ("Client/Recv", "Client/Send") and (stanza := _STANZA.match(entry.Message)):
                self._follow(entry.Name[-4:], stanza[1], dict(_ATTRIBUTE.findall(stanza[0])), entry.Message)
        except (sqlite3.ProgrammingError, OSError):  # the notebook is closed as the session ended, or its disk fails
            self._fail()
            with self._changed:
                self._changed.wait_for(lambda: self._closed)
        except Exception:
            log.exception("what the library logged could not be followed")

    def _open(self, author: str, chat: str) -> None:
        """A message is about to be decrypted."""
        begun = time.monotonic()
        with self._changed:
            while self._opening and not self._parting and not self._quiet(begun, _QUIET_SECONDS):
                self._changed.wait(_TICK)
            self._changed.wait_for(lambda: not self._sealing or self._parting, _LONGEST_SECONDS)
            self._stay_closed()  # before the note, which the message before may need
            self._opening, self._unclear = True, False
        try:
            self._notebook.open(keys.look(self._store, author, chat))
            self._notebook.settle()  # the library settles its own side, and power may fail
        except Exception:
            log.exception("the keys for a message could not be noted")
            self._fail()
        with self._changed:
            self._stay_closed()

    def _stay_closed(self) -> None:
        """Never return once the session ends."""
        self._changed.wait_for(lambda: not self._parting)

    def _follow(self, way: str, tag: str, attributes: dict[str, str], text: str) -> None:
        """A stanza came in, or is about to be sent."""
        name, kind = attributes.get("id", ""), attributes.get("type")
        if way == "Recv":
            if tag == "message":
                self._remember(name, _Arrival(len(_ENC.findall(text))))
        elif tag == "message":
            self._sealed()
        elif (tag, kind) == ("receipt", "retry") or (tag == "ack" and "error" in attributes):
            self._settle(self._arrival(name))  # it could not be opened, or not be read
        elif tag == "receipt" and kind in _ARRIVED:
            self._await(self._arrival(name))
            self._notebook.settle()
        elif tag == "ack" and attributes.get("class") == "message":
            self._await(self._arrival(name))
            time.sleep(_SENT_SECONDS)  # what asks for a message anew has to go first
        elif tag == "ack" and self._others < _MOST_OTHERS:
            self._await_other(self._arrival(f"{attributes.get('class')} {name}"))

    # --- who waits

    def _await(self, message: _Arrival) -> None:
        """Return once a message is kept, or nothing is to be kept of it."""
        begun = time.monotonic()
        with self._changed:
            while message.left > 0 and not self._closed:
                self._changed.wait(_TICK)
                enough = _LATER_SECONDS if message.soon or self._unclear else _QUIET_SECONDS
                if not self._parting and self._quiet(begun, enough):
                    self._settle(message)

    def _await_other(self, arrival: _Arrival) -> None:
        begun = time.monotonic()
        with self._changed:
            self._others += 1
            while arrival.left > 0 and not self._closed and time.monotonic() - begun < _LONGEST_SECONDS:
                if self._quiet(begun, _LATER_SECONDS):
                    break
                self._changed.wait(_TICK)
            self._others -= 1

    def _settle(self, arrival: _Arrival, parts: int = _ALL, *, opened: bool = True) -> None:
        """So many parts are kept, or nothing is to be kept of them; they are of the message that is being opened."""
        with self._changed:
            arrival.left -= parts
            if opened and arrival.left <= 0:
                self._opening = False
            self._changed.notify_all()

    def _arrival(self, name: str) -> _Arrival:
        with self._changed:
            return self._arrivals.get(name) or self._remember(name, _Arrival())

    def _remember(self, name: str, arrival: _Arrival) -> _Arrival:
        with self._changed:
            self._arrivals[name] = arrival
            self._arrivals.move_to_end(name)
            if len(self._arrivals) > _REMEMBERED:
                self._arrivals.popitem(last=False)
            return arrival

    def _quiet(self, since: float, seconds: float) -> bool:
        """Whether our callback has had nothing to do for so long."""
        return not self._handing and time.monotonic() - max(since, self._handed) >= seconds
