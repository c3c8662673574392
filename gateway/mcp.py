"""Tools for agents: the Model Context Protocol at /mcp, made of the document, stateless, as one WSGI route.

Each tool is an operation, called through the gateway's own front door with the caller's key: roles, scopes, validation
and limits are those of the API, and there is nothing here that could differ from it.
"""

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from gateway import __version__
from gateway.config import Config
from gateway.document import resolve
from gateway.validation import folded

PATH = "/mcp"
_LARGEST = 4 * 2**20
_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
_RANK = {"viewer": 1, "operator": 2, "admin": 3}
_NOT_FOR_AGENTS = frozenset({"docs", "health", "infra", "metrics", "simulator"})
# What an agent may change where it may change anything: no keys, no settings, no session's life, nothing in bulk.
_WRITABLE = frozenset({"channels", "chats", "contacts", "groups", "labels", "messages", "status", "templates"})
_OURS = ("werkzeug.", "openwa.", "flask.")  # of the outer request
_REFERENCE = "#/components/schemas/"

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
Json = dict[str, Any]


class Tool(NamedTuple):
    """An operation as a tool: `shown` is what clients are told of it."""

    method: str
    path: str
    parameters: list[Json]
    rank: int
    shown: Json


def beside(app: Wsgi, document: Json, config: Config) -> Wsgi:
    """The app, with /mcp beside it where the configuration wants that."""
    return Mcp(document, app, read_only=config.mcp_readonly) if config.mcp_enabled else app


