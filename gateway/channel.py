"""waitress' connection with manners: its refusals in our envelope and readable, and one deadline for all headers."""

import json
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from gateway.errors import envelope

_LINGER = 5.0  # seconds that a refused client may go on sending before its connection is cut


class _EnvelopeTask(ErrorTask):  # type: ignore[misc]
    """waitress' own refusals (too large, malformed, an internal error) in the envelope every other error has."""

    def execute(self) -> None:
        error = self.request.error
        body = json.dumps(envelope(error.code, error.body if error.code < 500 else "Internal server error")).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(error.headers if hasattr(error, "headers") else [])
        self.set_close_on_finish()
        self.content_length = len(body)
        self.response_headers.append(("Content-Length", str(len(body))))
        self.response_headers.append(("Content-Type", "application/json"))
        self.channel.refused = True
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection.

    A client that is refused while it sends would lose the answer if the connection were closed with its bytes unread:
    so the gateway stops writing, reads on for a while and throws away what comes.
    """

    error_task_class = _EnvelopeTask
    will_close: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.refused = False
        self._lingers_until: float | None = None
        self._last_activity = 0.0
        super().__init__(*args, **kwargs)

    @property
    def last_activity(self) -> float:
        """When waitress last heard or said something; it closes who is idle for too long."""
        return self._last_activity

    @last_activity.setter
    def last_activity(self, value: float) -> None:
        # Within its headers a client is as old as their first byte, however lively it dribbles.
        request = self.request
        if request is None or request.headers_finished or request.completed:
            self._last_activity = value

    def received(self, data: bytes) -> bool:
        if self._lingers_until is None:
            return bool(super().received(data))
        self.will_close = self.will_close or time.monotonic() > self._lingers_until
        return False

    def handle_close(self) -> None:
        if not self._lingers():
            super().handle_close()

    def _lingers(self) -> bool:
        """Whether to stay open for reading: once, after a refusal, while the client is there."""
        if not self.refused or not self.connected or self._lingers_until is not None:
            return False
        try:
            self.socket.shutdown(self.server.socketmod.SHUT_WR)
        except OSError:
            return False
        self._lingers_until = time.monotonic() + _LINGER
        self.will_close = False
        return True
