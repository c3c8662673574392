"""Keeps a session served: has a worker begin it, again with back-off when that ended, and knows when not to."""

import logging
import threading
import time
from collections import OrderedDict

from engines import base
from engines.whatsmeow import exits, frames
from engines.whatsmeow.delivery import Delivery
from engines.whatsmeow.pauses import Pauses
from engines.whatsmeow.seat import Seat
from engines.whatsmeow.workers import Workers

log = logging.getLogger(__name__)

_END_SECONDS = 4.0
_REMEMBERED = 1024
_REASONS = {exits.MISSING: "engine_missing", exits.DAMAGED: "store_damaged"}


class Supervisor:
    """One life of a session between `start` and its end. `state`, `qr` are what was last heard."""

    def __init__(self, account: base.Account, settings: frames.Settings, sink: base.Sink, workers: Workers) -> None:
        self._account, self._settings, self._workers = account, settings, workers
        self._starting = False
        self._delivery = Delivery(account.name, sink, self._acknowledge)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._seat: Seat | None = None
        self._committed: OrderedDict[int, None] = OrderedDict()
        self._was_ready = False
        self.state: base.State = "initializing"
        self.qr: base.Qr | None = None
        self._thread = threading.Thread(target=self._run, name=f"supervisor-{account.name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    @property
    def seat(self) -> Seat | None:
        """The session's place in the worker that serves it now."""
        return self._seat

    def wait_for(self, states: tuple[base.State, ...], seconds: float) -> bool:
        """Wait until the session is in one of these states."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state in states, seconds)

    def end(self, farewell: base.StateChanged | None) -> None:
        """Serve the session no more, and call the sink no more after this `farewell`."""
        self._stopping.set()
        with self._changed:
            seat = self._seat
            self._changed.notify_all()
        if seat:
            seat.end(_END_SECONDS, at_once=farewell is None)
        if threading.current_thread() is not self._thread:
            self._thread.join(_END_SECONDS * 2)
        if farewell:
            self._delivery.push(0, [farewell])
        self._delivery.close(_END_SECONDS, farewell=farewell is not None)

    # --- the supervising thread

    def _run(self) -> None:
        pauses = Pauses(self._settings.backoff_seconds, self._settings.backoff_cap_seconds)
        while not self._stopping.is_set():
            code = self._run_once()
            if self._stopping.is_set() or self.state == "failed":
                return
            if code in _REASONS:
                self._report(base.StateChanged("failed", _REASONS[code]))
                return
            if code not in (exits.DONE, exits.RETRY, exits.AGAIN):
                self._report(base.StateChanged("disconnected", "engine_crashed"))
            if code == exits.AGAIN:
                pauses.forget()
            elif self._stopping.wait(pauses.after(time.monotonic(), was_ready=self._was_ready)):
                return
            self._report(base.StateChanged("initializing"))

    def _run_once(self) -> int:
        if not self._workers.starts.enter(self._stopping):
            return exits.DONE
        self._starting = True
        try:
            return self._serve()
        finally:
            self._is_up()

    def _is_up(self) -> None:
        """The worker has done the costly part of its start, or is gone: the next one may start."""
        with self._changed:
            starting, self._starting = self._starting, False
        if starting:
            self._workers.starts.leave()

    def _serve(self) -> int:
        try:
            seat = self._workers.seat(self._account, self._settings, self._on_report)
        except OSError:
            log.exception("the worker of session %s cannot be started", self._account.name)
            return exits.RETRY
        with self._changed:
            self._seat, self._was_ready = seat, False
        if self._stopping.is_set():
            seat.leave()
        code = seat.serve()
        with self._changed:
            self._seat, self.qr = None, None
        self._delivery.drop_reports()
        return code

    def _report(self, event: base.Event) -> None:
        self._note(event)
        self._delivery.push(0, [event])

    def _on_report(self, report: frames.Report) -> None:
        self._is_up()
        if report.number in self._committed:  # an earlier worker died with its acknowledgement unread
            self._acknowledge([report.number])
            return
        found = frames.events(report)
        for event in found:
            self._note(event)
        if found and not self._stopping.is_set():
            self._delivery.push(report.number, found)

    def _note(self, event: base.Event) -> None:
        with self._changed:
            if isinstance(event, base.StateChanged):
                self.state = event.state
                if event.state == "ready":
                    self._was_ready = True
                if event.state != "qr_ready":
                    self.qr = None
            elif isinstance(event, base.QrChanged):
                self.qr = base.Qr(event.text, event.expires_at)
            self._changed.notify_all()

    def _acknowledge(self, numbers: list[int]) -> None:
        for number in numbers:
            self._committed[number] = None
        while len(self._committed) > _REMEMBERED:
            self._committed.popitem(last=False)
        seat = self._seat
        if seat is not None:
            seat.committed(numbers)
