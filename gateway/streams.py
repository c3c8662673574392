"""Whoever waits for events: long polls and streams, all served by one thread, whatever their number.

The worker thread that took the request only leaves the connection here, as a `Line`. The log is read once per wake for
all who have seen everything; who is behind, or reads slowly, is given pages of its own as fast as it takes them.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import orjson

from gateway.errors import TooManyStreams
from handlers import shapes
from handlers.events import Watch
from handlers.security import standing
from storage import StorageError, events
from storage.db import Database, Tx
from storage.events import Event

log = logging.getLogger("openwa.streams")
_PAGE = 200
_TICK = 1.0
_KEYS_EVERY = 2.0
_BACKLOG = 256 * 1024  # bytes not sent yet with which a line is given no more
_RETRY = b"retry: 3000\n\n"
_STILL_THERE = b": still there\n\n"


class Line(Protocol):
    """A connection whose answer is written after its request was worked on; `gateway.server` makes them.

    `write` goes on with a stream, `end` ends it; `end` alone is the whole body of an answer. Neither blocks nor raises
    where the client has gone. `rest` says that there is nothing to do: said now and then, it makes a quiet line cheap.
    """

    @property
    def open(self) -> bool: ...
    @property
    def backlog(self) -> int: ...
    def write(self, data: bytes) -> None: ...
    def end(self, data: bytes = b"") -> None: ...
    def rest(self) -> None: ...
    def drop(self) -> None: ...


class Limits(NamedTuple):
    """How many may wait, and, in seconds, how long a stream is silent and a client may leave what it is sent unread."""

    most: int = 1000
    heartbeat: float = 15.0
    patience: float = 30.0


class Waiting:
    """An answer that is to come: parked with a line by a server that can, given at once by any other."""

    def __init__(self, streams: "Streams", watch: Watch) -> None:
        self._streams = streams
        self._watch = watch

    def park(self, line: Line) -> None:
        """From now on the thread of the streams writes to `line`."""
        self._streams.take(line, self._watch)

    def gone(self) -> None:
        """The client closed its end."""
        self._streams.wake()

    def at_once(self) -> bytes:
        """What can be said without waiting."""
        return self._streams.at_once(self._watch)


class _Guest:
    """One who waits. `seen` is the cursor up to which it is served; a live one is served along with all the others."""

    def __init__(self, line: Line, watch: Watch) -> None:
        self.line = line
        self.watch = watch
        self.seen = watch.after
        self.live = False
        self.came: float | None = None
        self.told = 0.0
        self.unsent = 0
        self.unsent_since = 0.0

    def end(self, oldest: int) -> None:
        """End politely with nothing more to say; `oldest` is the log's oldest cursor."""
        self.line.end(b"" if self.watch.wait is None else _page(self.watch, [], self.seen, oldest))


