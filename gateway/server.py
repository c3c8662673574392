"""waitress, with connections that can wait for what happens, and a way to drain."""

import contextlib
import copy
import math
import os
import resource
import threading
import time
from typing import Any

from waitress.channel import ClientDisconnected
from waitress.server import BaseWSGIServer, create_server
from waitress.task import WSGITask

from gateway.channel import Channel
from gateway.config import Config
from gateway.streams import Waiting

_FILES = 200  # open files beside connections: databases, engines, media
_EARLY_MAX = 64 * 1024  # bytes a client may send while its long poll waits
_TURN = 0.001  # seconds


class _Task(WSGITask):  # type: ignore[misc]
    """A request whose answer may come later: the worker goes on, the connection stays with whoever writes to it."""

    _waiting: Waiting | None = None

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["openwa.park"] = self._park
        return environ

    def finish(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or self.wrote_header:
            super().finish()
        elif self.channel.has_more():  # further requests came along with this one: they do not wait
            data = waiting.at_once()
            self.content_length = len(data)
            self.write(data)
            super().finish()
        else:
            # A copy answers: what it decides about the connection must not reach the worker that still holds this task.
            self.channel.park(_Line(copy.copy(self), self.channel), waiting)

    def build_response_header(self) -> bytes:
        self.channel.head = super().build_response_header()
        return b""

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.channel.head:  # no body follows
            self.channel.write_soon(data=None)

    def _park(self, waiting: Waiting) -> None:
        self._waiting = waiting


class _Line:
    """A parked connection, as `gateway.streams` writes to it."""

    def __init__(self, task: _Task, channel: "_Channel") -> None:
        self._task = task
        self._channel = channel
        self._ended = False
        self._streams = False
        self.early = b""

    @property
    def open(self) -> bool:
        return not self._ended and self._channel.connected and not self._channel.will_close

    @property
    def backlog(self) -> int:
        return int(self._channel.total_outbufs_len)

    def write(self, data: bytes) -> None:
        self._streams = True
        if not self._ended:
            with contextlib.suppress(ClientDisconnected, OSError):
                self._task.write(data)
            if self.backlog or self._channel.will_close:
                self._channel.stir()

    def rest(self) -> None:
        if not self._ended:
            self._channel.rest()

    def end(self, data: bytes = b"") -> None:
        if self._ended:
            return
        self._ended = True
        if not self._streams:
            self._task.content_length = len(data)
        with contextlib.suppress(ClientDisconnected, OSError):
            self._task.write(data)
            self._task.finish()
        self._channel.leave(self, close=self._task.close_on_finish)

    def drop(self) -> None:
        self._ended = True
        self._channel.will_close = True
        self._channel.stir()

    def heard(self, data: bytes) -> None:
        """The client sends while it waits: the next request of a long poll is kept, a stream listens to nothing."""
        if not self._streams:
            self.early += data
        if len(self.early) > _EARLY_MAX:
            self.drop()


class _Channel(Channel):
    """waitress' connection, which can be parked: open, out of the workers' hands, written to from one other thread."""

    task_class = _Task
    head = b""
    _turn_began = 0.0  # of whichever worker had the last one

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._line: _Line | None = None
        self._waiting: Waiting | None = None
        self._parking = threading.RLock()
        self._resting = False
        super().__init__(*args, **kwargs)

    @property
    def last_activity(self) -> float:
        """When waitress last heard or said something; a parked connection is never idle."""
        return math.inf if self._line is not None else self._last_activity

    @last_activity.setter
    def last_activity(self, value: float) -> None:
        Channel.last_activity.__set__(self, value)  # type: ignore[attr-defined]

    def write_soon(self, data: Any) -> int:
        """Headers wait for the first bytes of the body (None: there are none): one packet wakes the client once."""
        if self.head and data != b"":
            data, self.head = self.head + (data or b""), b""
        return int(super().write_soon(data))

    def service(self) -> None:
        """Answer one request; then, at the end of a turn, let the other workers go on before the next is taken up.

        Python would take the GIL from a worker only after five milliseconds, in the middle of a request: which then
        waits until each of the others has had as much, with sixteen of them long past all that came after it.
        """
        super().service()
        now = time.perf_counter()
        if now - _Channel._turn_began > _TURN:
            _Channel._turn_began = now
            os.sched_yield()

    def has_more(self) -> bool:
        """Whether further requests have arrived, wholly or in part."""
        with self.requests_lock:
            return len(self.requests) > 1 or self.request is not None

    def park(self, line: _Line, waiting: Waiting) -> None:
        with self._parking:
            self._line, self._waiting = line, waiting
        waiting.park(line)

    def leave(self, line: _Line, *, close: bool) -> None:
        """The answer is written: close, or go on with what the client has sent meanwhile."""
        with self._parking:
            self._last_activity = time.time()
            self._line = self._waiting = None
            if close:
                with self.requests_lock:
                    self.close_when_flushed = True
            elif line.early:
                super().received(line.early)
        self.stir()

    def rest(self) -> None:
        """While there is nothing to send or to hear, stand outside the server's loop, which costs per connection."""
        if self._resting:
            if self._hears():
                self.stir()
        elif not self.total_outbufs_len:
            self._resting = True
            self.server.trigger.pull_trigger(self._step_out)

    def stir(self) -> None:
        """There is something to send, to hear or to close: back into the loop."""
        self._resting = False
        if self.connected:
            self.server.trigger.pull_trigger(self._step_in)

    def _hears(self) -> bool:
        try:
            self.socket.recv(1, self.server.socketmod.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def _step_out(self) -> None:  # both in the thread of the loop, which is the one that closes
        if self._resting and self.connected:
            self._map.pop(self._fileno, None)

    def _step_in(self) -> None:
        if self.connected and not self._resting:
            self._map[self._fileno] = self

    def received(self, data: bytes) -> bool:
        with self._parking:
            if self._line is not None:
                self._line.heard(data)
                return True
        return bool(super().received(data))

    def handle_close(self) -> None:
        super().handle_close()
        if self._waiting is not None:
            self._waiting.gone()

    def _flush_some(self, do_close: bool = True) -> bool:  # noqa: FBT001, FBT002 - waitress calls it so
        # waitress takes no lock where no worker writes; a parked connection is written to by no worker.
        with self.outbuf_lock:
            return bool(super()._flush_some(do_close))


def _make_room(connections: int) -> None:
    """Raise the process's limit of open files to what so many connections need, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Server:
    """One listening socket and its worker threads."""

    def __init__(self, app: Any, config: Config) -> None:
        connections = config.http_max_connections + config.event_streams_max
        _make_room(connections)
        self._server: BaseWSGIServer = create_server(
            app,
            host=config.host,
            port=config.port,
            threads=config.http_threads,
            connection_limit=connections,
            channel_timeout=config.headers_timeout // 1000 or 1,
            cleanup_interval=min(30, config.headers_timeout // 1000 or 1),
            max_request_header_size=64 * 1024,
            max_request_body_size=config.body_max_bytes,
            ident=None,
            expose_tracebacks=False,
            asyncore_use_poll=True,
        )
        self._server.channel_class = _Channel

    @property
    def port(self) -> int:
        """The port that is really listened on."""
        return int(self._server.effective_port)

    def serve(self) -> None:
        """Answer requests until `close`."""
        self._server.run()

    def drain(self, grace: float) -> bool:
        """Wait until no request is in flight, at most `grace` seconds, then stop; says whether all had finished."""
        end = time.monotonic() + grace
        idle = threading.Event()
        while self._busy() and time.monotonic() < end:
            idle.wait(0.02)
        finished = not self._busy()
        self._server.close()
        return finished

    def _busy(self) -> bool:
        dispatcher = self._server.task_dispatcher
        channels = list(self._server.active_channels.values())
        ending = any(one.total_outbufs_len or one.close_when_flushed or one.will_close for one in channels)
        return bool(dispatcher.active_count or dispatcher.queue or ending)
