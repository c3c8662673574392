"""The account's connection: neonize's client, and the state that its events prove."""

import contextlib
import ctypes
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neonize import client as library
from neonize import events as happen
from neonize._binder import (
    ProxySettings,
    consume_bytes_struct,
    func_callback_bytes,
    func_callback_bytes2,
    func_string,
    gocode,
)
from neonize.proto import Neonize_pb2 as wire
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.utils.jid import build_jid

from engines import base
from engines.whatsmeow import exits
from engines.whatsmeow.frames import Settings
from engines.whatsmeow.inside import store
from engines.whatsmeow.inside.custody import LOG_LEVEL, Custody
from engines.whatsmeow.inside.fence import Fence
from engines.whatsmeow.inside.watchdog import Watchdog

_FIRST_QR_SECONDS, _NEXT_QR_SECONDS = 60, 20
_BROWSER = "Chrome (Linux)"  # the server checks "Browser (OS)"
_CHROME = 1
_FAREWELL_SECONDS = 1.5
_LISTED_SECONDS = 2.0
_ITSELF = 0  # the kind of the first event: the client's own device
_LINKED, _OUTDATED, _TIMEOUT = b"success", b"err-client-outdated", b"timeout"
_ENDS = (_LINKED, _OUTDATED, _TIMEOUT, b"err-unexpected-state", b"error")

# neonize forgot this result converter: without it a vote raises TypeError
gocode.DecryptPollVote.errcheck = consume_bytes_struct
library.gocode = fence = Fence(gocode)

Tell = Callable[[base.Event], None]
Leave = Callable[[int], None]


