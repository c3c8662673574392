"""The process that loads neonize: it serves one session or a few, and is started by `engines.whatsmeow.process`.

The library writes to standard output and may abort the whole process. So its output goes to standard error, what
matters goes through a socket pair whose number is the first argument (the second is how many sessions may come), and
whoever started it expects a sudden end.
"""

import contextlib
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from queue import SimpleQueue

from engines.whatsmeow import exits, frames
from engines.whatsmeow.stay import Stay

log = logging.getLogger(__name__)

_END_SECONDS = 25.0
_SWITCH_SECONDS = 0.0005  # for the library's callback, which acknowledgements and the next message wait for
_STACK = 1 << 20
_FILES = 256
_MORE_MEMORY = 128 << 20


class Worker:
    """One run: from the first frame to the exit."""

    def __init__(self, end: socket.socket, seats: int) -> None:
        self._channel = frames.Channel(end, frames.Inward)
        self._seats = seats
        self._stays: dict[str, tuple[Stay, threading.Thread]] = {}
        self._lock = threading.Lock()
        self._leaving: SimpleQueue[None] = SimpleQueue()  # its put may come from a signal at any moment

    def run(self) -> None:
        """Serve until the gateway hangs up or somebody ends it."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        self._leaving.get()
        with self._lock:
            left = list(self._stays.values())
        for stay, _ in left:
            stay.leave(exits.DONE)
        until = time.monotonic() + _END_SECONDS
        for _, thread in left:
            thread.join(max(0.0, until - time.monotonic()))

    def leave(self) -> None:
        """End soon, with all sessions."""
        self._leaving.put(None)

    def _listen(self) -> None:
        try:
            while True:
                self._take(self._channel.receive())
        except (EOFError, OSError):
            pass  # the gateway is gone
        except BaseException:
            log.exception("the thread that listens died")
        self._leaving.put(None)

    def _take(self, frame: frames.Inward) -> None:
        if isinstance(frame, frames.Begin):
            self._begin(frame)
            return
        with self._lock:
            stay, _ = self._stays.get(frame.session, (None, None))
        if stay is None:
            return  # it ended by itself just now
        if isinstance(frame, frames.End):
            stay.leave(exits.DONE)
        else:
            stay.take(frame)

    def _begin(self, begin: frames.Begin) -> None:
        if not self._stays:
            _limit(begin.settings.memory_cap + (self._seats - 1) * _MORE_MEMORY, 1024 + (self._seats - 1) * _FILES)
        stay = Stay(begin, self._channel.send)
        thread = threading.Thread(target=self._serve, args=(begin.session, stay), name="stay", daemon=True)
        with self._lock:
            self._stays[begin.session] = stay, thread
        thread.start()

    def _serve(self, session: str, stay: Stay) -> None:
        code = exits.RETRY
        try:
            code = stay.run()
        except ImportError as error:
            log.error("the engine is not installed: %s", error)  # noqa: TRY400 - one line, no trace
            code = exits.MISSING
        except (EOFError, OSError):
            log.debug("the gateway is gone")
        except BaseException:
            log.exception("a session's stay failed")
        with self._lock:
            self._stays.pop(session, None)
        with contextlib.suppress(OSError):
            self._channel.send(frames.Ended(session, code))


def _limit(memory: int, files: int) -> None:
    """Keep a worker that goes wrong small, and its keys out of a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_NOFILE, files)):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (allowed, allowed))


def main() -> None:
    """Run, then end at once: a thread of the library would hold the process."""
    code = exits.RETRY
    try:
        os.umask(0o077)
        os.dup2(2, 1)
        sys.setswitchinterval(_SWITCH_SECONDS)
        threading.stack_size(_STACK)
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
        worker = Worker(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
        signal.signal(signal.SIGTERM, lambda *_: worker.leave())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the gateway
        worker.run()
        code = exits.DONE
    except Exception:
        log.exception("the worker failed")
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
