"""Which webhook gets which event."""

from types import SimpleNamespace
from typing import Any

import pytest

from storage.filters import wants
from tests.delivery_stage import Stage


def test_a_webhook_gets_the_events_it_wants(stage: Stage) -> None:
    stage.hook(events=["message.ack"])
    stage.hook("/all")
    stage.happen("628@c.us")
    stage.happen("628@c.us", type_="message.ack")

    stage.turn()

    assert (stage.got(), stage.got("/all")) == ([2], [1, 2])


MESSAGE = {"from": "1@c.us", "to": "2@c.us", "body": "Your INVOICE", "type": "image", "isGroup": False, "fromMe": False,
           "media": {"mimetype": "image/png"}, "mentionedIds": ["3@c.us"]}  # fmt: skip
HOLDS = [
    ("sender", "is", ["1@c.us", "9@c.us"], True), ("sender", "is", ["9@c.us"], False),
    ("sender", "isNot", ["9@c.us"], True),
    ("sender", "isNot", ["1@c.us"], False), ("recipient", "is", ["2@c.us"], True), ("mentions", "is", ["3@c.us"], True),
    ("mentions", "is", ["1@c.us"], False), ("mentions", "isNot", ["3@c.us"], False),
    ("body", "contains", "invoice", True),
    ("body", "equals", "invoice", False), ("body", "equals", "your invoice", True), ("type", "is", ["text"], False),
    ("type", "is", ["image", "video"], True), ("type", "isNot", ["image"], False), ("isGroup", "is", False, True),
    ("fromMe", "is", True, False), ("hasMedia", "is", True, True), ("hasMedia", "is", False, False),
]  # fmt: skip


@pytest.mark.parametrize(("field", "operator", "value", "expected"), HOLDS)
def test_a_condition_holds_or_not(field: str, operator: str, value: Any, expected: bool) -> None:  # noqa: FBT001
    assert _wants({"field": field, "operator": operator, "value": value}) is expected


def test_case_matters_where_it_is_said(stage: Stage) -> None:
    condition = {"field": "body", "operator": "contains", "value": "invoice", "caseSensitive": True}
    stage.hook(filters={"conditions": [condition]})
    stage.happen("1@c.us", **MESSAGE)
    stage.happen("1@c.us", **{**MESSAGE, "body": "an invoice"})

    stage.turn()

    assert stage.got() == [2]


def test_in_a_group_the_author_is_the_sender() -> None:
    condition = {"field": "sender", "operator": "is", "value": ["1@c.us"]}

    assert not _wants(condition, author="5@c.us")


def test_all_conditions_must_hold(stage: Stage) -> None:
    conditions = [
        {"field": "isGroup", "operator": "is", "value": False},
        {"field": "type", "operator": "is", "value": ["text"]},
    ]
    stage.hook(filters={"conditions": conditions})
    stage.happen("1@c.us", **MESSAGE)
    stage.happen("1@c.us", **{**MESSAGE, "type": "text"})

    stage.turn()

    assert stage.got() == [2]


def test_filters_let_events_pass_that_have_no_such_field(stage: Stage) -> None:
    stage.hook(filters={"conditions": [{"field": "sender", "operator": "is", "value": ["9@c.us"]}]})
    stage.happen("", type_="session.status")
    stage.happen("1@c.us", type_="message.ack")

    stage.turn()

    assert sorted(stage.got()) == [1, 2]


def _wants(condition: dict[str, Any], **more: Any) -> bool:
    hook: Any = SimpleNamespace(events=["*"], filters={"conditions": [condition]})
    return wants(hook, "message.received", {**MESSAGE, **more})
