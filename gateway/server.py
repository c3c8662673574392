"""waitress, with our envelope for what it refuses by itself and a way to drain."""

import json
import threading
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask

from gateway.config import Config
from gateway.errors import envelope


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
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _EnvelopeTask


class Server:
    """One listening socket and its worker threads."""

    def __init__(self, app: Any, config: Config) -> None:
        self._server: BaseWSGIServer = create_server(
            app,
            host=config.host,
            port=config.port,
            threads=config.http_threads,
            connection_limit=config.http_max_connections,
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
        flushing = any(channel.total_outbufs_len for channel in list(self._server.active_channels.values()))
        return bool(dispatcher.active_count or dispatcher.queue or flushing)
