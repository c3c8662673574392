"""What every operation answers alike: whatever is wrong with a request is told by each of them as the document says."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from engines import base
from engines.simulator import Simulator
from gateway.app import Site
from gateway.document import resolve
from tests.spec import Operation, example_of, operations
from tests.support import Gateway, document

STRANGERS = {"simulator.get_inbox", "simulator.post_status"}  # any number may be somebody's
PICTURE = "/9j/4AAAAAAAAAAAAAAAAAAAAAAAAAAA"  # how a JPEG begins
UNKNOWN = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def path_of(operation: Operation, **given: str) -> str:
    """The operation's path, each parameter as given or as in its example."""
    examples = {p["name"]: str(p.get("example", p["schema"].get("example", UNKNOWN))) for p in operation.parameters}
    return re.sub(r"\{([^}]+)\}", lambda name: (examples | given)[name[1]], operation.path)


def body_of(operation: Operation) -> dict[str, Any]:
    """A valid body, as arguments of the client; none where the operation takes none."""
    if operation.body is None:
        return {}
    example = operation.body.get("example") or example_of(operation.body["schema"], operation.id)
    return {"json": example}


def call(gateway: Gateway, operation: Operation, **kwargs: Any) -> TestResponse:
    path = path_of(operation, **kwargs.pop("given", {}))
    needed = {
        p["name"]: p.get("example") or example_of(p["schema"], p["name"])
        for p in operation.parameters
        if p["in"] == "query" and p.get("required")
    }
    query = kwargs.pop("query_string", {})
    arguments = {**body_of(operation), **kwargs}
    return gateway.call(operation.method, path, query_string={**needed, **query}, **arguments)


def promise(status: str) -> list[Operation]:
    """The operations that document this status."""
    return [operation for operation in operations() if status in operation.responses]


def others(gateway: Gateway, some: list[Operation], expected: int, **kwargs: Any) -> dict[str, int]:
    """What these operations answered that is not as expected."""
    found = {operation.id: call(gateway, operation, **kwargs).status_code for operation in some}
    return {name: status for name, status in found.items() if status != expected}


@pytest.fixture
def settings() -> dict[str, str]:
    return {"METRICS_TOKEN": "some-token", "MEDIA_DOWNLOAD_MAX_BYTES": "1000"}


def test_an_unknown_parameter_is_refused_everywhere(gateway: Gateway) -> None:
    gateway.session()
    assert {} == others(gateway, promise("400"), 400, query_string={"colour": "red"})


def test_a_request_without_a_key_is_refused_everywhere(gateway: Gateway) -> None:
    assert {} == others(gateway, promise("401"), 401, key=None)


def test_a_low_role_is_refused_everywhere(gateway: Gateway) -> None:
    """A viewer has the lowest there is, so what viewers may is refused to nobody for its role."""
    keys = {"operator": gateway.key("viewer"), "admin": gateway.key("operator")}
    for role, key in keys.items():
        some = [one for one in promise("403") if one.raw["x-required-role"] == role]
        assert {} == others(gateway, some, 403, key=key)


def test_what_is_not_there_is_not_found_everywhere(gateway: Gateway) -> None:
    named = [one for one in promise("404") if "{" in one.path and one.id not in STRANGERS]
    assert 404 == gateway.get("/events/stream?sessionId=nowhere").status_code
    assert {} == others(gateway, named, 404, given={"sessionId": "nowhere", "file": "nowhere"})


def test_too_large_a_body_is_refused_everywhere(gateway: Gateway) -> None:
    large = {"data": b"x" * (5 * 2**20), "content_type": "application/json", "json": None}
    assert {} == others(gateway, [one for one in promise("413") if one.body is not None], 413, **large)


def test_a_body_that_is_no_json_is_refused_everywhere(gateway: Gateway) -> None:
    plain = {"data": b"hello", "content_type": "text/plain", "json": None}
    assert {} == others(gateway, promise("415"), 415, **plain)


def test_what_the_engine_cannot_do_is_refused_everywhere(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    gateway.program.engines.capabilities = frozenset()
    needing = [one for one in promise("501") if "x-capability" in one.raw]
    assert {} == others(gateway, needing, 501, given={"sessionId": session})


def test_a_shutting_down_gateway_is_unavailable_everywhere(gateway: Gateway) -> None:
    gateway.program.drain()
    assert {} == others(gateway, [one for one in promise("503") if one.raw.get("x-while-draining") != "answers"], 503)


def test_a_fault_of_ours_is_told_everywhere(gateway: Gateway) -> None:
    """Once the key cannot be looked up; what needs no key has nothing that could fail so."""
    with gateway.program.db.write() as tx:
        tx.exec_driver_sql("ALTER TABLE api_keys RENAME TO gone")
    assert {} == others(gateway, [one for one in promise("500") if one.secured], 500)


class TestLimited:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"RATE_LIMIT_SHORT_LIMIT": "1"}

    def test_a_full_window_is_told_everywhere(self, gateway: Gateway) -> None:
        gateway.get("/sessions")
        assert {} == others(gateway, promise("429"), 429)


