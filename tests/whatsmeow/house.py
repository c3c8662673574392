"""A gateway as a process of its own, with a phone and people around it: what a user has, and all that a test may touch.

`Simulated` and `Real` are the same house on either engine, so that one suite runs over both.
"""

import base64
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.receiver import Receiver
from tests.whatsapp.contact import Contact
from tests.whatsapp.double import Double
from tests.whatsapp.schema import common, e2e
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

    def says(self, text: str, **more: Any) -> str:
        """The person writes to the account of the house's session; the message's id as the person has it.

        `more` is one of location, contact, poll and media, as the simulator's API takes them.
        """
        raise NotImplementedError

    def does(self, what: str, message_id: str, text: str = "") -> None:
        """The person does edit or revoke its own message, or react to one of the session."""
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

    def says(self, text: str, **more: Any) -> str:
        body = {"from": self.address, "text": text, **more}
        return str(self._house.ask("POST", "/simulator/sessions/my-bot/messages", body)["messageId"])

    def does(self, what: str, message_id: str, text: str = "") -> None:
        bodies = {"edit": {"text": text}, "revoke": None, "react": {"from": self.address, "emoji": text}}
        self._house.ask("POST", f"/simulator/sessions/my-bot/messages/{message_id}/{what}", bodies[what])


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

    def says(self, text: str, **more: Any) -> str:
        return self._say(_written(self.contact, text, **more) if more else text)

    def does(self, what: str, message_id: str, text: str = "") -> None:
        stanza, chat = message_id.split("_")[2], str(self._house.phone.account.lid)
        key = common.MessageKey(remoteJID=chat, fromMe=what != "react", ID=stanza)
        if what == "react":
            self._say(e2e.Message(reactionMessage={"key": key, "text": text}))
        elif what == "revoke":
            self._say(e2e.Message(protocolMessage={"type": e2e.ProtocolMessage.REVOKE, "key": key}), edit="7")
        else:
            edit = {"type": e2e.ProtocolMessage.MESSAGE_EDIT, "key": key, "editedMessage": {"conversation": text}}
            self._say(e2e.Message(editedMessage={"message": {"protocolMessage": edit}}), edit="1")

    def _say(self, what: Any, **attrs: Any) -> str:
        return self._house.double.run(self.contact.say(self._house.phone.account, what, **attrs))


def _written(writer: Contact, text: str, **more: Any) -> Any:
    """What a phone makes of a message of this kind."""
    match more:
        case {"location": place}:
            point = {"degreesLatitude": place["latitude"], "degreesLongitude": place["longitude"], "name": text}
            return e2e.Message(locationMessage=point)
        case {"contact": card}:
            vcard = f"BEGIN:VCARD\nFN:{card['name']}\nTEL;waid={card['number']}:+{card['number']}\nEND:VCARD"
            return e2e.Message(contactMessage={"displayName": card["name"], "vcard": vcard})
        case {"poll": poll}:
            options = [{"optionName": name} for name in poll["options"]]
            return e2e.Message(pollCreationMessageV3={"name": poll["name"], "options": options})
        case {"media": media}:
            field = f"{'audio' if media['kind'] == 'voice' else media['kind']}Message"
            part = {**blob(writer, field[:5] if field == "audioMessage" else media["kind"],
                           base64.b64decode(media["base64"])), "mimetype": media["mimetype"]}  # fmt: skip
            part |= {"PTT": True} if media["kind"] == "voice" else {}
            part |= {"caption": text} if media["kind"] in ("image", "video", "document") else {}
            return e2e.Message(**{field: part})
    raise ValueError(more)


def blob(contact: Contact, kind: str, data: bytes) -> dict[str, object]:
    """The media fields of a message that a contact sends."""
    stored = contact.upload(kind, data)
    return {
        "directPath": stored.direct_path,
        "URL": f"https://mmg.whatsapp.net{stored.direct_path}",
        "mediaKey": stored.key,
        "fileSHA256": stored.sha256,
        "fileEncSHA256": stored.encrypted_sha256,
        "fileLength": stored.size,
    }
