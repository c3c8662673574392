"""What stands in the gateway before it is fuzzed, so that more is seen than 404: tools/fuzz.toml speaks of it."""

from typing import Any

from tools.stage import Gateway

LINKED = ("seeded", *(f"linked-spare-{number}" for number in range(8)))
WAITING = tuple(f"waiting-{number}" for number in range(8))  # each is linked or paired once, and waits no more
_ADA, _BEN = "447700900006@c.us", "447700900007@c.us"
SPARE = tuple(f"spare-{number}" for number in range(20))  # schemathesis also ends sessions that it has seen in a list


def seed(gateway: Gateway, receiver: str) -> dict[str, list[str]]:
    """Sessions, of which some are linked, messages both ways, keys and so on; names and ids by dictionary."""
    _sessions(gateway)
    hook = {"url": receiver, "events": ["*"]}
    webhooks = [gateway.ask("POST", "/sessions/seeded/webhooks", hook)["id"] for _ in range(3)]
    texts = [{"chatId": f"44770090000{number}@c.us", "text": f"Hello {number}"} for number in range(5)]
    sent = [gateway.ask("POST", "/sessions/seeded/messages/send-text", text)["messageId"] for text in texts]
    picture = {"chatId": "447700900001@c.us", "base64": "iVBORw0KGgo=", "mimetype": "image/png"}
    pictures = [gateway.ask("POST", "/sessions/seeded/messages/send-image", picture)["messageId"] for _ in range(8)]
    hello = [{"name": name, "body": "Hello {{name}}!"} for name in ("order-shipped", *"abcdefgh")]
    templates = [gateway.ask("POST", "/sessions/seeded/templates", one)["id"] for one in hello]
    later = {"chatId": "447700900008@c.us", "text": "Hello later", "sendAt": "2999-01-01T00:00:00.000Z"}
    for _ in range(3):
        gateway.ask("POST", "/sessions/seeded/messages/send-text", later)
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
    ring = {"from": "447700900006@c.us"}
    calls = [gateway.ask("POST", "/simulator/sessions/seeded/calls", ring)["callId"] for _ in range(8)]
    sends = [send["id"] for send in gateway.ask("GET", "/sessions/seeded/sends?status=queued")]
    listed = gateway.ask("GET", f"/sessions/seeded/webhooks/{webhooks[0]}/deliveries?limit=20")
    return {
        "linked_spares": [*LINKED[1:]], "waiting": [*WAITING], "spares": [*SPARE[:4], *LINKED[1:]],
        "heard": heard, "groups": groups, "statuses": statuses, "calls": calls,
        "templates": templates, "pictures": pictures,
        "webhooks": webhooks, "messages": sent + heard, "batches": batches, "keys": keys, "sends": sends,
        "deliveries": [delivery["id"] for delivery in listed] or ["dlv_6f1d2c3b-4a5e-8f60-9171-8293a4b5c6d7"],
    }  # fmt: skip


def recipes(gateway: Gateway) -> dict[str, list[dict[str, Any]]]:
    """Requests that succeed, by operationId: what chance does not find, such as a message and the chat it stands in.

    Each is a part of a request, `path` and `body`; tools/fuzz_hooks.py puts them into some of the generated ones. What
    they need is made here, and no dictionary names it, so that nothing takes it away before.
    """
    said = [_ask(gateway, "messages/send-text", {"chatId": _ADA, "text": f"Kept {n}"})["messageId"] for n in range(8)]
    club = _ask(gateway, "groups", {"name": "Kept club", "participants": [_ADA, _BEN]})["id"]
    _ask(gateway, "templates", {"name": "kept", "body": "Hello"})
    written = {"from": _ADA, "text": "Hello"}
    heard = [gateway.ask("POST", "/simulator/sessions/seeded/messages", written)["messageId"] for _ in range(4)]
    archive = gateway.ask("GET", "/infra/storage/export")["download"].rpartition("/")[2]
    of_ada, of_club = {"chatId": _ADA}, {"groupId": club}
    found: dict[str, list[dict[str, Any]]] = {
        "messages.reply": [{"body": {**of_ada, "quotedMessageId": one, "text": "Yes"}} for one in said],
        "messages.react": [{"body": {**of_ada, "messageId": one, "emoji": "👍"}} for one in said],
        "messages.edit": [{"body": {**of_ada, "messageId": one, "body": "Kept, too"}} for one in said[:4]],
        "messages.delete": [{"body": {**of_ada, "messageId": one}} for one in said[4:]],
        "messages.reactions": [{"path": {**of_ada, "messageId": one}} for one in said[:4]],
        "messages.send_template": [{"body": {**of_ada, "templateName": "kept"}}],
        "simulator.edit": [{"path": {"messageId": one}, "body": {"text": "Hello, too"}} for one in heard],
        "simulator.revoke": [{"path": {"messageId": one}} for one in heard],
        "groups.join": [{"body": {"inviteCode": "SimulatorOpenHouse0001"}}],
        "groups.add_participants": [{"path": of_club, "body": {"participants": ["447700900008@c.us"]}}],
        "groups.remove_participants": [{"path": of_club, "body": {"participants": [_BEN]}}],
        "groups.promote_participants": [{"path": of_club, "body": {"participants": [_ADA]}}],
        "groups.demote_participants": [{"path": of_club, "body": {"participants": [_ADA]}}],
        "labels.add": [{"path": of_ada, "body": {"labelId": "1"}}],
        "channels.subscribe": [{"body": {"inviteCode": "0029SimulatorWeather01"}}],
        "status.send_image": [{"body": {"image": {"base64": "aGVsbG8="}}}],
        "profile.set_picture": [{"body": {"base64": "/9j/4AAQSkZJRg==", "mimetype": "image/jpeg"}}],
        "infra.import_storage": [{"body": {"filePath": f"exports/{archive}"}}],
    }
    found |= {f"chats.{verb}": [{"body": of_ada}] for verb in ("pin", "mute", "archive", "mark_read", "mark_unread")}
    for name, requests in found.items():
        if not name.startswith("infra."):
            for one in requests:
                one["path"] = {"sessionId": "seeded", **one.get("path", {})}
    return found


def _ask(gateway: Gateway, path: str, body: dict[str, Any]) -> Any:
    return gateway.ask("POST", f"/sessions/seeded/{path}", body)


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