class Session:
    """One client. `tell` reports what matters now, `leave` ends the worker with an exit code, soon.

    `alive` is set once the library knows the client: asked before, it aborts. `identify` is told the account's digits,
    `unlinked` that its credentials are void.
    """

    def __init__(
        self, directory: Path, settings: Settings, proxy_url: str | None, custody: Custody, tell: Tell, leave: Leave
    ) -> None:
        self._settings, self.custody, self._tell, self._leave = settings, custody, tell, leave
        self._proxy = ProxySettings(proxy_url) if proxy_url else None
        self._props = DeviceProps(os=settings.device_name, platformType=DeviceProps.CHROME).SerializeToString()
        # a fresh name per start: the death of an object with the same name would stop this one
        self.client: Any = library.NewClient(str(directory / store.NAME), uuid=uuid.uuid4().hex)
        self.client._stop_finalizer.detach()  # noqa: SLF001 - whoever collects garbage must not wait for the fence
        self.watchdog = Watchdog()
        self.alive, self.ready, self.gone = threading.Event(), threading.Event(), threading.Event()
        self._listed, self._running, self._over = threading.Event(), threading.Event(), threading.Event()
        self._written: Callable[[], None] = lambda: None
        self._look, self.closed = contextlib.ExitStack(), False
        self._directory, self._linked = directory, store.linked(directory)
        self.identify: Callable[[str], None] = lambda _: None
        self.unlinked: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._state: base.State = "initializing"
        self._codes, self._push_name, self._parting = 0, "", False
        self._listen()

    @property
    def state(self) -> base.State:
        return self._state

    def _listen(self) -> None:
        handlers: dict[Any, Callable[[Any], None]] = {
            happen.PairStatusEv: self._on_paired,
            happen.ConnectedEv: lambda _: self._on_connected(),
            happen.DisconnectedEv: lambda _: self._on_lost("network"),
            happen.KeepAliveTimeoutEv: lambda _: self._on_silence(),
            happen.KeepAliveRestoredEv: lambda _: self._on_connected(),
            happen.LoggedOutEv: lambda _: self._end("logged_out"),
            happen.StreamReplacedEv: lambda _: self._end("replaced"),
            happen.ClientOutdatedEv: lambda _: self._end("outdated"),
            happen.TemporaryBanEv: self._on_ban,
            happen.ConnectFailureEv: self._on_refused,
        }
        for kind, handler in handlers.items():
            self.listen(kind, handler)

    def listen(self, kind: Any, handler: Callable[[Any], None]) -> None:
        """Call `handler` with every event of this kind; only before `connect`."""
        self.client.event(kind)(lambda _, event: handler(event))

    def connect(self) -> None:
        """Connect and stay until the client ends; who serves the session is told where that was not asked for."""
        self._expect("dial", self._settings.dial_seconds, exits.RETRY, "network")
        if self._run() and not self.closed:
            self._on_lost("network")
        self._leave(exits.RETRY)

    def _run(self) -> bytes:
        """What neonize's `connect` does, without its second thread; returns what went wrong, b"" for nothing."""
        kinds = bytearray(self.client.event.list_func)
        subscribed = (ctypes.c_char * len(kinds)).from_buffer(kinds)
        callbacks = (
            func_string(lambda _, code: self._on_code(ctypes.string_at(code))),
            func_string(lambda _, word: self._on_login(ctypes.string_at(word))),
            func_callback_bytes(self._on_event),
            func_callback_bytes2(self.custody.listen),
        )
        settings = self._proxy._to_c_struct() if self._proxy else None  # noqa: SLF001 - it has no other way
        proxy = ctypes.byref(settings) if settings else None
        path, name, props = self.client.name.encode(), self.client.uuid, self._props
        self._written = fence.tables.write()
        try:
            if self.closed:
                return b""
            wrong: bytes = fence.Neonize(
                path, name, b"", 0, 0, LOG_LEVEL, *callbacks, subscribed, len(kinds), props, len(props), b"", 0, proxy
            )
        finally:
            self._over.set()
            self._is_listed()
        return wrong

    def _is_listed(self) -> None:
        """The library has the client in its tables, or is done with it."""
        if not self._over.is_set():
            fence.listed(self.client.uuid)
        self._written()
        self._listed.set()
        if self.closed:
            self._say_farewell()

    def _on_code(self, code: bytes) -> None:
        self._is_listed()
        if not self.closed:
            self._on_qr(code.decode())

    def _on_login(self, word: bytes) -> None:
        """What came of linking. Where nothing did, the library would go on to wait for the account, for ever."""
        if word == _LINKED:
            self._linked = True
            self._look.enter_context(fence.tables.looking())  # it looks the client up once more before the first event
        elif word in _ENDS:
            if word == _OUTDATED:
                self._end("outdated")
            else:
                self._enter("disconnected", "qr_timeout" if word == _TIMEOUT else "pairing_refused")
            self._leave(exits.AGAIN if word == _TIMEOUT else exits.RETRY)
            threading.Event().wait()

    def _on_event(self, uuid: int, body: int, size: int, code: int) -> None:
        if code == _ITSELF:
            self._look.close()
            self._running.set()
            self._is_listed()
        with self.custody.handover():
            self.client.event.execute(uuid, body, size, code)

    def close(self) -> None:
        """Close the socket, so that the server knows; `gone` is set once it is, which a dial that hangs delays."""
        self.closed = True
        self.custody.part()
        self._say_farewell().join(_FAREWELL_SECONDS)

    def _say_farewell(self) -> threading.Thread:
        thread = threading.Thread(target=self._part, name="farewell", daemon=True)
        thread.start()
        return thread

    def _part(self) -> None:
        self._listed.wait(_LISTED_SECONDS)
        self.client.disconnect()
        self.gone.set()

    def forget(self) -> None:
        """Have the library let go of the client, once it is gone; what it has not handed over was not acknowledged."""
        if self._running.is_set() or self._over.is_set():  # before that the library aborts over a client it misses
            self.client.stop()

    def log_out(self) -> None:
        """Unlink the account; its credentials are void."""
        self._parting = True
        try:
            self.client.logout()
        except BaseException:
            self._parting = False
            raise
        self.unlinked()

    def pair_phone(self, phone: str) -> str:
        """A code to type into the phone with this number (digits)."""
        params = wire.PairPhoneParams(
            phone=phone, clientDisplayName=_BROWSER, clientType=_CHROME, showPushNotification=True
        ).SerializeToString()
        answer = wire.PairPhoneReturnFunction.FromString(fence.PairPhone(self.client.uuid, params, len(params)))
        if answer.Error:
            raise base.EngineError(f"WhatsApp gave no code: {answer.Error}")
        return str(answer.Code).replace("-", "")

    def look_for_name(self) -> None:
        """The account's name comes some time after the link: report it once it is there."""
        if self._state == "ready" and not self._push_name and self._own_name():
            self._on_connected(again=True)

    def look_for_credentials(self) -> None:
        """A login refused before the library's first event is never told: it waits for what it removed, for ever."""
        if self._linked and not self._running.is_set() and not store.linked(self._directory):
            self._end("logged_out")

    def _own_name(self) -> str:
        me = self.client.get_me()
        known = self.client.contact
        return str(me.PushName or known.get_contact(build_jid(me.JID.User)).PushName)

    # --- what happens

    def _expect(self, name: str, seconds: float, code: int, reason: str) -> None:
        self.watchdog.expect(name, time.monotonic() + seconds, code, reason)

    def _enter(self, state: base.State, reason: str | None = None, **facts: Any) -> None:
        with self._lock:
            if self._state == "failed":
                return
            self._state = state
            (self.ready.set if state == "ready" else self.ready.clear)()
            self._tell(base.StateChanged(state, reason, **facts))

    def _on_qr(self, text: str) -> None:
        self.alive.set()
        seconds = _NEXT_QR_SECONDS if self._codes else _FIRST_QR_SECONDS
        self._tell(base.QrChanged(text, int((time.time() + seconds) * 1000)))
        if self._codes == 0:
            self.watchdog.met("dial")
            self._expect("qr", self._settings.qr_seconds, exits.AGAIN, "qr_timeout")
            self._enter("qr_ready")  # told last: whoever reads it asks for the code
        self._codes += 1

    def _on_paired(self, event: Any) -> None:
        self.watchdog.met("qr", "dial")
        if event.Status == wire.PairStatus.SUCCESS:
            self._expect("link", self._settings.link_seconds, exits.AGAIN, "link_timeout")
            self._enter("authenticating")
        else:
            self._enter("disconnected", "pairing_refused")
            self._leave(exits.RETRY)

    def _on_connected(self, *, again: bool = False) -> None:
        self.watchdog.met("dial", "qr", "link", "outage", "silence")
        self.alive.set()
        me = self.client.get_me()
        self.identify(me.JID.User)
        if self._settings.delivery_receipts and not again:
            self.client.set_force_activate_delivery_receipts(True)
        self._push_name = self._own_name()
        self._enter("ready", None, phone=me.JID.User, push_name=self._push_name or None)

    def _on_lost(self, reason: str) -> None:
        if self._state in ("ready", "disconnected", "initializing"):
            seconds = self._settings.outage_seconds
            self.watchdog.expect_once("outage", time.monotonic() + seconds, exits.AGAIN, "network")
            if self._state != "disconnected":
                self._enter("disconnected", reason)

    def _on_silence(self) -> None:
        """The server does not answer pings: a socket that looks open but is deaf."""
        by = time.monotonic() + self._settings.silent_seconds
        self.watchdog.expect_once("silence", by, exits.AGAIN, "unresponsive")
        if self._state == "ready":
            self._enter("disconnected", "unresponsive")

    def _on_ban(self, event: Any) -> None:
        self._end("banned", until=int(time.time()) + event.Expire if 0 < event.Expire < 1 << 31 else None)

    def _on_refused(self, event: Any) -> None:
        if event.Reason not in (wire.INTERNAL_SERVER_ERROR, wire.SERVICE_UNAVAILABLE, wire.EXPERIMENTAL):
            self._enter("disconnected", "refused")
            self._leave(exits.RETRY)
        else:
            self._on_lost("server_unavailable")

    def _end(self, reason: str, **facts: Any) -> None:
        """For good: nothing but a person can change it."""
        if reason == "logged_out":
            self.unlinked()
            if self._parting:
                return  # asked for: who asked must still get the answer
        self._enter("failed", reason, **facts)
        self._leave(exits.DONE)
