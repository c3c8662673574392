"""A gateway as a process of its own, with a phone and people around it: what a user has, and all that a test may touch.

`Simulated` and `Real` are the same house on either engine, so that one suite runs over both.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.receiver import Receiver
from tests.whatsapp.contact import Contact
from tests.whatsapp.double import Double
from tools.faults.server import Server

PATIENCE = 30.0
_ENVIRONMENT = {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "WEBHOOK_RETRY_DELAY": "100", "METRICS_TOKEN": "t" * 16}


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What the condition gives once it gives something true; fails where it does not in time."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"it did not happen within {seconds} s"
        time.sleep(0.02)
    return found


class Person:
    """Somebody with WhatsApp; `address` is neutral."""

    address: str

    def got(self, text: str) -> str:
        """Wait until a message with this text reached the person; its kind."""
        raise NotImplementedError

    def says(self, text: str) -> None:
        """The person writes to the account of the house's session."""
        raise NotImplementedError


class House:
    """A gateway process and its session `my-bot`."""

    def __init__(self, folder: Path, receiver: Receiver, **environment: str) -> None:
        self.folder, self.receiver = folder, receiver
        self.server = Server(folder, f"sqlite:///{folder / 'openwa.sqlite'}", {**_ENVIRONMENT, **environment})
        self.session = ""

    def open(self) -> None:
        """Start the gateway and make the session, with a webhook for everything."""
        self.server.start()
        self.server.await_health()
        self.session = self.ask("POST", "/sessions", {"name": "my-bot"})["id"]
        self.ask("POST", "/sessions/my-bot/webhooks", {"url": f"{self.receiver.url}/hook", "events": ["*"]})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request that has to succeed; its JSON."""
        return self.server.insist(method, path, body)

    def bot(self, method: str, path: str, body: Any = None) -> Any:
        """As `ask`, about the session."""
        return self.ask(method, f"/sessions/my-bot{path}", body)

    @property
    def status(self) -> str:
        return str(self.bot("GET", "")["status"])

    def reach(self, status: str) -> None:
        eventually(lambda: self.status == status)

    def start(self) -> None:
        """Start the session and wait for a code."""
        self.bot("POST", "/start")
        self.reach("qr_ready")

    def link(self) -> None:
        self.start()
        self.scan()
        self.reach("ready")

    def told(self, event: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Wait until the webhook was told of this; the payload's data."""

        def found() -> Any:
            payloads = [one.json for one in list(self.receiver.received)]
            return next((p["data"] for p in payloads if p["event"] == event and wanted(p["data"])), None)

        return dict(eventually(found))

    def send(self, path: str, body: dict[str, Any]) -> str:
        """Send something; the message's id."""
        return str(self.bot("POST", f"/messages/{path}", body)["messageId"])

    def close(self) -> None:
        self.server.kill()

    # --- the other side

    def scan(self) -> None:
        """The phone scans the code that is shown."""
        raise NotImplementedError

    def type_code(self, code: str) -> None:
        """The pairing code is typed on the phone."""
        raise NotImplementedError

    def person(self) -> Person:
        """Somebody whom no other test writes with."""
        raise NotImplementedError


class Simulated(House):
    """On the simulator: the other side is played by its own operations."""

    number = "628123456789"

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        super().__init__(folder, receiver, SIMULATOR_LINK_AFTER="600000")
        self._count = 0

    def scan(self) -> None:
        self.ask("POST", "/simulator/sessions/my-bot/scan")

    def type_code(self, code: str) -> None:
        assert code
        self.scan()

    def person(self) -> Person:
        self._count += 1
        made = {"number": f"4477000000{self._count:02}", "name": f"Person {self._count}"}
        return _Simulated(self, self.ask("POST", "/simulator/contacts", made)["id"])


class _Simulated(Person):
    def __init__(self, house: House, address: str) -> None:
        self._house, self.address = house, address

    def got(self, text: str) -> str:
        inbox = f"/simulator/contacts/{self.address}/inbox?limit=1000"
        find = lambda: next((one for one in self._house.ask("GET", inbox) if text in str(one)), None)  # noqa: E731
        return str(eventually(find)["type"])

    def says(self, text: str) -> None:
        body = {"from": self.address, "text": text}
        self._house.ask("POST", "/simulator/sessions/my-bot/messages", body)


class Real(House):
    """On the real engine against the double."""

    def __init__(self, folder: Path, receiver: Receiver, double: Double, **environment: str) -> None:
        paths = os.pathsep.join([double.environment["PYTHONPATH"], str(Path.cwd())])
        lead = {**double.environment, "PYTHONPATH": paths, "ENGINE_TYPE": "whatsmeow", **environment}
        super().__init__(folder, receiver, **lead)
        self.double = double
        self.phone = double.phone("Owner")
        self.number = self.phone.account.phone.user

    def scan(self) -> None:
        self.double.run(self.phone.scan(self.bot("GET", "/qr")["qrText"]))

    def type_code(self, code: str) -> None:
        self.double.run(self.phone.type_code(code))

    def person(self) -> Person:
        return _Real(self, self.double.contact("Somebody"))

    def workers(self) -> list[int]:
        """The process ids of the gateway's workers."""
        found = []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if (
                    str(self.folder).encode() in (process / "environ").read_bytes()
                    and b"whatsmeow.worker" in (process / "cmdline").read_bytes()
                ):
                    found.append(int(process.name))
        return found


class _Real(Person):
    def __init__(self, house: Real, contact: Contact) -> None:
        self.contact, self._house = contact, house
        self.address = f"{contact.account.phone.user}@c.us"

    def got(self, text: str) -> str:
        while True:
            received = self.contact.next()
            if text in str(received.message):
                return next(field.name for field, _ in received.message.ListFields() if "Context" not in field.name)

    def says(self, text: str) -> None:
        self._house.double.run(self.contact.say(self._house.phone.account, text))
