"""Templates: kept by name, sent filled in."""

from typing import Any

import pytest

from tests.support import Gateway

AYU = "447700900006@c.us"
TEMPLATES = "/sessions/my-bot/templates"
WHOLE = {"name": "order", "header": "*Order {{ order }}*", "body": "Hello {{name}}!", "footer": "Your shop"}


def keep(gateway: Gateway, **body: Any) -> Any:
    return gateway.post(TEMPLATES, json={"name": "hello", "body": "Hello {{name}}!", **body})


def send(gateway: Gateway, **body: Any) -> Any:
    return gateway.post("/sessions/my-bot/messages/send-template", json={"chatId": AYU, **body})


def received(gateway: Gateway) -> list[str]:
    return [entry["body"] for entry in gateway.world.control.inbox(AYU)]


def test_a_template_is_kept_read_changed_and_forgotten(ready: Gateway) -> None:
    made = ready.post(TEMPLATES, json=WHOLE)
    one = f"{TEMPLATES}/{made.json['id']}"
    ready.clock.advance(1)

    changed = ready.put(one, json={"header": None, "name": "shipped"})

    assert (201, WHOLE) == (made.status_code, {name: made.json[name] for name in WHOLE})
    assert {**made.json, "name": "shipped", "header": None, "updatedAt": changed.json["updatedAt"]} == changed.json
    assert made.json["updatedAt"] < changed.json["updatedAt"]
    assert (changed.json, [changed.json]) == (ready.get(one).json, ready.get(TEMPLATES).json)
    assert [204, 404] == [ready.delete(one).status_code for _ in range(2)]
    assert (404, []) == (ready.get(one).status_code, ready.get(TEMPLATES).json)


def test_templates_are_listed_newest_first(ready: Gateway) -> None:
    for name in ("one", "two", "three"):
        keep(ready, name=name)

    assert ["three", "two", "one"] == [found["name"] for found in ready.get(TEMPLATES).json]


def test_a_name_is_taken_once_in_a_session(ready: Gateway) -> None:
    first, second = keep(ready).json, keep(ready)
    other = keep(ready, name="other").json
    ready.session("second-bot")

    assert (409, "Template with name 'hello' already exists") == (second.status_code, second.json["message"])
    assert 409 == ready.put(f"{TEMPLATES}/{other['id']}", json={"name": "hello"}).status_code
    assert 200 == ready.put(f"{TEMPLATES}/{first['id']}", json={"name": "hello"}).status_code
    assert 201 == ready.post("/sessions/second-bot/templates", json={"name": "hello", "body": "Hi"}).status_code


def test_one_idempotency_key_makes_one_template(ready: Gateway) -> None:
    answers = [ready.post(TEMPLATES, json=WHOLE, headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert ([201, 201], answers[0].json) == ([one.status_code for one in answers], answers[1].json)


def test_templates_are_for_operators(ready: Gateway) -> None:
    assert [403, 200] == [ready.get(TEMPLATES, key=ready.key(role)).status_code for role in ("viewer", "operator")]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"name": ""}, "name should not be empty"),
        ({"name": "x" * 101}, "name must be shorter than or equal to 100 characters"),
        ({"body": ""}, "body should not be empty"),
        ({"header": "x" * 1025}, "header must be shorter than or equal to 1024 characters"),
        ({"colour": "red"}, "property colour should not exist"),
    ],
)
def test_what_is_wrong_with_a_template_is_named(ready: Gateway, body: dict[str, Any], problem: str) -> None:
    assert (400, [problem]) == (keep(ready, **body).status_code, keep(ready, **body).json["message"])


def test_a_template_is_sent_filled_in_by_id_or_name(ready: Gateway) -> None:
    made = ready.post(TEMPLATES, json=WHOLE).json
    given = {"vars": {"order": "7", "name": "Ada"}}

    answers = [send(ready, **named, **given) for named in ({"templateId": made["id"]}, {"templateName": "order"})]

    assert [201, 201] == [answer.status_code for answer in answers]
    assert ["*Order 7*\n\nHello Ada!\n\nYour shop"] * 2 == received(ready)


def test_what_has_no_value_stays_and_what_is_empty_goes(ready: Gateway) -> None:
    keep(ready, header="{{title}}", footer="")

    send(ready, templateName="hello", vars={"title": ""})

    assert ["Hello {{name}}!"] == received(ready)


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ("{{name}}, {{ name }}, {name}", "Ada, Ada, Ada"),
        ("{{first.name}} and {{first-name}}", "a and b"),
        ("{first.name} {na me} { name } {}", "{first.name} {na me} { name } {}"),
        ("{{{name}}} and {{other}} {other}", "{Ada} and {{other}} {other}"),
        ("{other_1}", "{{name}}"),
    ],
)
def test_placeholders_have_two_braces_or_one(ready: Gateway, body: str, filled: str) -> None:
    keep(ready, body=body)

    send(ready, templateName="hello", vars={"name": "Ada", "first.name": "a", "first-name": "b", "other_1": "{{name}}"})

    assert [filled] == received(ready)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "Either templateId or templateName must be provided"),
        ({"templateName": "nothing"}, 404, "Template 'nothing' not found"),
        ({"templateId": "nothing"}, 404, "Template with id 'nothing' not found"),
        ({"templateName": "empty"}, 400, "text must not be empty once its variables are filled in"),
        ({"templateName": "empty", "vars": {"x": 5}}, 400, ["vars.x must be a string"]),
    ],
)
def test_what_cannot_be_sent_is_said(ready: Gateway, body: dict[str, Any], status: int, message: Any) -> None:
    keep(ready, name="empty", body="{{x}}")
    named = {"vars": {"x": ""}, **body} if "templateName" in body else body

    refused = send(ready, **named)

    assert (status, message) == (refused.status_code, refused.json["message"])
