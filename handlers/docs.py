"""The document itself, as enforced."""

from typing import Any

TEXT_YAML = "application/yaml"


def openapi_json(document: Any) -> tuple[bytes, int, dict[str, str]]:
    """The whole document as JSON."""
    return document.json(), 200, {"Content-Type": "application/json"}


def openapi_yaml(document: Any) -> tuple[bytes, int, dict[str, str]]:
    """The whole document as YAML."""
    return document.yaml(), 200, {"Content-Type": TEXT_YAML}
