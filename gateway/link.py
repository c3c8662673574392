"""`openwa link`: make a session, start it and link a phone to it, through the API of the gateway that runs here."""

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

import urllib3

from gateway.config import Config
from gateway.terminal import drawn

_EVERY = 1.0
_LOST = "lost"
_LOCAL = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


class Unlinked(Exception):
    """It did not work; the message says why."""


class Api:
    """The gateway's API with the key that is kept beside its database."""

    def __init__(self, settings: Config, pause: Callable[[float], None] = time.sleep) -> None:
        host = "127.0.0.1" if settings.host in _LOCAL else settings.host
        host = f"[{host}]" if ":" in host else host
        self.url = f"http://{host}:{settings.port}/api"
        file = settings.data_dir / ".api-key"
        key = file.read_text().strip() if file.exists() else settings.api_master_key
        if not key:
            raise Unlinked(f"There is no key in {file}; set API_MASTER_KEY to one that may make sessions")
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._pause = pause
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(40), retries=False)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of an answer; waits where the gateway asks to come back later. Raises Unlinked."""
        while True:
            try:
                sent = None if body is None else json.dumps(body)
                answer = self._http.request(method, self.url + path, headers=self._headers, body=sent)
            except urllib3.exceptions.HTTPError as error:
                raise Unlinked(f"No gateway answers on {self.url}: run 'openwa serve' in another terminal") from error
            if answer.status != 429:
                return answer.status, json.loads(answer.data)
            self._pause(int(answer.headers.get("Retry-After", "1")))

    def must(self, method: str, path: str, body: Any = None, *, also: tuple[int, ...] = ()) -> Any:
        """The body of a success, or of one of these statuses. Raises Unlinked with what the gateway says."""
        status, said = self.call(method, path, body)
        if status >= 300 and status not in also:
            told = said.get("message", said)
            raise Unlinked("; ".join(told) if isinstance(told, list) else str(told))
        return said

    def wait(self) -> None:
        self._pause(_EVERY)


def link(api: Api, name: str, phone: str | None, out: TextIO) -> None:
    """Create, start and link; returns once the session is ready. Raises Unlinked."""
    api.must("POST", "/sessions", {"name": name}, also=(409,))
    path, shown = f"/sessions/{name}", ""
    api.call("POST", f"{path}/start")  # where it runs already, that is fine
    while True:
        session = api.must("GET", path)
        status = session["status"]
        if status == "ready":
            print(f"'{name}' is linked as +{session['phone']}.", file=out, flush=True)
            return
        if status == "failed":
            raise Unlinked(f"'{name}' has failed: {session['lastError']}")
        if status == "qr_ready":
            shown = _show(api, path, phone, shown, out)
        elif status == "disconnected" and shown != _LOST:
            print("Not connected to WhatsApp; the gateway goes on trying.", file=out, flush=True)
            shown = _LOST
        elif shown and status == "initializing":
            shown = shown if shown == _LOST else ""  # these codes are over: the next ones are new
        api.wait()


def _show(api: Api, path: str, phone: str | None, shown: str, out: TextIO) -> str:
    """Show the newest code, unless it is the one shown; what is shown now."""
    if phone and shown not in ("", _LOST):
        return shown
    status, said = (
        api.call("POST", f"{path}/pairing-code", {"phoneNumber": phone}) if phone else api.call("GET", f"{path}/qr")
    )
    if status >= 300:
        if phone:
            raise Unlinked(str(said.get("message")))
        return shown  # it was scanned this very moment
    code = said["pairingCode"] if phone else said["qrText"]
    if code != shown:
        where = "WhatsApp → Linked devices → Link with phone number" if phone else "WhatsApp → Linked devices"
        print(f"\n{where}:\n\n{code if phone else drawn(code)}\n", file=out, flush=True)
    return str(code)
