"""The account's connection: neonize's client, and the state that its events prove."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neonize import events as happen
from neonize._binder import ProxySettings, consume_bytes_struct, gocode
from neonize.client import NewClient
from neonize.exc import NeonizeError
from neonize.proto import Neonize_pb2 as wire
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.utils.jid import build_jid

from engines import addresses, base
from engines.whatsmeow import exits
from engines.whatsmeow.frames import Settings
from engines.whatsmeow.inside import store
from engines.whatsmeow.inside.watchdog import Watchdog

_FIRST_QR_SECONDS, _NEXT_QR_SECONDS = 60, 20
_BROWSER = "Chrome (Linux)"  # the server checks "Browser (OS)"
_CHROME = 1
_FAREWELL_SECONDS = 1.5

# neonize forgot this result converter: without it a vote raises TypeError
gocode.DecryptPollVote.errcheck = consume_bytes_struct

Tell = Callable[[base.Event], None]
Leave = Callable[[int], None]


class Session:
    """One client. `tell` reports what matters now, `leave` ends the worker with an exit code, soon.

    `alive` is set once the library knows the client: asked before, it aborts. `identify` is told the account's digits,
    `unlinked` that its credentials are void.
    """

    def __init__(self, directory: Path, settings: Settings, proxy_url: str | None, tell: Tell, leave: Leave) -> None:
        self._settings, self._tell, self._leave = settings, tell, leave
        self._proxy = ProxySettings(proxy_url) if proxy_url else None
        props = DeviceProps(os=settings.device_name, platformType=DeviceProps.CHROME)
        # a fresh name per start: the death of an object with the same name would stop this one
        self.client: Any = NewClient(str(directory / store.NAME), uuid=uuid.uuid4().hex, props=props)
        self.watchdog = Watchdog()
        self.alive, self.ready = threading.Event(), threading.Event()
        self.identify: Callable[[str], None] = lambda _: None
        self.unlinked: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._state: base.State = "initializing"
        self._codes = 0
        self._push_name = ""
        self._parting = False
        self._listen()

    @property
    def state(self) -> base.State:
        return self._state

    def _listen(self) -> None:
        self.client.qr(lambda _, data: self._on_qr(data.decode()))
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
        """Connect and stay until the client ends; the worker is told to leave where that was not asked for."""
        self._expect("dial", self._settings.dial_seconds, exits.RETRY, "network")
        try:
            self.client.connect(self._proxy)
        except NeonizeError:
            self._on_lost("network")
        self._leave(exits.RETRY)

    def close(self) -> None:
        """Close the socket, so that the server knows; nothing here may hang or race with calls under way."""
        with contextlib.suppress(RuntimeError):
            farewell = threading.Thread(target=self.client.disconnect, daemon=True)
            farewell.start()
            farewell.join(_FAREWELL_SECONDS)

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
        answer = wire.PairPhoneReturnFunction.FromString(gocode.PairPhone(self.client.uuid, params, len(params)))
        if answer.Error:
            raise base.EngineError(f"WhatsApp gave no code: {answer.Error}")
        return str(answer.Code).replace("-", "")

    def look_for_name(self) -> None:
        """The account's name comes some time after the link: report it once it is there."""
        if self._state == "ready" and not self._push_name and self._own_name():
            self._on_connected(again=True)

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
        if self._codes == 0:
            self.watchdog.met("dial")
            self._expect("qr", self._settings.qr_seconds, exits.AGAIN, "qr_timeout")
            self._enter("qr_ready")
        self._codes += 1
        self._tell(base.QrChanged(text, int((time.time() + seconds) * 1000)))

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


def phone_digits(text: str) -> str:
    """The digits of a phone number. Raises addresses.BadAddress."""
    return addresses.from_phone(text).partition("@")[0]
