"""The fence around the library: it finds its clients in tables that nothing guards, and aborts the process over that.

Go ends a process whose map is read while another thread writes it, and neonize keeps its clients in such maps: every
call reads one as it begins, `Neonize` and `Stop` write them. So no call begins while one of these two may be writing,
and they begin when no call can still be looking. A call has found its client long before it is over (a send may take a
minute), so one older than a second is not waited for. With one session in a process there is next to nothing to wait
for.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from neonize.exc import NeonizeError

_LOOKED = 1.0
_WRITTEN = 2.0


class Tables:
    """Who reads the library's tables, and who writes them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._looking: dict[object, float] = {}
        self._writer: object | None = None

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """A call of the library, which looks its client up as it begins."""
        call = object()
        with self._changed:
            self._changed.wait_for(lambda: self._writer is None)
            self._looking[call] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._looking[call]
                self._changed.notify_all()

    def write(self) -> Callable[[], None]:
        """Wait until nobody looks or writes, and let nobody until what this returns is called, or two seconds went by.

        Opening a client's store takes milliseconds; a server that does not answer must not hold the other sessions.
        """
        writer = object()
        with self._changed:
            self._changed.wait_for(lambda: self._writer is None)
            self._writer = writer
            while self._young():
                self._changed.wait(_LOOKED / 10)

        def written() -> None:
            with self._changed:
                if self._writer is writer:
                    self._writer = None
                    self._changed.notify_all()

        late = threading.Timer(_WRITTEN, written)
        late.daemon = True
        late.start()

        def over() -> None:
            late.cancel()
            written()

        return over

    def _young(self) -> bool:
        now = time.monotonic()
        return any(now - begun < _LOOKED for begun in self._looking.values())


class Fence:
    """The library's functions as its clients shall see them, each call behind `tables`."""

    def __init__(self, library: Any) -> None:
        self.tables = Tables()
        self._library = library
        self._listed: set[bytes] = set()

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._library, name)

        def call(uuid: bytes, *arguments: Any) -> Any:
            with self.tables.looking():
                if uuid not in self._listed:  # the library aborts over some questions to a client it does not know
                    raise NeonizeError("client is nil")
                return function(uuid, *arguments)

        setattr(self, name, call)
        return call

    def listed(self, uuid: bytes) -> None:
        """The library knows this client: it may be asked about it."""
        self._listed.add(uuid)

    def Neonize(self, *arguments: Any) -> Any:  # noqa: N802 - the library's name
        """Unfenced: it returns when the client ends. The caller asks `tables` to write, and says when that is over."""
        return self._library.Neonize(*arguments)

    def Disconnect(self, uuid: bytes) -> None:  # noqa: N802 - the library's name
        """Close the client's socket, where there is a client."""
        with self.tables.looking():
            self._library.Disconnect(uuid)

    def Stop(self, uuid: bytes) -> None:  # noqa: N802 - the library's name
        """Forget a client that is disconnected."""
        self._listed.discard(uuid)
        written = self.tables.write()
        try:
            self._library.Stop(uuid)
        finally:
            written()
