"""The process that loads neonize: one per session, started by `engines.whatsmeow.supervisor`.

The library writes to standard output and may abort the whole process. So its output goes to standard error, what
matters goes through a socket pair whose number is the only argument, and whoever started it expects a sudden end.
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
from pathlib import Path
from typing import Any

from engines import base
from engines.whatsmeow import exits, frames
from engines.whatsmeow.inside import store

log = logging.getLogger(__name__)

_TICK = 0.25
_DRAIN_SECONDS = 20.0
_CLAIM_SECONDS = 10.0
_SWITCH_SECONDS = 0.0005  # the library's callback is to get its turn at once: until it returns, a kill loses its event
_QUIET_SECONDS = 0.25
_END_SECONDS = 2.0
_NAME_EVERY = 8  # ticks


class Worker:
    """One run: from the first frame to the exit."""

    def __init__(self, end: socket.socket) -> None:
        self._channel = frames.Channel(end, frames.Inward)
        self._leaving = threading.Event()
        self._code = exits.DONE
        self._session: Any = None
        self._pump: Any = None

    def run(self) -> int:
        """Serve until something ends it; returns the exit code."""
        begin = self._channel.receive()
        if not isinstance(begin, frames.Begin):
            return exits.RETRY
        _limit(begin.settings.memory_cap)
        directory = Path(begin.directory)
        try:
            store.claim(directory, _CLAIM_SECONDS)
            store.check(directory)
            office = self._set_up(directory, begin)
            self._channel.send(frames.report(0, []))  # it is up
        except store.Taken as error:
            log.warning("%s", error)
            return exits.RETRY
        except store.Damaged as error:
            log.error("%s", error)  # noqa: TRY400 - one line, no trace
            self._tell(base.StateChanged("failed", "store_damaged"))
            return exits.DAMAGED
        self._start(self._session.connect, "connect")
        self._start(lambda: self._pump.run(self._channel.send), "pump")
        self._start(lambda: self._listen(office), "listen")
        return self._watch()

    def _set_up(self, directory: Path, begin: frames.Begin) -> Any:
        from engines.whatsmeow.inside import assembly  # noqa: PLC0415 - loads the library

        made = assembly.build(directory, begin, self._tell, self.leave, self._channel.send)
        self._session, self._pump = made.session, made.pump
        return made.office

    def _start(self, work: Any, name: str) -> None:
        def guarded() -> None:
            try:
                work()
            except (OSError, EOFError):
                self.leave(exits.DONE)  # the gateway is gone
            except BaseException:
                log.exception("the thread %s died", name)
                self.leave(exits.RETRY)

        threading.Thread(target=guarded, name=name, daemon=True).start()

    def _listen(self, office: Any) -> None:
        while True:
            frame = self._channel.receive()
            if isinstance(frame, frames.Ask):
                office.take(frame, time.monotonic())
            elif isinstance(frame, frames.Committed):
                self._pump.committed(frame.numbers)

    def _tell(self, event: base.Event) -> None:
        with contextlib.suppress(OSError):  # the listening thread notices
            self._channel.send(frames.report(0, [event]))

    def leave(self, code: int) -> None:
        """End soon, with this exit code; the first one counts."""
        if not self._leaving.is_set():
            self._code = code
            self._leaving.set()

    def _watch(self) -> int:
        ticks = 0
        while not self._leaving.wait(_TICK):
            ticks += 1
            alarm = self._session.watchdog.overdue(time.monotonic())
            if alarm:
                self._tell(base.StateChanged("disconnected", alarm.reason))
                self.leave(alarm.code)
            elif ticks % _NAME_EVERY == 0:
                self._session.look_for_name()
        self._pump.let_in(_QUIET_SECONDS, _END_SECONDS)  # first: what the library handles as it disconnects is lost
        self._session.close()
        self._pump.let_in(_QUIET_SECONDS, _QUIET_SECONDS)
        if self._session.state == "failed":
            self._drain()
        return self._code

    def _drain(self) -> None:
        """After a terminal state nobody starts this again soon: hand over what is left."""
        until = time.monotonic() + _DRAIN_SECONDS
        while not self._pump.idle() and time.monotonic() < until:
            time.sleep(_TICK)


def _limit(memory: int) -> None:
    """Keep a worker that goes wrong small, and its keys out of a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_NOFILE, 1024)):
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
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
        worker = Worker(socket.socket(fileno=int(sys.argv[1])))
        signal.signal(signal.SIGTERM, lambda *_: worker.leave(exits.DONE))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the gateway
        code = worker.run()
    except ImportError as error:
        log.error("the engine is not installed: %s", error)  # noqa: TRY400 - one line, no trace
        code = exits.MISSING
    except EOFError:
        code = exits.DONE
    except Exception:
        log.exception("the worker failed")
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
