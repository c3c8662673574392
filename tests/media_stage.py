"""What the tests of media share: a picture, a contact, and how to send, hear and fetch."""

import base64
import hashlib
from dataclasses import replace
from typing import Any

from storage import events
from tests.support import Gateway

AYU = "447700900006@c.us"
MESSAGES = "/sessions/my-bot/messages"
CAP = 100_000
PICTURE = bytes(range(256)) * 40
TEXT = base64.b64encode(PICTURE).decode()
IMAGE = {"base64": TEXT, "mimetype": "image/png", "filename": "cat.png"}
DAY = 86_400
SETTINGS = {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "MEDIA_DOWNLOAD_MAX_BYTES": str(CAP), "MEDIA_RETENTION_DAYS": "7"}


def files(gateway: Gateway) -> list[str]:
    return [path.name for path in (gateway.program.config.data_dir / "media").iterdir()]


def post(gateway: Gateway, verb: str = "send-image", headers: dict[str, str] | None = None, **body: Any) -> Any:
    return gateway.post(f"{MESSAGES}/{verb}", json={"chatId": AYU, **body}, headers=headers or {})


def newest(gateway: Gateway) -> dict[str, Any]:
    return dict(gateway.get(f"{MESSAGES}?limit=1").json["messages"][0])


def fetched(gateway: Gateway, message: dict[str, Any], **headers: str) -> Any:
    return gateway.get(message["metadata"]["media"]["url"].removeprefix("/api"), headers=headers)


def received(gateway: Gateway) -> list[tuple[str, str]]:
    """Kind and digest of what arrived."""
    return [(entry["type"], entry["digest"]) for entry in gateway.world.control.inbox(AYU)]


def heard(gateway: Gateway, kind: Any = "image", mimetype: str = "image/png", name: str | None = "cat.png") -> Any:
    """Ayu writes a message with the picture."""
    session = gateway.get("/sessions/my-bot").json["id"]
    draft = gateway.world.control.media(kind, PICTURE, mimetype, name)
    gateway.world.control.write(session, AYU, replace(draft, body="Look!"))
    gateway.clock.advance()
    return newest(gateway)


def forward(gateway: Gateway, message: dict[str, Any], to: str = "447700900007@c.us") -> dict[str, Any]:
    """The message passed on, as it is kept."""
    body = {"fromChatId": message["chatId"], "toChatId": to, "messageId": message["waMessageId"]}
    assert gateway.post(f"{MESSAGES}/forward", json=body).status_code == 201
    return newest(gateway)


def told(gateway: Gateway, kind: str) -> list[dict[str, Any]]:
    with gateway.program.db.read() as tx:
        return [row.data for row in events.page(tx, 0, 1000) if row.type == kind]


def turn(gateway: Gateway) -> None:
    for future in gateway.program.sender.turn(gateway.clock.now()):
        future.result(10)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
