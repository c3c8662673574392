"""Connections between two calls, so that the next one to the same place needs no handshake."""

import threading
import time
from collections import OrderedDict
from typing import Any

from urllib3.util.connection import is_connection_dropped

_SECONDS = 30.0
_MOST = 256


class Kept:
    """At most so many, for so long; the newest is taken first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[Any, Any, float]] = OrderedDict()
        self._by_place: dict[Any, list[int]] = {}
        self._closed = False

    def take(self, place: Any) -> Any | None:
        """A connection to that place that still stands."""
        while True:
            with self._lock:
                numbers = self._by_place.get(place)
                if not numbers:
                    return None
                _, connection, since = self._kept.pop(numbers.pop())
                if not numbers:
                    del self._by_place[place]
            if time.monotonic() - since < _SECONDS and not is_connection_dropped(connection):
                return connection
            connection.close()

    def put(self, place: Any, connection: Any) -> None:
        """Keep a connection whose answer was read to its end; one that comes after the end is closed."""
        now = time.monotonic()
        dropped = []
        with self._lock:
            if self._closed:
                connection.close()
                return
            self._kept[id(connection)] = (place, connection, now)
            self._by_place.setdefault(place, []).append(id(connection))
            while len(self._kept) > _MOST or next(iter(self._kept.values()))[2] < now - _SECONDS:
                number, (where, old, _) = self._kept.popitem(last=False)
                self._by_place[where].remove(number)
                if not self._by_place[where]:
                    del self._by_place[where]
                dropped.append(old)
        for old in dropped:
            old.close()

    def close(self) -> None:
        """Close them all, and keep none any more."""
        with self._lock:
            self._closed = True
            kept, self._kept, self._by_place = self._kept, OrderedDict(), {}
        for _, connection, _ in kept.values():
            connection.close()
