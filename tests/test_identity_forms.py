"""One identity, on every operation that takes an address: however it is written, the same one is meant and answered."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.simulator_stage import ADA
from tests.spec import Operation, children, operations
from tests.support import Gateway, document
from tests.test_everywhere import body_for, call

FORMS = ["447700900006", "+44 7700 900006", "+44 (7700) 900-006", ADA, "447700900006@s.whatsapp.net",
         "447700900006:7@s.whatsapp.net"]  # fmt: skip
ONE = re.compile(r"@s\.whatsapp|\+44|44 \(?7700|900006[-:]")  # no answer may have it written so
ASKED = {"contacts.list_pictures"}  # its answer goes by what was asked
FILTERS = {"conditions": [{"field": "sender", "operator": "is", "value": [ADA]}]}
HOOK = {"url": "http://127.0.0.1:9/hook", "events": ["message.received"], "filters": FILTERS}
PEOPLE = ("number", "contactId", "chatId", "fromChatId", "from", "contact", "id")
BEFORE = {  # so that there is something to change
    "groups.add_participants": ["groups.remove_participants"],
    "groups.remove_participants": ["groups.add_participants"],
    "groups.promote_participants": ["groups.add_participants", "groups.demote_participants"],
    "groups.demote_participants": ["groups.add_participants", "groups.promote_participants"],
}
OPERATIONS = {one.id: one for one in operations()}


class Input(NamedTuple):
    """Where an operation takes the address of a person: this way into its path, query or body."""

    operation: Operation
    place: str
    way: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.operation.id} {'.'.join(self.way)}"


def ways(schema: dict[str, Any], way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The ways to people's addresses inside a schema; `[]` is each of a list."""
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if r"c\.us" in schema.get("pattern", ""):
        yield way
    for name, child in children(schema):
        step = ("[]",) if name == "items" else () if name[-1].isdigit() else (name,)
        yield from ways(child, (*way, *step))


def inputs() -> Iterator[Input]:
    for one in operations():
        for parameter in one.parameters:
            yield from (Input(one, parameter["in"], way) for way in ways(parameter["schema"], (parameter["name"],)))
        yield from (Input(one, "body", way) for way in sorted(set(ways(one.body["schema"])) if one.body else ()))


INPUTS = [*inputs()]


def put(body: Any, way: tuple[str, ...], value: str) -> Any:
    """The body with the value at the end of the way."""
    if not way:
        return value
    step, *rest = way
    if step == "[]":
        return [put(body[0] if body else {}, tuple(rest), value)]
    return {**body, step: put(body.get(step, {}), tuple(rest), value)}


@pytest.fixture
def settings() -> dict[str, str]:
    return {"WEBHOOK_SSRF_PROTECT": "false"}


@pytest.fixture
def known(ready: Gateway) -> Gateway:
    """A session that knows both addresses of the person whom the requests are about."""
    ready.post("/simulator/sessions/my-bot/messages", json={"from": ADA, "text": "Hi"})
    ready.clock.advance(1)
    ready.post("/sessions/my-bot/templates", json={"name": "order-shipped", "body": "Hello {{name}}"})
    return ready


def ask(gateway: Gateway, one: Input, written: str) -> Any:
    """The operation's own example, about somebody and something that are there, with the address so written."""
    name, chat = one.operation.id, {"chatId": ADA, "text": "Hello"}
    message = gateway.post("/sessions/my-bot/messages/send-text", json=chat).json["messageId"]
    given = {"sessionId": "my-bot", "messageId": message, "labelId": "1", **dict.fromkeys(PEOPLE, ADA)}
    if name.startswith("groups."):
        given["groupId"] = gateway.get("/sessions/my-bot/groups").json[0]["id"]
        for before in BEFORE.get(name, ()):
            call(gateway, OPERATIONS[before], given=given, json={"participants": [ADA]})
    if name == "webhooks.update":
        given["id"] = gateway.post("/sessions/my-bot/webhooks", json=HOOK).json["id"]
    kwargs: dict[str, Any] = {}
    if one.operation.body is not None:
        body = HOOK if name.startswith("webhooks.") else body_for(one.operation, message)
        body = {key: ADA if key in PEOPLE else value for key, value in body.items()}
        kwargs["json"] = put(body, one.way, written) if one.place == "body" else body
    if one.place == "query":
        kwargs["query_string"] = {one.way[0]: written} | ({"q": "hello"} if name == "search.find" else {})
    if one.place == "path":
        given[one.way[0]] = written
    return call(gateway, one.operation, given=given, **kwargs)


def test_every_operation_means_the_same_however_an_address_is_written(known: Gateway) -> None:
    everybody = known.get("/simulator/contacts").json
    lid = next(person["lid"] for person in everybody if person["id"] == ADA)
    strange = {}
    for one in INPUTS:
        for written in (*FORMS, lid):
            answer = ask(known, one, written)
            said = answer.get_data(as_text=True)
            if answer.status_code >= 300 or (one.operation.id not in ASKED and ONE.search(said)):
                strange[one.name, written] = (answer.status_code, said[:200])
    assert {} == strange


def test_there_are_such_operations_in_every_family() -> None:
    families = {one.operation.id.partition(".")[0] for one in INPUTS}
    assert {"contacts", "messages", "labels", "status", "events", "search", "chats", "groups", "bulk", "catalog",
            "webhooks", "simulator"} == families  # fmt: skip