def test_a_key_of_another_request_is_refused_everywhere(gateway: Gateway) -> None:
    """Whatever takes an Idempotency-Key: the same key with another body."""
    session = gateway.session("linked", ready=True)
    keyed = [one for one in operations() if "Idempotency-Key" in {p["name"] for p in one.parameters}]
    changes = {
        "sendAt": "2030-01-01T00:00:00.000Z",
        "batchId": "another",
        "name": "another",
        "retryCount": 1,
        "inviteCode": "another",
    }
    found = {}
    for operation in keyed:
        headers = {"Idempotency-Key": operation.id, "Prefer": "respond-async"}
        first = body_of(operation)["json"]
        if call(gateway, operation, given={"sessionId": session}, headers=headers).status_code >= 300:
            continue  # it needs something that is not there; nothing is kept of that
        assert operation.body is not None
        known = next(name for name in changes if name in resolve(document(), operation.body["schema"])["properties"])
        changed = {**first, known: changes[known]}
        found[operation.id] = call(gateway, operation, given={"sessionId": session}, headers=headers, json=changed)
    assert {} == {name: answer.get_data(as_text=True) for name, answer in found.items() if answer.status_code != 422}
    assert len(found) > 10


# --- whatever is sent --------------------------------------------------------------------------------

SENDS = [one for one in operations() if "X-Preflight" in {p["name"] for p in one.parameters}]
LIVE = [one for one in operations() if one.id in ("messages.history", "messages.reactions", "profile.set_picture")]
ASKS = [one for one in operations() if one.id in ("messages.react", "messages.delete", "messages.edit")]


@pytest.fixture
def linked(gateway: Gateway) -> Gateway:
    """A linked session `my-bot` with a template."""
    gateway.session(ready=True)
    gateway.post("/sessions/my-bot/templates", json={"name": "order-shipped", "body": "Hello {{name}}"})
    return gateway


def sent(gateway: Gateway) -> str:
    """A message of the session, its WhatsApp id."""
    text = {"chatId": "628123456789@c.us", "text": "Hello"}
    return str(gateway.post("/sessions/my-bot/messages/send-text", json=text).json["messageId"])


def body_for(operation: Operation, message_id: str) -> dict[str, Any]:
    """The example, about a message and with media that are there."""
    body = dict(body_of(operation)["json"])
    if body.pop("url", None):
        body |= {"base64": PICTURE, "mimetype": "image/jpeg"}
    body |= {name: {"base64": PICTURE} for name in ("image", "video") if name in body}
    body |= {name: message_id for name in ("messageId", "quotedMessageId") if name in body}
    return body | ({"fromChatId": "628123456789@c.us"} if "fromChatId" in body else {})


def answers(gateway: Gateway, some: list[Operation], message_id: str, **headers: str) -> dict[str, int]:
    to = {"sessionId": "my-bot", "messageId": message_id}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        one.id: call(
            gateway, one, given=to, headers=named, **({"json": body_for(one, message_id)} if one.body else {})
        ).status_code
        for one in some
    }


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 201), ({"Prefer": "respond-async"}, 202), ({"X_Preflight": "true"}, 200)]
)
def test_every_send_is_done_queued_or_tried_out(linked: Gateway, headers: dict[str, str], status: int) -> None:
    found = answers(linked, SENDS, sent(linked), **headers)
    assert dict.fromkeys(found, status) == found


def test_every_send_needs_a_connection(linked: Gateway) -> None:
    message_id = sent(linked)
    linked.world.control.drop(linked.get("/sessions/my-bot").json["id"], 3600)
    linked.clock.advance(1)
    found = answers(linked, [*SENDS, *ASKS, *LIVE], message_id)
    assert dict.fromkeys(found, 409) == found


@pytest.mark.parametrize(("kind", "status"), [("refused", 422), ("unknown_lost", 504)])
def test_every_send_tells_how_it_failed(linked: Gateway, kind: Any, status: int) -> None:
    message_id = sent(linked)
    linked.world.control.fail_sends(linked.get("/sessions/my-bot").json["id"], kind, times=1000)
    found = answers(linked, SENDS, message_id)
    assert dict.fromkeys(found, status) == found


@pytest.mark.parametrize(("error", "status"), [(base.Refused("no"), 422), (base.OutcomeUnknown("late"), 504)])
def test_what_an_engine_says_of_a_change_is_told(
    linked: Gateway, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """The simulator itself has no reason to refuse these."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    message_id = sent(linked)
    for verb in ("react", "revoke", "edit", "history", "reactions", "set_picture"):
        monkeypatch.setattr(Simulator, verb, fail)
    found = answers(linked, [one for one in [*ASKS, *LIVE] if str(status) in one.responses], message_id)
    refused_edit = {"messages.edit": 403} if status == 422 else {}  # OpenWA's; its 422 is of a key used otherwise
    assert {**dict.fromkeys(found, status), **refused_edit} == found


def test_with_another_engine_there_is_no_simulator(gateway: Gateway, site: Site) -> None:
    gateway.session()
    site._gate.house.context["world"] = None  # noqa: SLF001 - as it is with another engine
    assert {} == others(gateway, [one for one in promise("501") if one.id.startswith("simulator.")], 501)
