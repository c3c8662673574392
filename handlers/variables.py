"""Placeholders in what is sent: `{{name}}`, with or without spaces inside the braces, and the older `{name}`."""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z0-9_.-]+) *\}\}|\{([A-Za-z0-9_]+)\}")


def fill(content: Any, variables: Mapping[str, Any]) -> Any:
    """`content` (JSON) with the placeholders in all its strings filled in.

    What names no variable, or one that is null, stays as it is written; a value is never looked into.
    """
    match content:
        case str():
            return _PLACEHOLDER.sub(lambda found: _written(variables.get(found[1] or found[2]), found[0]), content)
        case dict():
            return {name: fill(value, variables) for name, value in content.items()}
        case list():
            return [fill(value, variables) for value in content]
    return content


def _written(value: Any, otherwise: str) -> str:
    """A value as JavaScript writes it, which OpenWA's users know."""
    match value:
        case None:
            return otherwise
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
    return str(value)
