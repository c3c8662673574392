"""The document's links, each walked once: what was made can be read, changed and ended with what the answer tells."""

from typing import Any, NamedTuple

import pytest

from tests.media_stage import turn
from tests.simulator_stage import ADA
from tests.spec import Operation, operations
from tests.support import Gateway
from tests.test_everywhere import body_for, call

OPERATIONS = {one.id: one for one in operations()}


class Link(NamedTuple):
    """From an operation that answered with this status."""

    source: Operation
    status: str
    name: str
    raw: dict[str, Any]


LINKS = [
    Link(operation, status, name, link)
    for operation in operations()
    for status, response in operation.responses.items()
    for name, link in response.get("links", {}).items()
]


@pytest.fixture
def settings() -> dict[str, str]:
    return {"WEBHOOK_SSRF_PROTECT": "false"}


@pytest.fixture
def linked(gateway: Gateway) -> Gateway:
    """A linked session `my-bot` with a template and somebody to write to."""
    gateway.session(ready=True)
    gateway.post("/sessions/my-bot/templates", json={"name": "order-shipped", "body": "Hello {{name}}"})
    return gateway


def told(expression: Any, path: dict[str, str], body: Any, answer: Any) -> Any:
    """What a runtime expression, or a value with some inside, stands for."""
    if isinstance(expression, dict):
        return {name: told(one, path, body, answer) for name, one in expression.items()}
    where, _, name = expression.partition("#/")
    if where.startswith("$request.path."):
        return path[where.removeprefix("$request.path.")]
    return {"$request.body": body, "$response.body": answer}[where][name]


def begin(gateway: Gateway, link: Link, path: dict[str, str], count: int) -> Any:
    """The body of a request that makes something new."""
    gateway.delete("/simulator/sessions/my-bot/faults")
    turn(gateway)  # a send that an earlier link left would keep its chat busy
    if link.source.body is None:
        return None
    text = {"chatId": ADA, "text": "Hello"}
    body = body_for(link.source, gateway.post("/sessions/my-bot/messages/send-text", json=text).json["messageId"])
    body |= {name: ADA for name in ("chatId", "fromChatId") if name in body}
    if link.source.id == "groups.add_participants":
        body["participants"] = [ADA]
        call(gateway, OPERATIONS["groups.remove_participants"], given=path, json=body)
    if link.source.id == "webhooks.create":
        return {"url": "http://127.0.0.1:9/hook"}
    named = {"sessions.create": "name", "templates.create": "name", "bulk.send": "batchId"}
    return body | ({named[link.source.id]: f"made-{count}"} if link.source.id in named else {})


def walk(gateway: Gateway, link: Link, count: int) -> tuple[str, int]:
    """The status of what the link leads from, and that of where it leads to, in hundreds."""
    path = {"sessionId": "my-bot", "contactId": ADA, "chatId": ADA, "labelId": "1"}
    path["groupId"] = gateway.get("/sessions/my-bot/groups").json[0]["id"]
    body = begin(gateway, link, path, count)
    headers = {"Prefer": "respond-async"} if link.status == "202" and link.source.id != "bulk.send" else {}
    made = call(gateway, link.source, given=path, headers=headers, **({"json": body} if body else {}))
    assert str(made.status_code) == link.status, (link.source.id, made.json)
    target, kwargs = OPERATIONS[link.raw["operationId"]], {}
    given = {name: told(one, path, body, made.json) for name, one in link.raw["parameters"].items()}
    if target.body is not None:
        kwargs["json"] = body_for(target, "") | told(link.raw.get("requestBody", {}), path, body, made.json)
    reached = call(gateway, target, given=given, **kwargs)
    return str(made.status_code), reached.status_code // 100


def test_every_link_leads_where_it_says(linked: Gateway) -> None:
    found = {(link.source.id, link.name): (link, walk(linked, link, count)) for count, link in enumerate(LINKS)}
    strange = {where: said for where, (link, said) in found.items() if said != (link.status, 2)}
    assert {} == strange
