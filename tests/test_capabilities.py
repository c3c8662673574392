"""What an engine cannot do at all: `x-capability` names it, one guard answers 501."""

import re

import pytest

from engines import base
from engines.simulator import Simulator
from engines.verbs import Everything
from tests import test_everywhere as everywhere
from tests.spec import Operation, operations
from tests.support import Gateway

CAPABLE = [operation for operation in operations() if "x-capability" in operation.raw]

ENDS = {"sessions.stop", "sessions.force_kill", "sessions.delete"}


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


def test_an_operation_that_names_no_capability_needs_none(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks the engine nothing but what every engine can do: `engines.base.Engine`."""
    asked = []
    for verb in {name for name in dir(Everything) if name[0] != "_"} - set(dir(base.Engine)):
        monkeypatch.setattr(Simulator, verb, lambda *_, verb=verb, **__: asked.append(verb))
    session = gateway.session(ready=True)
    found = {}
    for operation in operations():
        if operation not in CAPABLE and not operation.id.startswith("simulator.") and operation.id not in ENDS:
            everywhere.call(gateway, operation, given={"sessionId": session})
            found[operation.id] = asked.copy()
            asked.clear()
    assert {} == {name: verbs for name, verbs in found.items() if verbs}


def test_an_engine_that_can_is_asked(gateway: Gateway) -> None:
    assert 501 not in {ask(gateway, operation).status_code for operation in CAPABLE}
