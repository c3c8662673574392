"""What an engine cannot do at all: `x-capability` names it, one guard answers 501."""

import re

import pytest

from tests.spec import Operation, operations
from tests.support import Gateway

CAPABLE = [operation for operation in operations() if "x-capability" in operation.raw]


@pytest.fixture
def incapable(gateway: Gateway) -> Gateway:
    """A gateway whose engine can do nothing but send texts."""
    gateway.program.engines.capabilities = frozenset()
    return gateway


def ask(gateway: Gateway, operation: Operation, **kwargs):
    return gateway.call(operation.method, re.sub(r"{[^}]+}", "x", operation.path), **kwargs)


def test_an_operation_the_engine_is_not_capable_of_answers_501_and_says_what_is_missing(incapable: Gateway) -> None:
    """Whatever else is wrong with the request: it could never succeed."""
    for operation in CAPABLE:
        answer = ask(incapable, operation)
        capability = operation.raw["x-capability"].replace("_", " ")
        told = (501, f"The simulator engine does not support {capability}")
        assert told == (answer.status_code, answer.json["message"]), operation.id


def test_whoever_may_not_use_an_operation_is_not_told_whether_the_engine_can(incapable: Gateway) -> None:
    assert [401] * len(CAPABLE) == [ask(incapable, operation, key=None).status_code for operation in CAPABLE]


def test_an_engine_that_can_is_asked(gateway: Gateway) -> None:
    assert 501 not in {ask(gateway, operation).status_code for operation in CAPABLE}
