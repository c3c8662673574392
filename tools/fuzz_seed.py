"""What stands in the gateway before it is fuzzed, so that more is seen than 404: tools/fuzz.toml speaks of it."""

from typing import Any

from tools.stage import Gateway

LINKED = ("seeded", *(f"linked-spare-{number}" for number in range(8)))
WAITING = tuple(f"waiting-{number}" for number in range(8))  # each is linked or paired once, and waits no more
_RING = {"from": "447700900006@c.us"}
SPARE = tuple(f"spare-{number}" for number in range(20))  # schemathesis also ends sessions that it has seen in a list


def seed(gateway: Gateway, receiver: str) -> dict[str, list[Any]]:
    """Sessions, of which some are linked, messages both ways, keys and so on; names and ids by dictionary."""
    (own,) = gateway.ask("GET", "/auth/api-keys")
    _sessions(gateway)
    hook = {"url": receiver, "events": ["*"]}
    webhooks = [gateway.ask("POST", "/sessions/seeded/webhooks", hook)["id"] for _ in range(3)]
    texts = [{"chatId": f"44770090000{number}@c.us", "text": f"Hello {number}"} for number in range(5)]
    sent = [gateway.ask("POST", "/sessions/seeded/messages/send-text", text)["messageId"] for text in texts]
    picture = {"chatId": "447700900001@c.us", "base64": "iVBORw0KGgo=", "mimetype": "image/png"}
    pictures = [gateway.ask("POST", "/sessions/seeded/messages/send-image", picture)["messageId"] for _ in range(8)]
    hello = [{"name": name, "body": "Hello {{name}}!"} for name in ("order-shipped", *"abcdefgh")]
    templates = [gateway.ask("POST", "/sessions/seeded/templates", one)["id"] for one in hello]
    _later(gateway)
    written = {"from": "447700900006@c.us", "text": "Hello back"}
    heard = [gateway.ask("POST", "/simulator/sessions/seeded/messages", written)["messageId"] for _ in range(12)]
    batch = {"messages": [{"chatId": "447700900007@c.us", "type": "text", "content": {"text": "Hello all"}}] * 50}
    batches = [gateway.ask("POST", "/sessions/seeded/messages/send-bulk", batch)["batchId"] for _ in range(3)]
    keys = [
        gateway.ask("POST", "/auth/api-keys", {"name": f"A spare {role}", "role": role})["id"]
        for role in ("viewer", "operator", "admin")
    ]
    club = {"name": "Chess club", "participants": ["447700900006@c.us", "447700900007@c.us"]}
    groups = [gateway.ask("POST", "/sessions/seeded/groups", club)["id"] for _ in range(8)]
    morning = {"text": "Good morning"}
    statuses = [gateway.ask("POST", "/sessions/seeded/status/send-text", morning)["statusId"] for _ in range(8)]
    cat = {"image": {"base64": "aGVsbG8="}}
    statuses += [gateway.ask("POST", "/sessions/seeded/status/send-image", cat)["statusId"] for _ in range(4)]
    calls = [gateway.ask("POST", "/simulator/sessions/seeded/calls", _RING)["callId"] for _ in range(8)]
    sends = [send["id"] for send in gateway.ask("GET", "/sessions/seeded/sends?status=queued")]
    listed = gateway.ask("GET", f"/sessions/seeded/webhooks/{webhooks[0]}/deliveries?limit=20")
    return {
        **_example(gateway),
        "recipes": _recipes(gateway, statuses[8:]),
        "needed": ["seeded", gateway.ask("GET", "/sessions/seeded")["id"], own["id"]],
        "linked_spares": [*LINKED[1:]], "waiting": [*WAITING], "spares": [*SPARE[:4], *LINKED[1:]],
        "heard": heard, "groups": groups[:6], "groups_to_leave": groups[6:], "statuses": statuses, "calls": calls,
        "templates": templates, "pictures": pictures,
        "webhooks": webhooks, "messages": sent + heard, "batches": batches, "keys": keys, "sends": sends,
        "deliveries": [delivery["id"] for delivery in listed] or ["dlv_6f1d2c3b-4a5e-8f60-9171-8293a4b5c6d7"],
    }  # fmt: skip


