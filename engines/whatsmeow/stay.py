"""One session's stay in a worker process: from `Begin` until nothing of it is left."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines import base
from engines.whatsmeow import exits, frames
from engines.whatsmeow.inside import store

log = logging.getLogger(__name__)

_TICK = 0.25
_DRAIN_SECONDS = 20.0
_CLAIM_SECONDS = 10.0
_QUIET_SECONDS = 0.5
_END_SECONDS = 2.0
_NAME_EVERY = 8  # ticks


class Stay:
    """Serves one account. `send` is the way of all frames."""

    def __init__(self, begin: frames.Begin, send: Callable[[frames.Outward], None]) -> None:
        self._begin, self._channel = begin, send
        self._leaving, self._over = threading.Event(), threading.Event()
        self._code = exits.DONE
        self._parts: Any = None

    def run(self) -> int:
        """Serve until something ends it; returns how it ended (`engines.whatsmeow.exits`)."""
        directory = Path(self._begin.directory)
        claim = None
        try:
            claim = store.claim(directory, _CLAIM_SECONDS, self._leaving)
            store.check(directory)
            store.tidy(directory)
            self._parts = self._set_up(directory)
            self._send(frames.report(self._begin.session, 0, []))  # it is up
            self._start(self._parts.session.connect, "connect")
            self._start(lambda: self._parts.pump.run(self._send), "pump")
            return self._watch()
        except store.Taken as error:
            log.warning("%s", error)
            return exits.RETRY
        except store.Damaged as error:
            log.error("%s", error)  # noqa: TRY400 - one line, no trace
            self._tell(base.StateChanged("failed", "store_damaged"))
            return exits.DAMAGED
        finally:
            self._over.set()
            self._clear(claim)

    def take(self, frame: frames.Ask | frames.Committed) -> None:
        """A question, or what the gateway has."""
        parts = self._parts
        if parts is None:
            return  # nobody asks, and nothing was reported, before it is up
        if isinstance(frame, frames.Ask):
            parts.office.take(frame, time.monotonic())
        else:
            parts.pump.committed(frame.numbers)

    def leave(self, code: int) -> None:
        """End soon, like this; the first one counts."""
        if not self._leaving.is_set():
            self._code = code
            self._leaving.set()

    def _set_up(self, directory: Path) -> Any:
        from engines.whatsmeow.inside import assembly  # noqa: PLC0415 - loads the library

        return assembly.build(directory, self._begin, self._tell, self.leave, self._send)

    def _start(self, work: Callable[[], None], name: str) -> None:
        def guarded() -> None:
            try:
                work()
            except (OSError, EOFError):
                self.leave(exits.DONE)  # the gateway is gone
            except BaseException:
                if not self._leaving.is_set():
                    log.exception("the thread %s died", name)
                self.leave(exits.RETRY)

        threading.Thread(target=guarded, name=name, daemon=True).start()

    def _send(self, frame: frames.Outward) -> None:
        """Frames name the session only: what comes late is not to be taken for what the next stay says."""
        if not self._over.is_set():
            self._channel(frame)

    def _tell(self, event: base.Event) -> None:
        with contextlib.suppress(OSError):  # the listening thread notices
            self._send(frames.report(self._begin.session, 0, [event]))

    def _watch(self) -> int:
        session, pump, ticks = self._parts.session, self._parts.pump, 0
        while not self._leaving.wait(_TICK):
            ticks += 1
            alarm = session.watchdog.overdue(time.monotonic())
            if alarm:
                self._tell(base.StateChanged("disconnected", alarm.reason))
                self.leave(alarm.code)
                continue
            session.look_for_credentials()
            if ticks % _NAME_EVERY == 0:
                session.look_for_name()
        session.close()
        pump.let_in(_QUIET_SECONDS, _END_SECONDS)
        if session.state == "failed":
            self._drain()
        return self._code

    def _drain(self) -> None:
        """After a terminal state nobody starts this again soon: hand over what is left."""
        until = time.monotonic() + _DRAIN_SECONDS
        while not self._parts.pump.idle() and time.monotonic() < until:
            time.sleep(_TICK)

    def _clear(self, claim: int | None) -> None:
        """Let go of the session's directory, once the library has let go of the account."""
        if claim is None:
            return
        parts = self._parts
        if parts is None:
            store.release(claim)
            return

        if not parts.session.closed:  # something here failed
            parts.session.close()

        def let_go() -> None:
            parts.session.gone.wait()
            parts.session.forget()
            parts.pump.stop()
            parts.session.custody.close()
            parts.notebook.close()
            store.release(claim)

        if parts.session.gone.is_set():
            let_go()
        else:  # a dial hangs: the library cannot be told before it is over
            threading.Thread(target=let_go, name="let-go", daemon=True).start()
