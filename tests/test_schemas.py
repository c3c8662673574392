"""The house rules of the schemas in the API document: sentences, bounds, formats, examples."""

import json
import re
from collections import defaultdict
from typing import Any

import jsonschema_rs

from gateway.validation import FORMATS
from tests.spec import (
    EXTENSIONS,
    SENTENCE,
    NoExample,
    children,
    example_of,
    media_types,
    operations,
    reachable,
    schemas,
    written_examples,
)
from tests.support import checker

NUMBER_FORMATS = {"int32", "int64", "double"}
STRING_FORMATS = {*FORMATS, "binary"}  # an answer of bytes needs no check


def test_every_schema_has_a_sentence() -> None:
    assert [] == [where for where, schema in schemas() if not SENTENCE.match(schema.get("description", ""))]


def test_every_schema_has_a_type_and_a_bound() -> None:
    composed = {"allOf", "oneOf", "anyOf"}
    assert [] == [where for where, schema in schemas() if not composed & schema.keys() and not _bounded(schema)]


def _bounded(schema: dict[str, Any]) -> bool:
    match schema["type"]:
        case "string":
            return "enum" in schema or "maxLength" in schema
        case "integer" | "number":
            return {"minimum", "maximum"} <= schema.keys() or {"minimum", "maximum"} == schema["x-clamp"].keys()
        case "array":
            return {"maxItems", "items"} <= schema.keys()
        case "object":
            return bool(schema.get("properties")) != ("maxProperties" in schema)
    return bool(schema["type"] == "boolean")


def test_every_object_that_a_client_sends_refuses_what_it_does_not_know() -> None:
    """A map of the client's own (no properties, bounded) is the one exception."""
    open_ = [
        f"{operation.id}: {schema.get('description')}"
        for operation in operations()
        if operation.body is not None
        for schema in reachable(operation.body["schema"])
        if schema.get("type") == "object"
        and schema.get("additionalProperties") is not False
        and ("properties" in schema or "maxProperties" not in schema)
    ]
    assert [] == open_


def test_every_format_is_one_that_is_enforced() -> None:
    for where, schema in schemas():
        if "format" in schema:
            assert schema["format"] in (STRING_FORMATS if schema["type"] == "string" else NUMBER_FORMATS), where


def test_every_pattern_has_an_example_that_it_matches_in_python_and_rust() -> None:
    for where, schema in schemas():
        if "pattern" in schema:
            assert re.search(schema["pattern"], schema["example"]), where
            assert jsonschema_rs.is_valid({"pattern": schema["pattern"]}, schema["example"]), where


def test_every_written_example_is_valid() -> None:
    wrong = {
        where: [error.message for error in checker(json.dumps(schema)).iter_errors(example)]
        for where, schema, example in written_examples()
        if not checker(json.dumps(schema)).is_valid(example)
    }
    assert {} == wrong


def test_every_request_and_success_has_an_example_or_its_properties_have() -> None:
    without, invalid = [], []
    for where, media in media_types():
        try:
            example = media.get("example") or media.get("examples") or example_of(media["schema"], where)
        except NoExample as error:
            without.append(str(error))
            continue
        if "examples" not in media and not checker(json.dumps(media["schema"])).is_valid(example):
            invalid.append(where)
    assert (without, invalid) == ([], [])


def test_no_object_schema_is_written_twice() -> None:
    written = defaultdict(list)
    for where, schema in schemas():
        if schema.get("properties"):
            written[json.dumps(schema["properties"], sort_keys=True)].append(where)
    assert [] == [places for places in written.values() if len(places) > 1]


def test_a_schema_knows_its_children() -> None:
    """The tests above walk by `children`: an unknown keyword would hide schemas from them."""
    known = {
        "type", "description", "properties", "items", "additionalProperties", "allOf", "anyOf", "oneOf", "not",
        "required", "enum", "format", "pattern", "default", "example", "nullable", "minimum", "maximum",
        "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
        "discriminator", *EXTENSIONS,
    }  # fmt: skip
    assert [] == [where for where, schema in schemas() if not schema.keys() <= known]
    assert [("items", {"type": "string"})] == list(children({"items": {"type": "string"}}))