def _later(gateway: Gateway) -> None:
    later = {"chatId": "447700900008@c.us", "text": "Hello later", "sendAt": "2999-01-01T00:00:00.000Z"}
    for _ in range(3):
        gateway.ask("POST", "/sessions/seeded/messages/send-text", later)


def _example(gateway: Gateway) -> dict[str, list[str]]:
    """A chat with the person of the document's examples."""
    said = {"chatId": "628123456789@c.us", "text": "Hello from OpenWA!"}
    heard = {"from": "628123456789@c.us", "text": "Hello!"}
    to, fro = "/sessions/seeded/messages/send-text", "/simulator/sessions/seeded/messages"
    return {
        "said_to_example": [gateway.ask("POST", to, said)["messageId"] for _ in range(8)],
        "heard_from_example": [gateway.ask("POST", fro, heard)["messageId"] for _ in range(4)],
    }


def _recipes(gateway: Gateway, pictures: list[str]) -> list[dict[str, Any]]:
    """Requests that succeed where chance does not, as of a message and the chat it stands in; parts of them.

    tools/fuzz_hooks.py puts them into some that are generated. No dictionary names what they need.
    """
    ada = "447700900006@c.us"
    hello, kept = {"chatId": ada, "text": "Hello"}, {"name": "kept", "body": "Hello"}
    said = [gateway.ask("POST", "/sessions/seeded/messages/send-text", hello)["messageId"] for _ in range(4)]
    gateway.ask("POST", "/sessions/seeded/templates", kept)
    hi = {"from": ada, "text": "Hello"}
    heard = gateway.ask("POST", "/simulator/sessions/seeded/messages", hi)["messageId"]
    archive = gateway.ask("GET", "/infra/storage/export")["download"]
    message = {"chatId": ada, "messageId": said[0]}
    one = {"chatId": ada, "type": "text", "content": {"text": "Hello"}}
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("messages.reply", {**hello, "quotedMessageId": said[0]}),
        ("messages.react", {**message, "emoji": "👍"}),
        ("messages.edit", {**message, "body": "Hello, too"}),
        *(("messages.delete", {**message, "messageId": known}) for known in said[1:]),
        ("messages.send_template", {"chatId": ada, "templateName": "kept"}),
        ("bulk.send", {"messages": [one]}),
        ("groups.join", {"inviteCode": "SimulatorOpenHouse0001"}),
        ("channels.subscribe", {"inviteCode": "0029SimulatorWeather01"}),
        ("profile.set_picture", {"base64": "/9j/4AAQSkZJRg==", "mimetype": "image/jpeg"}),
    ]
    return [
        *({"operation": name, "path": {"sessionId": "seeded"}, "body": body} for name, body in bodies),
        *({"operation": "status.get_media", "path": {"sessionId": "seeded", "statusId": id_}} for id_ in pictures),
        {"operation": "labels.add", "path": {"sessionId": "seeded", "chatId": ada}, "body": {"labelId": "5"}},
        {"operation": "messages.reactions", "path": {"sessionId": "seeded", **message}},
        {"operation": "simulator.edit", "path": {"sessionId": "seeded", "messageId": heard}, "body": {"text": "Hi"}},
        {"operation": "infra.import_storage", "body": {"filePath": archive}},
    ]


def _sessions(gateway: Gateway) -> None:
    for name in (*LINKED, *WAITING, *SPARE):
        gateway.ask("POST", "/sessions", {"name": name})
    for name in (*LINKED, *WAITING):
        gateway.ask("POST", f"/sessions/{name}/start")
    for name in (*LINKED, *WAITING):
        gateway.until(name, "qr_ready")
    for name in LINKED:
        gateway.ask("POST", f"/simulator/sessions/{name}/scan")
    for name in LINKED:
        gateway.until(name, "ready")
