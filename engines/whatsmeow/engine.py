"""The engine that speaks to WhatsApp itself: one linked account, served by a worker process."""

import os
import threading
from typing import Any, TypeVar

import msgspec

from engines import addresses, base
from engines.capabilities import CAPABILITIES
from engines.whatsmeow import frames
from engines.whatsmeow.supervisor import Supervisor
from engines.whatsmeow.workers import Workers

_T = TypeVar("_T")

_UPLOAD_BYTES_PER_SECOND = 256 << 10
_QR_PATIENCE = 10.0
_DISCONNECTED = "Session is not connected. The WhatsApp client is not ready."


class Core:
    """Life of the engine, and the way of a question to its worker.

    `workers` is what the engines of a gateway have in common.
    """

    capabilities = CAPABILITIES["whatsmeow"]

    def __init__(
        self,
        account: base.Account,
        sink: base.Sink,
        settings: frames.Settings | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._account, self._sink = account, sink
        self._settings, self._workers = settings or frames.Settings(), workers or Workers()
        self._lock = threading.Lock()
        self._supervisor: Supervisor | None = None

    # --- life

    def start(self) -> None:
        """Begin to connect. Raises WrongState when started already."""
        with self._lock:
            if self._supervisor is not None and self._supervisor.state != "failed":
                raise base.WrongState("Session is already started")
            if self._supervisor is not None:
                self._supervisor.end(None)
            os.makedirs(self._account.directory, mode=0o700, exist_ok=True)  # noqa: PTH103 - its mode for the last part
            self._sink([base.StateChanged("initializing")])
            self._supervisor = Supervisor(self._account, self._settings, self._sink, self._workers)
            self._supervisor.start()

    def stop(self) -> None:
        """Disconnect; credentials stay."""
        self._leave(base.StateChanged("disconnected"))

    def kill(self) -> None:
        """Be gone at once; nothing more is reported."""
        self._leave(None)

    def logout(self) -> None:
        """Unlink the account and forget its credentials. Raises NotConnected when WhatsApp cannot be told."""
        self._do("logout")
        self._leave(base.StateChanged("disconnected", "logged_out"))

    def _leave(self, farewell: base.StateChanged | None) -> None:
        with self._lock:
            supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.end(farewell)

    def qr(self) -> base.Qr:
        """The code to scan now. Raises WrongState when none is shown."""
        supervisor = self._supervisor
        if supervisor is not None and supervisor.state == "ready":
            raise base.WrongState("Session is already authenticated, no QR code needed")
        if supervisor is None or supervisor.qr is None:
            raise base.WrongState("QR code is not ready yet. Please wait...")
        return supervisor.qr

    def pairing_code(self, phone: str) -> str:
        """A code of eight characters to type into the phone with that number. Raises WrongState."""
        digits = addresses.from_phone(phone).partition("@")[0]
        supervisor = self._supervisor
        if supervisor is not None and supervisor.state == "initializing":
            supervisor.wait_for(("qr_ready", "ready", "failed"), _QR_PATIENCE)
        self.qr()
        return self._ask(str, "pairing_code", phone=digits)

    @property
    def pid(self) -> int | None:
        """The worker's process id, for metrics and diagnosis."""
        seat = self._supervisor.seat if self._supervisor else None
        return seat.pid if seat else None

    # --- asking

    def _ask(self, kind: type[_T], verb: str, /, seconds: float | None = None, **arguments: Any) -> _T:
        """Have the worker do a verb whose result is of this kind."""
        return frames.unpack(self._answer(verb, seconds, arguments), kind)

    def _ask_maybe(self, kind: type[_T], verb: str, /, **arguments: Any) -> _T | None:
        """As `_ask`, where there may be no result."""
        maybe: Any = kind | None
        found: _T | None = frames.unpack(self._answer(verb, None, arguments), maybe)
        return found

    def _do(self, verb: str, /, **arguments: Any) -> None:
        """Have the worker do a verb without a result."""
        self._answer(verb, None, arguments)

    def _answer(self, verb: str, seconds: float | None, arguments: dict[str, Any]) -> msgspec.Raw:
        supervisor = self._supervisor
        seat = supervisor.seat if supervisor else None
        if supervisor is None or seat is None or supervisor.state not in ("ready", "qr_ready"):
            raise base.NotConnected(_DISCONNECTED)
        return seat.ask(verb, seconds or self._settings.call_seconds, arguments).value

    def _upload_seconds(self, content: Any) -> float:
        size = content.size if isinstance(content, base.Media) else 0
        return self._settings.call_seconds + size / _UPLOAD_BYTES_PER_SECOND