class Refused(Exception):
    """A JSON-RPC error: its code and sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Mcp:
    """The app with /mcp beside it."""

    def __init__(self, document: Json, app: Wsgi, *, read_only: bool) -> None:
        self._app = app
        self._about = document["info"]["description"].split("\n\n")[0]
        self._tools = tools(document, read_only=read_only)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return self._app(environ, start)
        status, body = self._answer(environ)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start(status, [*headers, ("Allow", "POST")] if status.startswith("405") else headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[str, bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if environ["REQUEST_METHOD"] != "POST":
            return "405 Method Not Allowed", _error(None, -32600, "Only POST: there are no streams here")
        if not length.isdigit() or int(length) > _LARGEST:
            return "413 Payload Too Large", _error(None, -32600, "The request is too large")
        raw = environ["wsgi.input"].read(int(length))
        status, who = self._ask(environ, "POST", "/api/auth/validate")
        return self._said(environ, raw, orjson.loads(who)["role"]) if status.startswith("200") else (status, who)

    def _said(self, environ: dict[str, Any], raw: bytes, role: str) -> tuple[str, bytes]:
        try:
            asked = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return "400 Bad Request", _error(None, -32700, "Parse error")
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            return "400 Bad Request", _error(None, -32600, "Invalid request")
        if "id" not in asked:
            return "202 Accepted", b""
        try:
            result = self._result(environ, asked["method"], asked.get("params") or {}, role)
        except Refused as refused:
            return "200 OK", _error(asked["id"], refused.code, str(refused))
        return "200 OK", orjson.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    def _result(self, environ: dict[str, Any], method: str, params: Any, role: str) -> Json:
        if not isinstance(params, dict):
            raise Refused(-32602, "Parameters are an object")
        match method:
            case "initialize":
                wanted = params.get("protocolVersion")
                return {
                    "protocolVersion": wanted if wanted in _VERSIONS else _VERSIONS[0],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "openwa-gateway", "version": __version__},
                    "instructions": self._about,
                }
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [tool.shown for tool in self._tools.values() if tool.rank <= _RANK[role]]}
            case "tools/call":
                return self._call(environ, params)
        raise Refused(-32601, f"There is no method {method[:100]}")

    def _call(self, environ: dict[str, Any], params: Json) -> Json:
        tool = self._tools.get(str(params.get("name")))
        given = params.get("arguments") or {}
        if tool is None or not isinstance(given, dict):
            raise Refused(-32602, f"There is no tool {str(params.get('name'))[:100]} that takes this")
        problem = _unfit(tool, given)
        if problem is not None:
            return _told(problem, failed=True)
        path, query = _address(tool, given)
        status, body = self._ask(environ, tool.method, f"/api{path}", query, given.get("body"))
        return _told(body.decode() or "Done.", failed=not status.startswith("2"))

    def _ask(
        self, environ: dict[str, Any], method: str, path: str, query: str = "", body: Any = None
    ) -> tuple[str, bytes]:
        """One request to the gateway itself, of the same caller; its status line and body."""
        raw = b"" if body is None else orjson.dumps(body)
        kept = {name: value for name, value in environ.items() if not name.startswith(_OURS)}
        kept.pop("HTTP_ACCEPT", None)
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer":
            kept.setdefault("HTTP_X_API_KEY", token)
        asked = {
            **kept, "REQUEST_METHOD": method, "PATH_INFO": _unquoted(path), "QUERY_STRING": query, "RAW_URI": path,
            "REQUEST_URI": path, "CONTENT_TYPE": "application/json" if raw else "", "CONTENT_LENGTH": str(len(raw)),
            "wsgi.input": io.BytesIO(raw),
        }  # fmt: skip
        told: list[str] = []
        answer = self._app(asked, lambda status, *_: told.append(status))
        try:
            content = b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        return told[0], content


def tools(document: Json, *, read_only: bool) -> dict[str, Tool]:
    """The operations that are tools, by name: `messages.send_text` is `messages_send_text`."""
    found = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag, reads = operation["tags"][0], method == "get"
            if tag in _NOT_FOR_AGENTS or not _speaks_json(document, operation):
                continue
            if reads or (not read_only and method != "delete" and tag in _WRITABLE):
                made = _tool(document, method, path, operation)
                found[made.shown["name"]] = made
    return found


def _speaks_json(document: Json, operation: Json) -> bool:
    successes = [resolve(document, one) for status, one in operation["responses"].items() if status.startswith("2")]
    return all("application/json" in one.get("content", {"application/json": None}) for one in successes)


def _tool(document: Json, method: str, path: str, operation: Json) -> Tool:
    parameters = [resolve(document, one) for one in operation.get("parameters", [])]
    parameters = [one for one in parameters if one["in"] != "header"]
    properties = {one["name"]: {**one["schema"], "description": one["description"]} for one in parameters}
    required = [one["name"] for one in parameters if one.get("required")]
    if "requestBody" in operation:
        properties["body"] = resolve(document, operation["requestBody"])["content"]["application/json"]["schema"]
        required.append("body")
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    shown = {
        "name": operation["operationId"].replace(".", "_"),
        "title": operation["summary"],
        "description": f"{operation['summary']}. {operation['description'].strip()}",
        "inputSchema": _standing_alone(document, schema),
        "annotations": {"title": operation["summary"], "readOnlyHint": method == "get", "openWorldHint": True},
    }
    return Tool(method.upper(), path, parameters, _RANK.get(operation["x-required-role"], 0), shown)


def _standing_alone(document: Json, schema: Json) -> Json:
    """The schema with all that it refers to inside, as JSON Schema has it."""
    needed: Json = {}
    wanted = _names(schema)
    while wanted:
        name = wanted.pop()
        needed[name] = document["components"]["schemas"][name]
        wanted |= _names(needed[name]) - needed.keys()
    whole = folded({**schema, "$defs": needed} if needed else schema)
    return dict(json.loads(json.dumps(whole).replace(_REFERENCE, "#/$defs/")))


def _names(schema: Json) -> set[str]:
    return set(re.findall(rf'"\$ref": "{_REFERENCE}([^"]+)"', json.dumps(schema)))


def _unquoted(path: str) -> str:
    """The path as WSGI has it: its bytes, read as latin-1."""
    return re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), path)


def _unfit(tool: Tool, given: Json) -> str | None:
    """Why these arguments cannot be made a request; what is in them, the operation judges."""
    known = tool.shown["inputSchema"]
    said = [f"{name} is no argument" for name in given.keys() - known["properties"].keys()]
    said += [f"{name} is missing" for name in set(known["required"]) - given.keys()]
    inside = [one["name"] for one in tool.parameters if one["in"] == "path" and one["name"] in given]
    # A slash would lead to another operation.
    said += [f"{name} may hold no slash" for name in inside if "/" in str(given[name]) or not str(given[name])]
    return "; ".join(sorted(said)) or None


def _address(tool: Tool, given: Json) -> tuple[str, str]:
    """The path, percent-encoded, and the query."""
    path, query = tool.path, []
    for one in tool.parameters:
        if one["in"] == "path":
            path = path.replace("{" + one["name"] + "}", quote(str(given[one["name"]]), safe=""))
        elif one["name"] in given:
            values = given[one["name"]] if isinstance(given[one["name"]], list) else [given[one["name"]]]
            query += [(one["name"], str(value).lower() if isinstance(value, bool) else str(value)) for value in values]
    return path, urlencode(query)


def _told(text: str, *, failed: bool) -> Json:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _error(of: Any, code: int, message: str) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": of, "error": {"code": code, "message": message}})
