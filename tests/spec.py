"""The document taken apart, for the tests of its rules: operations, schemas with where they stand, examples."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from engines.base import Capability
from gateway.document import resolve
from tests.support import document

ROLES = {"public", "viewer", "operator", "admin"}
EXTENSIONS = {  # where each may stand, and what it may say
    "x-required-role": ROLES,
    "x-scope": {"gateway"},
    "x-rate-limit": {"exempt"},
    "x-while-draining": {"answers"},
    "x-capability": {capability.value for capability in Capability},
    "x-clamp": None,
    "x-message": None,
    "x-file": {True},
    "x-large": {True},
}
SENTENCE = re.compile(r"\S.*\.\s*\Z", re.DOTALL)
_METHODS = ("get", "post", "put", "patch", "delete")
_COMPOSED = ("allOf", "anyOf", "oneOf")


class Operation(NamedTuple):
    """One operation and its address."""

    method: str
    path: str
    raw: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.raw["operationId"])

    @property
    def secured(self) -> bool:
        return bool(self.raw.get("security", document()["security"]))

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return [resolve(document(), parameter) for parameter in self.raw.get("parameters", [])]

    @property
    def body(self) -> dict[str, Any] | None:
        """The media type of the body, None where there is no body."""
        return self.raw["requestBody"]["content"]["application/json"] if "requestBody" in self.raw else None

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        return {status: resolve(document(), response) for status, response in self.raw["responses"].items()}


def operations() -> list[Operation]:
    """Every operation of the document."""
    return [
        Operation(method.upper(), path, item[method])
        for path, item in document()["paths"].items()
        for method in _METHODS
        if method in item
    ]


def media_types() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every media type of every body and answer, with where it stands."""
    for operation in operations():
        if operation.body is not None:
            yield f"{operation.id} body", operation.body
        for status, response in operation.responses.items():
            for kind, media in response.get("content", {}).items():
                yield f"{operation.id} {status} {kind}", media


def schemas() -> list[tuple[str, dict[str, Any]]]:
    """Every schema of the document that is no reference, once, with where it stands."""
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    components = document()["components"]
    for name, schema in components["schemas"].items():
        _collect(f"schemas.{name}", schema, found)
    for section in ("parameters", "headers"):
        for name, value in components.get(section, {}).items():
            _collect(f"{section}.{name}", value["schema"], found)
    for operation in operations():
        for parameter in operation.parameters:
            _collect(f"{operation.id} {parameter['name']}", parameter["schema"], found)
    for where, media in media_types():
        _collect(where, media["schema"], found)
    return list(found.values())


def _collect(where: str, schema: dict[str, Any], found: dict[int, tuple[str, dict[str, Any]]]) -> None:
    if "$ref" not in schema and id(schema) not in found:
        found[id(schema)] = (where, schema)
        for name, child in children(schema):
            _collect(f"{where}.{name}", child, found)


def children(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas directly inside a schema, by a name to find them by."""
    yield from schema.get("properties", {}).items()
    for keyword in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(keyword), dict):
            yield keyword, schema[keyword]
    for keyword in _COMPOSED:
        for index, branch in enumerate(schema.get(keyword, [])):
            yield f"{keyword}{index}", branch


def reachable(schema: dict[str, Any], seen: set[int] | None = None) -> Iterator[dict[str, Any]]:
    """The schema and all that it leads to, references followed."""
    seen = set() if seen is None else seen
    schema = resolve(document(), schema)
    if id(schema) not in seen:
        seen.add(id(schema))
        yield schema
        for _, child in children(schema):
            yield from reachable(child, seen)


class NoExample(Exception):
    """Something has no example and none can be put together."""


def example_of(schema: dict[str, Any], where: str) -> Any:
    """The example written at a schema, or put together from its properties' and items'. Raises NoExample."""
    schema = resolve(document(), schema)
    if "example" in schema:
        return schema["example"]
    if schema.get("type") == "object" and "properties" in schema:
        return {name: example_of(value, f"{where}.{name}") for name, value in schema["properties"].items()}
    if schema.get("type") == "array":
        return [example_of(schema["items"], f"{where}.items")]
    if len(schema.get("allOf", [])) == 1:
        return example_of(schema["allOf"][0], where)
    if schema.get("type") == "boolean" or "enum" in schema or "default" in schema:
        return schema.get("default", schema.get("enum", [True])[0])
    raise NoExample(where)


def written_examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example that somebody wrote, with where it stands and the schema it illustrates."""
    for where, schema in schemas():
        if "example" in schema:
            yield where, schema, schema["example"]
        if "default" in schema:
            yield f"{where} default", schema, schema["default"]
    illustrated = [*media_types()]
    illustrated += [(f"{o.id} {p['name']}", p) for o in operations() for p in o.parameters]
    illustrated += [(name, header) for name, header in document()["components"]["headers"].items()]
    for where, media in illustrated:
        if "example" in media:
            yield where, media["schema"], media["example"]
        for name, example in media.get("examples", {}).items():
            yield f"{where} {name}", media["schema"], example["value"]
