"""Tools for agents at /mcp: the document's operations under the caller's key, and nothing beyond what it may."""

import json
from typing import Any

import mcp_types
import pytest
from werkzeug.test import TestResponse

from gateway import mcp
from gateway.document import bundle
from tests.support import Gateway

ON = {"MCP_ENABLED": "true"}
BOTH = {"MCP_ENABLED": "true", "MCP_READONLY": "false"}


def ask(gateway: Gateway, method: str, params: Any = None, key: str | None = None, **more: Any) -> TestResponse:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params})}
    headers = {"X-API-Key": gateway.admin if key is None else key, "Accept": "application/json, text/event-stream"}
    return gateway.client.post("/mcp", **{"json": body, "headers": headers, **more})


def call(gateway: Gateway, tool: str, key: str | None = None, **arguments: Any) -> tuple[bool, Any]:
    """Whether a tool failed, and the JSON that it said, or its text."""
    result = ask(gateway, "tools/call", {"name": tool, "arguments": arguments}, key).json["result"]
    mcp_types.CallToolResult.model_validate(result)
    text = result["content"][0]["text"]
    return result["isError"], json.loads(text) if text[0] in "{[" else text


def names(gateway: Gateway, key: str | None = None) -> set[str]:
    listed = ask(gateway, "tools/list", key=key).json["result"]
    return {tool.name for tool in mcp_types.ListToolsResult.model_validate(listed).tools}


def test_it_is_off_unless_asked_for(gateway: Gateway) -> None:
    assert 404 == ask(gateway, "ping").status_code


@pytest.mark.parametrize("settings", [ON])
def test_a_client_is_greeted(gateway: Gateway) -> None:
    greeting = ask(gateway, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}).json["result"]
    assert "2025-06-18" == mcp_types.InitializeResult.model_validate(greeting).protocol_version
    assert (202, b"") == ((told := note(gateway)).status_code, told.get_data())
    assert {} == ask(gateway, "ping").json["result"]


def note(gateway: Gateway) -> TestResponse:
    return ask(gateway, "", json={"jsonrpc": "2.0", "method": "notifications/initialized"})


@pytest.mark.parametrize("settings", [ON])
def test_it_only_reads_unless_allowed(gateway: Gateway) -> None:
    reading = {
        one["operationId"].replace(".", "_")
        for item in bundle()["paths"].values()
        for m, one in item.items()
        if m == "get"
    }
    assert names(gateway) <= reading
    assert {"sessions_list_all", "messages_list_all", "contacts_list_all"} <= names(gateway)
    answer = ask(gateway, "tools/call", {"name": "messages_send_text", "arguments": {}}).json
    assert -32602 == answer["error"]["code"]


@pytest.mark.parametrize("settings", [ON])
def test_a_tool_answers_as_its_operation_does(gateway: Gateway) -> None:
    gateway.session("my-bot")
    assert (False, gateway.get("/sessions/my-bot").json) == call(gateway, "sessions_get", sessionId="my-bot")
    assert (False, gateway.get("/sessions?limit=1").json) == call(gateway, "sessions_list_all", limit=1)
    failed, said = call(gateway, "sessions_get", sessionId="nobody")
    assert (True, 404) == (failed, said["statusCode"])


@pytest.mark.parametrize("settings", [BOTH])
def test_where_it_may_write_it_sends_and_does_nothing_graver(gateway: Gateway) -> None:
    gateway.session("my-bot", ready=True)
    text = {"chatId": "447700900001@c.us", "text": "Hello from an agent"}
    failed, sent = call(gateway, "messages_send_text", sessionId="my-bot", body=text)
    assert (False, "447700900001") == (failed, sent["messageId"].split("_")[1].split("@")[0])
    graver = {"auth_create_api_key", "sessions_create", "sessions_delete", "bulk_send", "webhooks_create"}
    assert not graver & names(gateway)


@pytest.mark.parametrize("settings", [BOTH])
def test_a_key_is_shown_and_may_use_what_its_role_may(gateway: Gateway) -> None:
    viewer = gateway.key("viewer")
    assert "messages_send_text" not in names(gateway, viewer)
    assert "auth_list_api_keys" not in names(gateway, viewer)
    body = {"chatId": "447700900001@c.us", "text": "Hello"}
    failed, said = call(gateway, "messages_send_text", viewer, sessionId="my-bot", body=body)
    assert (True, 403) == (failed, said["statusCode"])


@pytest.mark.parametrize("settings", [ON])
def test_a_key_bound_to_a_session_sees_no_other(gateway: Gateway) -> None:
    mine, other = gateway.session("mine"), gateway.session("other")
    key = gateway.key("viewer", allowedSessions=[mine])
    assert [mine] == [one["id"] for one in call(gateway, "sessions_list_all", key)[1]]
    failed, said = call(gateway, "sessions_get", key, sessionId=other)
    assert (True, 401) == (failed, said["statusCode"])


@pytest.mark.parametrize("settings", [ON])
@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_a_key_that_works_nothing_is_said(gateway: Gateway, key: str) -> None:
    assert 401 == ask(gateway, "tools/list", key=key).status_code


@pytest.mark.parametrize("settings", [ON])
def test_a_key_may_come_as_a_bearer_token(gateway: Gateway) -> None:
    answer = ask(gateway, "ping", headers={"Authorization": f"Bearer {gateway.admin}"})
    assert 200 == answer.status_code


@pytest.mark.parametrize("settings", [BOTH])
@pytest.mark.parametrize("given", ["my-bot/chats", "../auth", "", "a/b"])
def test_an_argument_leads_to_no_other_operation(gateway: Gateway, given: str) -> None:
    failed, said = call(gateway, "sessions_get", sessionId=given)
    assert (True, "sessionId may hold no slash") == (failed, said)


@pytest.mark.parametrize("settings", [ON])
def test_arguments_that_are_none_are_told(gateway: Gateway) -> None:
    assert (True, "colour is no argument; sessionId is missing") == call(gateway, "sessions_get", colour="green")


@pytest.mark.parametrize("settings", [ON])
@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [(b"no json", 400, -32700), (b"[]", 400, -32600), (b'{"id":1,"method":"nonsense"}', 200, -32601),
     (b'{"id":1,"method":"tools/list","params":3}', 200, -32602)],
)  # fmt: skip
def test_what_is_no_request_is_refused(gateway: Gateway, raw: bytes, status: int, code: int) -> None:
    answer = ask(gateway, "", json=None, data=raw)
    assert (status, code) == (answer.status_code, answer.json["error"]["code"])


@pytest.mark.parametrize("settings", [ON])
def test_other_methods_are_told_which_will_do(gateway: Gateway) -> None:
    answer = gateway.client.get("/mcp")
    assert (405, "POST") == (answer.status_code, answer.headers["Allow"])


def test_what_a_tool_takes_stands_alone() -> None:
    for tool in mcp.tools(bundle(), read_only=False).values():
        text = json.dumps(tool.shown["inputSchema"])
        assert "#/components/" not in text, tool.shown["name"]
        assert len(tool.shown["name"]) <= 64


@pytest.mark.parametrize("settings", [BOTH])
def test_a_tool_is_described_by_the_document(gateway: Gateway) -> None:
    told = {
        one["operationId"].replace(".", "_"): (one["summary"], one["description"].strip())
        for item in bundle()["paths"].values()
        for one in item.values()
    }
    shown = {tool["name"]: tool["description"] for tool in ask(gateway, "tools/list").json["result"]["tools"]}
    assert {name: ". ".join(told[name]) for name in shown} == shown