class Streams:
    """The guests of one gateway."""

    def __init__(self, db: Database, now: Callable[[], int], limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
        self._db = db
        self._now = now
        self.limits = limits
        self._lock = threading.Lock()
        self._arrived: list[_Guest] = []
        self._guests: list[_Guest] = []
        self._head = self._oldest = 0
        self._keys_at = self._tended_at = 0.0
        self._awake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._guests) + len(self._arrived)

    def answer(self, watch: Watch) -> Waiting:
        """The answer to a watch. Raises TooManyStreams."""
        if len(self) >= self.limits.most:
            raise TooManyStreams
        return Waiting(self, watch)

    def take(self, line: Line, watch: Watch) -> None:
        """Serve this line; the thread that does it starts with the first."""
        with self._lock:
            late = self._closing.is_set()
            if not late:
                self._arrived.append(_Guest(line, watch))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
                    self._thread.start()
        if late:
            line.end(self.at_once(watch))
        self.wake()

    def wake(self) -> None:
        """Something was committed, or somebody came or went."""
        self._awake.set()

    def close(self) -> None:
        """End all: long polls with an empty page, streams with their last chunk. Returns when it is done."""
        with self._lock:
            self._closing.set()
        self.wake()
        if self._thread is not None:
            self._thread.join(5)

    def at_once(self, watch: Watch) -> bytes:
        """What can be said without waiting."""
        with self._db.read() as tx:
            newest, found = events.newest(tx), watch.read(tx, watch.after)
            if watch.wait is None:
                return _RETRY + b"".join(map(_frame, found))
            return _page(watch, found, newest, events.oldest(tx))

    def _run(self) -> None:
        closing = False
        while not closing:  # one turn more after the end was asked for, for whoever came just before
            self._awake.wait(_TICK)
            self._awake.clear()
            closing = self._closing.is_set()
            began = time.monotonic()
            try:
                self.turn(began)
            except StorageError as error:
                log.warning("streams wait for the database: %s", error)
            except Exception:
                log.exception("a turn of the streams failed")
            # Half of the time belongs to the others: many guests and many events make few large turns.
            self._closing.wait(min(time.monotonic() - began, 0.05))
        for guest in self._guests:
            guest.end(self._oldest)
        self._guests = []

    def turn(self, now: float) -> None:
        """Serve everybody once; `now` is monotonic seconds."""
        with self._lock:
            self._guests, self._arrived = [*self._guests, *self._arrived], []
        self._guests = [guest for guest in self._guests if guest.line.open]
        if not self._guests:
            return
        with self._db.read() as tx:
            if now - self._keys_at >= _KEYS_EVERY:
                self._keys_at = now
                self._check_keys(tx)
            self._tell_the_live(tx, now)
            for guest in self._guests:
                if not guest.live:
                    self._catch_up(tx, guest, now)
            self._oldest = events.oldest(tx)
        if now - self._tended_at >= _TICK / 2:
            self._tended_at = now
            for guest in self._guests:
                self._tend(guest, now)

    def _tell_the_live(self, tx: Tx, now: float) -> None:
        """Read what is new, once, for all who have seen everything before it."""
        live = [guest for guest in self._guests if guest.live]
        if not live:
            self._head = events.newest(tx)
        while live:
            found = events.page(tx, self._head, _PAGE)
            self._head = found[-1].cursor if found else self._head
            frames: dict[int, bytes] = {}
            for guest in live if found else ():
                wanted = [event for event in found if event.cursor > guest.seen and guest.watch.wants(event)]
                guest.seen = max(guest.seen, self._head)
                self._give(tx, guest, wanted, frames, now)
            live = [guest for guest in live if guest.live and guest.line.open] if len(found) == _PAGE else []

    def _catch_up(self, tx: Tx, guest: _Guest, now: float) -> None:
        """Pages of its own for one who is behind, as long as it takes them."""
        if guest.came is None:
            guest.came = guest.told = now
            if guest.watch.wait is None:
                guest.line.write(_RETRY)
        while guest.line.open and guest.line.backlog < _BACKLOG and not guest.live:
            found = guest.watch.read(tx, guest.seen)
            guest.live = len(found) < guest.watch.limit
            last = found[-1].cursor if found else 0
            guest.seen = max(guest.seen, self._head, last) if guest.live else last
            self._give(tx, guest, found, {}, now)

    def _give(self, tx: Tx, guest: _Guest, found: list[Event], frames: dict[int, bytes], now: float) -> None:
        if not found or not guest.line.open:
            return
        if guest.watch.wait is not None:
            guest.line.end(_page(guest.watch, found, guest.seen, events.oldest(tx)))
            return
        for event in found:
            if event.cursor not in frames:
                frames[event.cursor] = _frame(event)
        guest.line.write(b"".join([frames[event.cursor] for event in found]))
        guest.told = now
        guest.live = guest.live and guest.line.backlog < _BACKLOG

    def _tend(self, guest: _Guest, now: float) -> None:
        """What time alone brings: the end of a long poll, a sign of life, the end of patience."""
        line, watch, unsent = guest.line, guest.watch, guest.line.backlog
        if unsent == 0 or unsent < guest.unsent:
            guest.unsent_since = now
        guest.unsent = unsent
        if watch.wait is not None and guest.came is not None and now - guest.came >= watch.wait:
            guest.end(self._oldest)
        elif unsent and now - guest.unsent_since >= self.limits.patience:
            log.info("a stream of key %s is dropped: nobody reads it", watch.caller.key_name)
            line.drop()
        elif watch.wait is None and not unsent and now - guest.told >= self.limits.heartbeat:
            guest.told = now
            line.write(_STILL_THERE)
        else:
            line.rest()

    def _check_keys(self, tx: Tx) -> None:
        """End whoever would not be let in any more: a key that was revoked, has expired or may see less."""
        good = standing(tx, {guest.watch.caller for guest in self._guests}, self._now())
        for guest in self._guests:
            if guest.watch.caller not in good:
                guest.end(self._oldest)


def _frame(event: Event) -> bytes:
    """One event as a stream has it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.cursor, event.type.encode(), orjson.dumps(shapes.event(event)))


def _page(watch: Watch, found: list[Event], newest: int, oldest: int) -> bytes:
    return orjson.dumps(shapes.event_page(found[: watch.limit], watch.limit, newest, oldest))
