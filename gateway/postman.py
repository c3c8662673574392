"""The document as a Postman collection, for those who try an API by hand."""

import re
from typing import Any

import orjson

from gateway.document import resolve
from gateway.samples import METHODS, Call, calls, origin

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(document: dict[str, Any]) -> bytes:
    """A collection (v2.1), a folder for each tag; its variables are the base address and the key."""
    made = calls(document)
    folders: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                one = item[method]
                folders[one["tags"][0]].append(_request(document, path, one, made[one["operationId"]]))
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    whole = {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": _SCHEMA,
        },
        "auth": _key_of(document),
        "variable": [{"key": "baseUrl", "value": origin(document)}, {"key": "apiKey", "value": ""}],
        "item": [
            {"name": tag, "description": described[tag], "item": items} for tag, items in folders.items() if items
        ],
    }
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2)


def _request(document: dict[str, Any], path: str, operation: dict[str, Any], call: Call) -> dict[str, Any]:
    parameters = [resolve(document, one) for one in operation.get("parameters", [])]
    told: dict[str, list[dict[str, Any]]] = {"path": [], "query": [], "header": []}
    for one in parameters:
        value = one.get("example", one["schema"].get("example", one["schema"].get("default", "")))
        shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        entry = {"key": one["name"], "value": shown, "description": one["description"]}
        told[one["in"]].append(entry if one.get("required") else {**entry, "disabled": True})
    parts = re.sub(r"{([^}]+)}", r":\1", path).strip("/").split("/")
    request: dict[str, Any] = {
        "method": call.method,
        "description": operation["description"],
        "header": told["header"],
        "url": {
            "raw": "{{baseUrl}}/" + "/".join(parts),
            "host": ["{{baseUrl}}"],
            "path": parts,
            "query": told["query"],
            "variable": told["path"],
        },
    }
    if "security" in operation:
        request["auth"] = {"type": "noauth"}
    if call.body is not None:
        text = orjson.dumps(call.body, option=orjson.OPT_INDENT_2).decode()
        request["body"] = {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
        request["header"].append({"key": "Content-Type", "value": "application/json"})
    return {"name": operation["summary"], "request": request, "response": []}


def _key_of(document: dict[str, Any]) -> dict[str, Any]:
    scheme = document["components"]["securitySchemes"]["apiKey"]
    values = {"key": scheme["name"], "value": "{{apiKey}}", "in": scheme["in"]}
    return {
        "type": "apikey",
        "apikey": [{"key": key, "value": value, "type": "string"} for key, value in values.items()],
    }
