"""The gateway's inside, as admins see it."""

import pytest

from engines.capabilities import CAPABILITIES
from tests.spec import operations
from tests.support import Gateway


@pytest.fixture
def settings() -> dict[str, str]:
    return {"METRICS_TOKEN": "a-secret-token", "API_KEY_PEPPER": "a-secret-pepper", "S3_ACCESS_KEY_ID": "a-secret-id",
            "S3_SECRET_ACCESS_KEY": "a-secret-key"}  # fmt: skip


def test_anyone_may_ask_whether_the_gateway_answers(gateway: Gateway) -> None:
    assert {"status": "ok", "timestamp": "2027-01-15T08:00:00.000Z"} == gateway.get("/infra/health", key=None).json


def test_the_status_tells_of_the_database_and_the_queues(gateway: Gateway) -> None:
    session = gateway.session(ready=True)
    to = f"/sessions/{session}/messages/send-text"
    gateway.post(to, json={"chatId": "628123456789@c.us", "text": "now"})
    gateway.post(to, json={"chatId": "628123456789@c.us", "text": "later"}, headers={"Prefer": "respond-async"})
    told = gateway.get("/infra/status").json
    sqlite = gateway.program.db.is_sqlite
    assert ("sqlite" if sqlite else "postgres", True) == (told["database"]["type"], told["database"]["connected"])
    assert {"pending": 1, "completed": 1, "failed": 0} == told["queue"]["messages"]
    assert {"pending": 0, "completed": 0, "failed": 0} == told["queue"]["webhooks"]
    assert "simulator" == told["engine"]["type"]


def test_the_engines_tell_what_operations_may_need_of_them(gateway: Gateway) -> None:
    found = {engine["id"]: engine for engine in gateway.get("/infra/engines").json}
    assert found.keys() == CAPABILITIES.keys()
    assert (True, False) == (found["simulator"]["enabled"], found["whatsmeow"]["enabled"])
    needed = {o.raw["x-capability"] for o in operations() if "x-capability" in o.raw}
    assert set() == needed - set(found["simulator"]["features"])


def test_the_engine_that_runs_is_named(gateway: Gateway) -> None:
    assert {"engineType": "simulator"} == gateway.get("/infra/engines/current").json


def test_the_configuration_is_shown_without_a_secret(gateway: Gateway) -> None:
    answer = gateway.get("/infra/config")
    assert gateway.program.db.is_sqlite == answer.json["database"]["builtIn"]
    assert ("local", True) == (answer.json["storage"]["type"], answer.json["storage"]["s3CredentialsSet"])
    assert not [word for word in ("a-secret", gateway.admin) if word in answer.get_data(as_text=True)]


def test_no_request_changes_the_configuration(gateway: Gateway) -> None:
    answer = gateway.put("/infra/config", json={"engine": {"type": "baileys"}})
    assert (501, "Not Implemented") == (answer.status_code, answer.json["error"])
    assert "read-only at runtime" in answer.json["message"]


@pytest.mark.parametrize("path", ["status", "engines", "engines/current", "config"])
def test_the_inside_is_for_admins_of_the_whole_gateway(gateway: Gateway, path: str) -> None:
    session = gateway.session()
    bound = gateway.key("admin", allowedSessions=[session])
    keys = (gateway.key("operator"), bound, None)
    assert [403, 401, 401] == [gateway.get(f"/infra/{path}", key=key).status_code for key in keys]
