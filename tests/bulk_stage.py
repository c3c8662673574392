"""What the tests of bulk sends share: batches, and the two loops that send them, turned by hand."""

from typing import Any

from gateway.bulk import Bulk
from gateway.program import Program
from tests.support import Gateway

AYU = "447700900006@c.us"
BIMA = "447700900007@c.us"
URL = "/sessions/my-bot/messages"


def item(body: str, chat: str = AYU, **variables: Any) -> dict[str, Any]:
    """A message of a batch."""
    return {"chatId": chat, "type": "text", "content": {"text": body}, "variables": variables}


def bulk(
    gateway: Gateway, *messages: Any, batch_id: str | None = None, headers: dict[str, str] | None = None, **options: Any
) -> Any:
    """Send a batch, without chance in its pauses unless the options have it."""
    body: dict[str, Any] = {"messages": list(messages), "options": {"randomizeDelay": False, **options}}
    body |= {"batchId": batch_id} if batch_id else {}
    return gateway.post(f"{URL}/send-bulk", json=body, headers=headers or {})


def status(gateway: Gateway, batch_id: str = "b") -> Any:
    """Where the batch stands."""
    return gateway.get(f"{URL}/batch/{batch_id}").json


def received(gateway: Gateway, chat: str = AYU) -> list[str]:
    """What a contact received."""
    return [entry["body"] for entry in gateway.world.control.inbox(chat)]


def faults(gateway: Gateway, kind: Any, **more: Any) -> None:
    """What befalls the session's next send."""
    gateway.world.control.fail_sends(gateway.get("/sessions/my-bot").json["id"], kind, **more)


def only_send(gateway: Gateway) -> Any:
    """The session's one send."""
    (send,) = gateway.get("/sessions/my-bot/sends").json
    return send


def turn(gateway: Gateway, loop: Bulk | None = None) -> None:
    """One turn of the batches, then one of the send queue, to its end."""
    (loop or gateway.program.bulk).turn(gateway.clock.now())
    for future in gateway.program.sender.turn(gateway.clock.now()):
        future.result(10)  # type: ignore[attr-defined]


def wait(gateway: Gateway, seconds: float) -> None:
    """Time passes, then both loops take their turn."""
    gateway.clock.advance(seconds)
    turn(gateway)


def run(gateway: Gateway, turns: int = 12) -> None:
    """Time enough for a batch of a few items to end."""
    for _ in range(turns):
        turn(gateway)
        gateway.clock.advance(3)


def kill(gateway: Gateway) -> Gateway:
    """The gateway is killed; one that is started again, on the same database and the same WhatsApp."""
    old = gateway.program
    for session in old.engines.running():
        old.engines.stop(session, lambda engine: engine.kill())
    old.db.close()
    return Gateway(Program(old.config, now=gateway.clock.now, world=gateway.world), gateway.clock, gateway.world)
