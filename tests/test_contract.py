"""The comparison with the last release: what breaks callers is told from what does not, and has to be declared."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.document import bundle
from tools import contract

Json = dict[str, Any]
SEND = "/sessions/{sessionId}/messages/send-text"


def schema(document: Json, name: str) -> Json:
    return document["components"]["schemas"][name]


def operation(document: Json, path: str = SEND, method: str = "post") -> Json:
    return document["paths"][path][method]


def body(document: Json) -> Json:
    return schema(
        document, operation(document)["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    )


def parameter(document: Json, name: str) -> Json:
    return document["components"]["parameters"][name]


def clamped(document: Json) -> Json:
    told = operation(document, "/sessions/{sessionId}/messages", "get")["parameters"]
    return next(one["schema"]["x-clamp"] for one in told if "x-clamp" in one.get("schema", {}))


def answered(document: Json) -> Json:
    return schema(document, "Session")


BREAKING: dict[str, Callable[[Json], Any]] = {
    "an operation is gone": lambda d: d["paths"].pop(SEND),
    "an operation has another path": lambda d: d["paths"].update({"/elsewhere": d["paths"].pop(SEND)}),
    "an operation has another name": lambda d: operation(d).update(operationId="messages.send_words"),
    "a higher role is needed": lambda d: operation(d).update({"x-required-role": "admin"}),
    "a key bound to sessions is refused": lambda d: operation(d).update({"x-scope": "gateway"}),
    "a parameter is refused": lambda d: operation(d, "/sessions", "get")["parameters"].pop(),
    "a parameter is required": lambda d: operation(d)["parameters"].append(
        {"name": "x", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "a body property is refused": lambda d: body(d)["properties"].pop("text"),
    "a body property is required": lambda d: body(d)["required"].append("sendAt"),
    "a body property may be less long": lambda d: body(d)["properties"]["text"].update(maxLength=3),
    "a body property may be fewer": lambda d: schema(d, "Mentions").update(maxItems=3),
    "a body property has to match": lambda d: body(d)["properties"]["text"].update(pattern="^a"),
    "a body property takes one of a list": lambda d: body(d)["properties"]["text"].update(enum=["Hello"]),
    "a body property may not be null": lambda d: schema(d, "UpdateApiKey")["properties"]["expiresAt"].pop("nullable"),
    "a value is refused": lambda d: schema(d, "WebhookEventName")["enum"].remove("message.sent"),
    "a list has to hold different values": lambda d: schema(d, "Mentions").update(uniqueItems=True),
    "other properties are refused": lambda d: schema(d, "CreateSession")["properties"]["config"].update(
        additionalProperties=False
    ),
    "a default is another": lambda d: parameter(d, "Limit")["schema"].update(default=3),
    "a clamped value goes less far": lambda d: clamped(d).update(maximum=3),
    "a body is required": lambda d: d["paths"]["/sessions"]["get"].update(
        requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    ),
    "an engine has to be able to": lambda d: operation(d, "/sessions", "get").update({"x-capability": "groups"}),
    "health checks are counted": lambda d: operation(d, "/health", "get").pop("x-rate-limit"),
    "a header is gone": lambda d: d["components"]["responses"]["TooManyRequests"]["headers"].pop("Retry-After"),
    "a body property has a longest length": lambda d: body(d)["properties"]["text"].update(maxItems=3),
    "a success is not answered any more": lambda d: operation(d)["responses"].pop("201"),
    "an answer has another type": lambda d: answered(d)["properties"]["name"].update(type="integer"),
    "an answer lacks a property": lambda d: answered(d)["properties"].pop("name"),
    "an answer may lack a property": lambda d: answered(d)["required"].remove("name"),
    "an answer may be null": lambda d: answered(d)["properties"]["name"].update(nullable=True),
    "an event is gone": lambda d: schema(d, "Event")["oneOf"].pop(),
    "a delivery lacks a property": lambda d: schema(d, "WebhookEnvelope")["properties"].pop("sequence"),
}
ADDITIVE: dict[str, Callable[[Json], Any]] = {
    "an operation is new": lambda d: d["paths"].update(
        {"/more": {"get": {**operation(d, "/health", "get"), "operationId": "health.more"}}}
    ),
    "a lower role is enough": lambda d: operation(d).update({"x-required-role": "viewer"}),
    "a parameter may be given": lambda d: operation(d)["parameters"].append(
        {"name": "x", "in": "query", "schema": {"type": "string"}}
    ),
    "a body property may be given": lambda d: body(d)["properties"].update(more={"type": "string"}),
    "a body property is optional": lambda d: body(d)["required"].remove("text"),
    "a body property may be longer": lambda d: body(d)["properties"]["text"].update(maxLength=9_999_999),
    "an answer has more": lambda d: answered(d)["properties"].update(more={"type": "string"}),
    "a value more is taken": lambda d: schema(d, "WebhookEventName")["enum"].append("tea.ready"),
    "an error is not answered any more": lambda d: operation(d)["responses"].pop("413"),
    "a body property may be null": lambda d: body(d)["properties"]["text"].update(nullable=True),
    "an engine may be able to without": lambda d: operation(d, "/sessions/{sessionId}/labels", "get").pop(
        "x-capability"
    ),
    "an error is answered": lambda d: operation(d)["responses"].update({"418": {"description": "A teapot."}}),
    "an event is new": lambda d: schema(d, "EventType")["enum"].append("tea.ready"),
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in BREAKING.items()])
def test_it_breaks_callers_where(change: Callable[[Json], Any]) -> None:
    new = copy.deepcopy(bundle())
    change(new)
    assert any(found.breaking for found in contract.changes(bundle(), new))


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in ADDITIVE.items()])
def test_it_breaks_nobody_where(change: Callable[[Json], Any]) -> None:
    new = copy.deepcopy(bundle())
    change(new)
    found = contract.changes(bundle(), new)
    assert ([], True) == ([one for one in found if one.breaking], bool(found))


def test_words_are_no_change() -> None:
    new = copy.deepcopy(bundle())
    operation(new)["description"] = schema(new, "Session")["description"] = "Other words."
    assert [] == contract.changes(bundle(), new)


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        ("- It is faster.\n- messages.old is\n  gone\n- More.\n", 0),
        ("### Contract\n\n- messages.old is gone\n\n### More\n", 0),
        ("- It was said that messages.old is gone\n", 1),
        ("", 1),
    ],
)
def test_a_breaking_change_has_to_be_declared(tmp_path: Path, declared: str, status: int) -> None:
    old = copy.deepcopy(bundle())
    old["paths"]["/old"] = {"get": {**operation(old, "/health", "get"), "operationId": "messages.old"}}
    released, changelog = tmp_path / "released.json", tmp_path / "CHANGELOG.md"
    released.write_text(json.dumps(old))
    changelog.write_text(f"# Changelog\n\n## Unreleased\n\n{declared}\n## 1.0\n\n- messages.old is gone\n")
    assert status == contract.main([], released, changelog)


def test_a_release_is_kept_for_the_next_comparison(tmp_path: Path) -> None:
    released = tmp_path / "released.json"
    assert 0 == contract.main([], released), "before the first release nothing can break"
    contract.main(["--release"], released)
    assert [] == contract.changes(json.loads(released.read_text()), bundle())


def test_there_is_a_document_to_compare_with() -> None:
    kept = json.loads(contract.RELEASED.read_text())
    assert len(contract.changes(kept, {**kept, "paths": {}})) >= 164


def test_this_document_breaks_no_promise_that_is_not_declared(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == contract.main([]), capsys.readouterr().err
