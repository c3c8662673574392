"""What a validation problem is called: class-validator's sentences, which OpenWA's clients know."""

from collections.abc import Callable
from typing import Any

_TYPES = {
    "string": "{0} must be a string",
    "integer": "{0} must be an integer number",
    "number": "{0} must be a number conforming to the specified constraints",
    "boolean": "{0} must be a boolean value",
    "array": "{0} must be an array",
    "object": "{0} must be an object",
}
_FORMATS = {
    "uuid": "{0} must be a UUID",
    "date-time": "{0} must be a valid ISO 8601 date string",
    "uri": "{0} must be a URL address",
    "ip-network": "{0} must be an IPv4 or IPv6 address or network",
}
_RULES: dict[str, Callable[[dict[str, Any]], str]] = {
    "type": lambda schema: _TYPES[_type(schema)],
    "format": lambda schema: _FORMATS.get(schema["format"], "{0} must be " + schema["format"]),
    "enum": lambda schema: (
        "{0} must be one of the following values: " + ", ".join(str(v) for v in schema["enum"] if v is not None)
    ),
    "pattern": lambda schema: "{0} must match /" + _braces(schema["pattern"]) + "/ regular expression",
    "minLength": lambda schema: (
        "{0} should not be empty"
        if schema["minLength"] == 1
        else f"{{0}} must be longer than or equal to {schema['minLength']} characters"
    ),
    "maxLength": lambda schema: f"{{0}} must be shorter than or equal to {schema['maxLength']} characters",
    "minimum": lambda schema: f"{{0}} must not be less than {schema['minimum']}",
    "maximum": lambda schema: f"{{0}} must not be greater than {schema['maximum']}",
    "exclusiveMinimum": lambda schema: f"{{0}} must be greater than {schema['minimum']}",
    "exclusiveMaximum": lambda schema: f"{{0}} must be less than {schema['maximum']}",
    "minItems": lambda schema: (
        "{0} should not be empty"
        if schema["minItems"] == 1
        else f"{{0}} must contain at least {schema['minItems']} elements"
    ),
    "maxItems": lambda schema: f"{{0}} must contain no more than {schema['maxItems']} elements",
    "uniqueItems": lambda _: "All {0}'s elements must be unique",
    "minProperties": lambda schema: f"{{0}} must contain at least {schema['minProperties']} properties",
    "maxProperties": lambda schema: f"{{0}} must contain no more than {schema['maxProperties']} properties",
    "oneOf": lambda _: "{0} must match exactly one of the documented forms",
    "anyOf": lambda _: "{0} must match one of the documented forms",
    "not": lambda _: "{0} must not be of that form",
}
# The order in which a missing property's rules are told: as class-validator runs decorators, the last one first.
_TOLD_FIRST = (
    "enum",
    "pattern",
    "format",
    "maximum",
    "minimum",
    "maxItems",
    "minItems",
    "maxLength",
    "minLength",
    "type",
)


def broken(rule: str, schema: dict[str, Any], where: str) -> str:
    """The sentence for `where` breaking one `rule` of its `schema`; the schema's own `x-message` wins for a pattern."""
    if rule == "pattern" and "x-message" in schema:
        return str(schema["x-message"])
    told = _RULES.get(rule)
    return told(schema).format(where) if told else f"{where} is not valid ({rule})"


def missing(schema: dict[str, Any], where: str) -> list[str]:
    """The sentences for a required value that is not there: every rule it breaks."""
    return [broken(rule, schema, where) for rule in _TOLD_FIRST if rule in schema] or [f"{where} should not be empty"]


def unexpected(where: str) -> str:
    """The sentence for a field or query parameter that the document does not have."""
    return f"property {where} should not exist"


def _type(schema: dict[str, Any]) -> str:
    kind = schema["type"]
    return str(next(k for k in kind if k != "null") if isinstance(kind, list) else kind)


def _braces(pattern: str) -> str:
    return pattern.replace("{", "{{").replace("}", "}}")
