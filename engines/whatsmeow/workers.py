"""The worker processes of a gateway: one for each session, or each shared by a few."""

import threading
from collections.abc import Callable
from pathlib import Path

from engines import base
from engines.whatsmeow import frames
from engines.whatsmeow.process import Process
from engines.whatsmeow.seat import Seat
from engines.whatsmeow.starts import Starts


class Workers:
    """Finds places for sessions: at most `seats` in a process. `starts` are the places of those that start at once."""

    def __init__(self, seats: int = 1) -> None:
        self.starts = Starts()
        self._seats = seats
        self._lock = threading.Lock()
        self._processes: list[Process] = []

    def seat(
        self, account: base.Account, settings: frames.Settings, on_report: Callable[[frames.Report], None]
    ) -> Seat:
        """A place for the session, in a process that has one or a new one. Raises OSError where none can be started."""
        with self._lock:
            places = (process.sit(account, settings, on_report) for process in self._processes)
            found = next(filter(None, places), None)
            if found is None:
                process = Process(self._seats, str(Path(account.directory).parent))
                self._processes = [*(one for one in self._processes if not one.closed), process]
                found = process.sit(account, settings, on_report)
        if found is None:
            raise OSError("the new worker ended at once")
        return found
