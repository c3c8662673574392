"""Whether the gateway keeps its word: answers and events held against the document while it runs.

A mismatch is counted and logged by its place, never by its content; the answer goes out as it is, whatever comes of it.
"""

import functools
import itertools
import json
import logging
import re
from typing import Any

import jsonschema_rs
import orjson

from gateway.document import resolve
from gateway.metrics import Metrics
from gateway.validation import FORMATS

log = logging.getLogger("openwa.contract")
_SHARES = {"sample": 100, "all": 1}  # every so manieth is held against the document
_LARGEST = 2**20
_METHODS = ("get", "post", "put", "patch", "delete")
_REFERENCE = re.compile(r'"\$ref": ?"#/components/schemas/([^"]+)"')


def watching(document: dict[str, Any], how: str, metrics: Metrics) -> "Promise | None":
    """Whoever holds answers and events against the document, for CONTRACT_CHECK; None where it is off."""
    return Promise(document, _SHARES[how], metrics) if how in _SHARES else None


class Promise:
    """Holds every `share`-th answer, and event, against the document."""

    def __init__(self, document: dict[str, Any], share: int, metrics: Metrics) -> None:
        self._document = document
        self._share = share
        self._metrics = metrics
        self._answers, self._events = itertools.count(), itertools.count()
        items = document["paths"].values()
        self._responses = {one[m]["operationId"]: one[m]["responses"] for one in items for m in _METHODS if m in one}
        self._kinds: dict[str, str] = document["components"]["schemas"]["Event"]["discriminator"]["mapping"]

    def answer(self, operation: str, status: int, kind: str, body: bytes) -> None:
        """An answer of this operation, its media type and body. Never raises."""
        if next(self._answers) % self._share == 0:
            self._note(f"{operation} {status}", functools.partial(self._wrong_answer, operation, status, kind, body))

    def delivery(self, payload: bytes) -> None:
        """What is posted to a webhook. Never raises."""
        if next(self._events) % self._share == 0:
            self._note("webhooks", functools.partial(self._wrong_delivery, payload))

    def _note(self, where: str, wrong: functools.partial[str | None]) -> None:
        try:
            problem = wrong()
        except Exception:  # it watches; what it stumbles over is its own fault
            log.exception("%s could not be held against the document", where)
            return
        self._metrics.held(where, kept=problem is None)
        if problem is not None:
            log.warning("%s is not what the document says: %s", where, problem)

    def _wrong_answer(self, operation: str, status: int, kind: str, body: bytes) -> str | None:
        promised = self._responses[operation].get(str(status))
        if promised is None:
            return "the status is not documented"
        content = resolve(self._document, promised).get("content")
        if content is None:
            return "it has a body" if body else None
        if kind not in content:
            return f"{kind} is not documented"
        if kind != "application/json" or len(body) > _LARGEST:
            return None
        return _first(self._checker(json.dumps(content[kind]["schema"])), orjson.loads(body))

    def _wrong_delivery(self, payload: bytes) -> str | None:
        told = orjson.loads(payload)
        envelope = _first(self._checker('{"$ref": "#/components/schemas/WebhookEnvelope"}'), told)
        if envelope is not None or told["event"] == "test":
            return envelope
        if told["event"] not in self._kinds:
            return "its event is no type of the document"
        schema = resolve(self._document, {"$ref": self._kinds[told["event"]]})
        return _first(self._checker(json.dumps(schema["properties"]["data"])), told["data"])

    @functools.lru_cache(maxsize=1000)  # noqa: B019 - lives as long as its gateway
    def _checker(self, schema: str) -> jsonschema_rs.Draft4Validator:
        return closed_checker(self._document, json.loads(schema))


def closed_checker(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Draft4Validator:
    """A validator of a response schema of the document that takes no property which is not there."""
    found: dict[str, Any] = {}
    wanted = set(_REFERENCE.findall(json.dumps(schema)))
    while wanted:
        name = wanted.pop()
        found[name] = document["components"]["schemas"][name]
        wanted |= set(_REFERENCE.findall(json.dumps(found[name]))) - found.keys()
    whole = {**_closed(schema), "components": {"schemas": _closed(found)}}
    return jsonschema_rs.Draft4Validator(whole, validate_formats=True, formats=FORMATS)


def _closed(schema: Any) -> Any:
    """With every object closed that does not say otherwise, and OpenAPI's nullable said in JSON Schema."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items() if key not in ("example", "examples", "x-clamp")}
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    if closed.pop("nullable", False) is True:
        closed["type"] = [closed["type"], "null"]
        if "enum" in closed:
            closed["enum"] = [*closed["enum"], None]
    return closed


def _first(check: jsonschema_rs.Draft4Validator, value: Any) -> str | None:
    """The first problem, by place and rule: values may be secrets."""
    if check.is_valid(value):
        return None
    error = next(check.iter_errors(value))
    place = ".".join(str(part) for part in error.instance_path) or "the whole"
    return f"{place} breaks {error.kind.name}"
