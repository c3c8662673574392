"""What is asked of the engine alone, whatever it is: each way in which an engine fails has its answer."""

import re
from typing import Any

import pytest

from engines import base
from tests.spec import Operation, example_of, operations
from tests.support import Gateway

TAGS = {"contacts", "chats", "groups", "labels", "channels", "catalog", "status", "profile", "calls"}
NOT_ASKED = ("status.send", "catalog.send", "status.get_media", "profile.set_picture")  # sent, stored, or fetched first
ASKING = [o for o in operations() if o.raw["tags"][0] in TAGS and not o.id.startswith(NOT_ASKED)]
FAILURES = {
    base.NotStarted("Session is not started"): 400,
    base.NotOnAccount("Nobody is there"): 404,
    base.NotConnected("Session is not connected"): 409,
    base.Refused("WhatsApp refused"): 422,
    base.EngineError("The engine failed"): 500,
    base.NotSupported("Not this one"): 501,
    base.OutcomeUnknown("The engine did not answer in time"): 504,
}
TOLD_OTHERWISE = {
    **{(name, 404): 400 for name in ("groups.join", "channels.subscribe")},  # a code, not a resource
    **{(o.id, 422): 403 for o in ASKING if o.raw["tags"][0] == "profile"},  # as OpenWA has it
}


class Failing:
    """An engine every verb of which fails alike."""

    def __init__(self, error: base.EngineError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            raise self._error

        return fail


def ask(gateway: Gateway, operation: Operation):
    """The operation with the document's own examples."""
    values = {p["name"]: p.get("example", "") for p in operation.parameters if p.get("required")}
    query = {p["name"]: values[p["name"]] for p in operation.parameters if p["in"] == "query" and p.get("required")}
    path = re.sub(r"{([^}]+)}", lambda found: str(values[found[1]]), operation.path)
    body = {} if operation.body is None else {"json": example_of(operation.body["schema"], operation.id)}
    return gateway.call(operation.method, path, query_string=query, **body)


def test_each_failure_of_the_engine_has_its_status(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.session("my-bot", ready=True)
    for error, status in FAILURES.items():
        monkeypatch.setattr(gateway.program.engines, "live", lambda _, error=error: Failing(error))
        for operation in ASKING:
            if status in (422, 501) and "x-capability" not in operation.raw:
                continue  # what every engine can do, and WhatsApp is not asked about
            answer = ask(gateway, operation)
            told = TOLD_OTHERWISE.get((operation.id, status), status)
            assert (told, str(error)) == (answer.status_code, answer.json["message"]), operation.id


def test_an_unknown_session_is_not_found(gateway: Gateway) -> None:
    for operation in ASKING:
        answer = ask(gateway, operation)
        assert (404, "Session 'my-bot' not found") == (answer.status_code, answer.json["message"]), operation.id
