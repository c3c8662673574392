"""A simulated session's life: how it links, connects, loses its connection and ends."""

import itertools
import json
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines import addresses, base
from engines.capabilities import CAPABILITIES
from engines.simulator.clock import Timer
from engines.simulator.control import Handles, Terminal
from engines.simulator.dispatch import Dispatcher, Parcel
from engines.simulator.people import stanza_of
from engines.simulator.world import World

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
_ROTATIONS = (60.0, 20.0, 20.0, 20.0, 20.0, 20.0)
_FORGETTING: tuple[Terminal, ...] = ("logged_out", "banned")
_FAREWELL = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds; `deadline` is the longest any call takes."""

    connect: float = 0.05
    authenticate: float = 0.2
    deadline: float = 30.0


class Life:
    """One session.

    `link_after` is how many seconds a code is shown before the session's phone scans it: 0 at once, None not before
    `World.control.scan`.
    """

    capabilities = CAPABILITIES["simulator"]

    def __init__(
        self,
        account: base.Account,
        sink: base.Sink,
        world: World,
        *,
        link_after: float | None = 2.0,
        pace: Pace | None = None,
    ) -> None:
        self._link_after = link_after
        self._pace = pace or (Pace(connect=0.0, authenticate=0.0) if link_after == 0 else Pace())
        self._sink = sink
        self._world = world
        self._account = world.account(account.session_id)
        self._name = account.name
        self._credentials = Path(account.directory) / "simulator.json"
        self._lock = threading.RLock()
        self._state: base.State = "created"
        self._dispatcher: Dispatcher | None = None
        self._timers: dict[int, Timer] = {}
        self._steps = itertools.count()
        self._qr: base.Qr | None = None
        self._handles = Handles(self._scan, self._drop, self._end)

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect. Raises WrongState when started already."""
        if self._state == "failed":
            self._leave(farewell=None)
        with self._lock:
            if self._dispatcher is not None:
                raise base.WrongState("Session is already started")
            acknowledge = self._world.acknowledger(self._account)
            self._dispatcher = Dispatcher(self._world.clock, self._sink, self._world.unpack, acknowledge)
            dispatcher = self._dispatcher
            self._world.control.connect(self._account.session_id, self._handles)
            self._enter("initializing")
            self._later(self._pace.connect, self._connect)
        dispatcher.flush(_FAREWELL)

    def stop(self) -> None:
        """Disconnect; credentials stay."""
        self._leave(farewell=base.StateChanged("disconnected"))

    def kill(self) -> None:
        """Be gone at once; nothing more is reported."""
        self._leave(farewell=None)

    def logout(self) -> None:
        """Unlink the account and forget its credentials. Raises NotConnected when WhatsApp cannot be told."""
        self._ready()
        self._leave(farewell=base.StateChanged("disconnected", "logged_out"))
        self._forget()

    def qr(self) -> base.Qr:
        """The code to scan now. Raises WrongState when none is shown."""
        with self._lock:
            if self._state == "ready":
                raise base.WrongState("Session is already authenticated, no QR code needed")
            if self._qr is None:
                raise base.WrongState("QR code is not ready yet. Please wait...")
            return self._qr

    def pairing_code(self, phone: str) -> str:
        """A code of eight characters for the phone with that number, which becomes the account's. Raises WrongState."""
        number = addresses.from_phone(phone).partition("@")[0]
        self.qr()
        self._account.phone = number
        return "".join(secrets.choice(_ALPHABET) for _ in range(8))

    # --- state by state --------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._credentials.exists():
            self._become_ready()
            return
        if self._account.linked:
            self._world.unlink_account(self._account)
        self._show_qr(0)
        if self._link_after is not None:
            self._later(self._link_after, self._scan)

    def _show_qr(self, turn: int) -> None:
        if turn == len(_ROTATIONS):
            self._qr = None
            self._enter("disconnected", "qr_timeout")
            self._enter("initializing")
            self._later(self._pace.connect, self._connect)
            return
        expires = self._world.clock.now() + int(_ROTATIONS[turn] * 1000)
        self._qr = base.Qr(self._qr_text(expires), expires)
        if turn == 0:
            self._enter("qr_ready")
        self._report(base.QrChanged(self._qr.text, self._qr.expires_at))
        self._later(_ROTATIONS[turn], lambda: self._show_qr(turn + 1))

    def _qr_text(self, expires: int) -> str:
        """Of the session's name, so that a hundred tests with the same one show, and draw, the same code."""
        parts = [stanza_of(f"{self._name} {expires} {part}") for part in range(8)]
        keys = ",".join("".join(parts[index : index + 2]) + "=" for index in range(2, 8, 2))
        return f"https://wa.me/settings/linked_devices#2@{''.join(parts[:2])},{keys},1"

    def _scan(self) -> None:
        """The phone took the code, whichever it was."""
        with self._lock:
            if self._state != "qr_ready":
                raise base.WrongState("No code is shown")
            self._cancel()
            self._qr = None
            self._enter("authenticating")
            self._later(self._pace.authenticate, self._link)

    def _link(self) -> None:
        self._save_credentials()
        self._become_ready()

    def _save_credentials(self) -> None:
        self._credentials.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = json.dumps({"phone": self._account.phone, "name": self._account.name})
        fresh = self._credentials.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        fresh.replace(self._credentials)

    def _become_ready(self) -> None:
        dispatcher = self._dispatcher
        if dispatcher is None:
            return
        known = json.loads(self._credentials.read_text(encoding="utf-8"))
        self._account.phone, self._account.name = known["phone"], known["name"]
        if not self._account.linked:
            self._world.link_account(self._account)
        self._state = "ready"
        dispatcher.push([Parcel(base.StateChanged("ready", None, known["phone"], known["name"]))])
        dispatcher.push([Parcel(base.SendFinished(key, self._account.sent[key])) for key in self._account.unheard])
        self._account.unheard.clear()
        self._world.attach(self._account, dispatcher.push)

    def _drop(self, seconds: float) -> None:
        with self._lock:
            if self._dispatcher is None or self._state == "failed":
                raise base.WrongState("Session is not started")
            self._cancel()
            self._world.detach(self._account)
            self._qr = None
            self._enter("disconnected", "network")
            self._later(seconds, self._reconnect)

    def _reconnect(self) -> None:
        self._enter("initializing")
        self._later(self._pace.connect, self._connect)

    def _end(self, reason: Terminal) -> None:
        with self._lock:
            self._cancel()
            self._world.detach(self._account)
            self._qr = None
            if reason in _FORGETTING:
                self._forget()
            self._enter("failed", reason)

    # --- helpers ---------------------------------------------------------------------------------

    def _ready(self) -> None:
        if self._state != "ready":
            raise base.NotConnected("Session is not connected. The WhatsApp client is not ready.")

    def _now(self) -> int:
        return self._world.clock.now() // 1000

    def _enter(self, state: base.State, reason: str | None = None) -> None:
        self._state = state
        self._report(base.StateChanged(state, reason))

    def _report(self, event: base.Event) -> None:
        if self._dispatcher is not None:
            self._dispatcher.push([Parcel(event)])

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        """Take a step of this session's life later, unless something else ends it before."""
        number = next(self._steps)
        with self._lock:
            self._timers[number] = self._world.clock.call_later(seconds, lambda: self._step(number, step))

    def _step(self, number: int, step: Callable[[], None]) -> None:
        with self._lock:
            if self._timers.pop(number, None) is not None:
                step()

    def _cancel(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _leave(self, farewell: base.StateChanged | None) -> None:
        with self._lock:
            dispatcher, self._dispatcher = self._dispatcher, None
            self._cancel()
            self._world.detach(self._account)
            self._world.control.disconnect(self._account.session_id, self._handles)
            self._state, self._qr = "disconnected", None
        if dispatcher is None:
            return
        if farewell is not None:
            dispatcher.push([Parcel(farewell)])
            dispatcher.flush(_FAREWELL)
        dispatcher.close(_FAREWELL)

    def _forget(self) -> None:
        self._credentials.unlink(missing_ok=True)
        self._world.unlink_account(self._account)
