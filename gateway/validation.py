"""Checks a request against its operation: everything in the document, all problems at once, compiled once.

connexion gives each operation's parameters and body to `RequestCheck` (its `uri_parser_class`) when the app is built;
the compiled check then runs once per request, before the handler and after security.
"""

import builtins
import functools
import inspect
import json
import keyword
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Protocol
from uuid import UUID

import jsonschema_rs
import orjson

from gateway import wording
from gateway.errors import Invalid, NotJson, UnsupportedMediaType
from gateway.skim import Skimmed, TooMuchText
from handlers.uploads import Upload

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_MANY_DIGITS = re.compile(r"-?[0-9]{19,400}")
_DEEPEST = 100
_MOST, _LONGEST = 1000, 300  # problems told, characters of each: an answer must not outgrow its request
_LARGEST = 4 * 2**20  # bytes of JSON that are parsed, media not counted: what it becomes in memory is many times that
_NUL = "must not contain null characters"


class Checked(Protocol):
    """What the check reads of a request, and writes: parsed values."""

    query: Any
    path_params: dict[str, Any]
    headers: Mapping[str, str]
    context: dict[str, Any]
    mimetype: str
    length: int
    body: bytes
    stream: Any

    def upload(self) -> Upload: ...


class RequestCheck:
    """One operation's check; called by connexion as a decorator.

    Values reach the handler through the request's context, which connexion passes on by argument name: converted,
    with defaults, under Python's names (`sessionId` is `session_id`, `from` is `from_`), the body as `body`.
    """

    def __init__(self, param_defns: list[dict[str, Any]], body_defn: dict[str, Any]) -> None:
        made = [_Parameter(p) for p in param_defns]
        self._path = [p for p in made if p.place == "path"]
        self._query = {p.name: p for p in made if p.place == "query"}
        self._headers = [p for p in made if p.place == "header"]
        self._needed = [p for p in made if p.required and p.place != "path"]
        self._defaults = {p.argument: p.schema["default"] for p in made if "default" in p.schema}
        self._body = _Body(body_defn["schema"]) if "schema" in body_defn else None

    def __call__(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        handler = inspect.unwrap(function)  # connexion's own wrapper looks for each argument in six places
        wanted = tuple(inspect.signature(handler).parameters)

        @functools.wraps(function)
        def checked(request: Any) -> Any:
            self.check(request)
            values = request.context
            return handler(**{name: values[name] for name in wanted if name in values})

        return checked

    def check(self, request: Checked) -> None:
        """Convert and check path, query, headers and body into the context. Raises Invalid with every problem."""
        problems: list[str] = []
        values = request.context
        values.update(self._defaults)
        for parameter in self._path:
            parameter.take(values, [request.path_params[parameter.name]], problems)
        request.path_params = {}
        if request.query:
            self._read_query(request.query, values, problems)
            request.query = {}
        for parameter in self._headers:
            given = request.headers.get(parameter.name)
            if given is not None:
                parameter.take(values, [given], problems)
        for parameter in self._needed:
            if parameter.argument not in values:
                problems.extend(wording.missing(parameter.schema, parameter.name))
        if self._body is not None:
            values["body"] = self._body.read(request, problems)
        if problems:
            raise Invalid([problem[:_LONGEST] for problem in dict.fromkeys(problems)][:_MOST])

    def _read_query(self, given: Any, values: dict[str, Any], problems: list[str]) -> None:
        for name, texts in given.lists():
            parameter = self._query.get(name)
            if parameter is None:
                problems.append(wording.unexpected(name[:100]))
            else:
                parameter.take(values, texts, problems)


class _Parameter:
    def __init__(self, definition: dict[str, Any]) -> None:
        self.name: str = definition["name"]
        self.argument = argument(self.name)
        self.place: str = definition["in"]
        self.required: bool = definition.get("required", False)
        self.schema: dict[str, Any] = folded(definition["schema"])
        self.is_list = self.schema["type"] == "array"
        items = self.schema["items"] if self.is_list else self.schema
        self._convert = _CONVERT[items["type"]]
        self._clamp = self.schema.get("x-clamp")
        self._check = compiled(self.schema)

    def take(self, into: dict[str, Any], texts: list[str], problems: list[str]) -> None:
        if any("\0" in text for text in texts):
            problems.append(f"{self.name} {_NUL}")
            return
        if len(texts) > 1 and not self.is_list:
            problems.append(f"{self.name} must be given once")
            return
        if self.is_list:
            value: Any = [self._convert(part) for text in texts if text for part in text.split(",")]
        else:
            value = self._convert(texts[0])
        if self._clamp and isinstance(value, int):
            value = min(max(value, self._clamp["minimum"]), self._clamp["maximum"])
        if self._check.is_valid(value):
            into[self.argument] = value
        else:
            problems.extend(_problems(self._check, self.schema, value, self.name))


class _Body:
    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = folded({key: value for key, value in schema.items() if key != "components"})
        self._check = compiled(self._schema)
        self._has_files = '"x-file": true' in json.dumps(self._schema)
        self._most = _LARGEST * 8 if schema.get("x-large") else _LARGEST

    def read(self, request: Checked, problems: list[str]) -> Any:
        if request.mimetype != "application/json":
            raise UnsupportedMediaType
        if not self._has_files:
            if request.length > self._most:
                raise TooMuchText(f"Request body is larger than {self._most} bytes")
            return self._parse(request.body, problems)
        skimmed = Skimmed(request.stream, request.upload, _LARGEST)
        return skimmed.restore(self._parse(skimmed.text, problems), "", problems)

    def _parse(self, raw: bytes, problems: list[str]) -> Any:
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise NotJson("Request body is empty" if not raw else f"Malformed JSON: {error}"[:200]) from None
        if raw.count(b"{") + raw.count(b"[") > _DEEPEST and _depth(value) > _DEEPEST:
            raise NotJson(f"Request body is nested deeper than {_DEEPEST} levels")
        if b"\\u0000" in raw:
            _find_nul(value, "", problems)
        if not self._check.is_valid(value):
            problems.extend(_problems(self._check, self._schema, value, ""))
        return value


def argument(name: str) -> str:
    """The Python name of a parameter of the document: `sessionId` is `session_id`, `from` is `from_`."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name.replace("-", "_")).lower()
    return f"{snake}_" if keyword.iskeyword(snake) or hasattr(builtins, snake) else snake


def compiled(schema: dict[str, Any]) -> jsonschema_rs.Draft4Validator:
    """A validator of an OpenAPI 3.0 schema whose `nullable` is already folded; knows the formats we use."""
    return jsonschema_rs.Draft4Validator(schema, validate_formats=True, formats=FORMATS)


def folded(schema: Any) -> Any:
    """The schema with OpenAPI's `nullable` said the JSON Schema way."""
    if isinstance(schema, list):
        return [folded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: folded(value) for key, value in schema.items() if key not in ("example", "examples")}
    if made.pop("nullable", False) is True:
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if "enum" in made and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
    return made


def _problems(check: jsonschema_rs.Draft4Validator, schema: dict[str, Any], value: Any, root: str) -> list[str]:
    strange: list[str] = []
    wrong: list[str] = []
    for error in check.iter_errors(value):
        kind = error.kind
        path = [*([root] if root else []), *(str(part) for part in error.instance_path)]
        if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
            strange.extend(wording.unexpected(".".join([*path, name[:100]])) for name in kind.unexpected)
            continue
        parent = _inside(schema, error.schema_path[:-1])
        if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
            wrong.extend(
                wording.missing(parent.get("properties", {}).get(kind.property, {}), ".".join([*path, kind.property]))
            )
        else:
            wrong.append(wording.broken(kind.name, parent, ".".join(path) or "body"))
    return list(dict.fromkeys([*strange, *wrong]))


def _inside(schema: Any, path: list[Any]) -> dict[str, Any]:
    for key in path:
        schema = schema[key]
    return schema if isinstance(schema, dict) else {}


def _find_nul(value: Any, where: str, problems: list[str]) -> None:
    if isinstance(value, str):
        if "\0" in value:
            problems.append(f"{where or 'body'} {_NUL}")
    elif isinstance(value, dict):
        for key, item in value.items():
            name = f"{where}.{key}" if where else key
            if "\0" in key:
                problems.append(f"{name} {_NUL}".replace("\0", "\\u0000"))
            _find_nul(item, name, problems)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_nul(item, f"{where}.{index}" if where else str(index), problems)


def _depth(value: Any) -> int:
    """How many objects and arrays stand inside one another at the deepest place; level by level, not by recursion."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    return depth


def _integer(text: str) -> Any:
    # Digits beyond 64 bits are still a number: the document's maximum, or the clamp, then has its say.
    return int(text) if _INTEGER.fullmatch(text) or _MANY_DIGITS.fullmatch(text) else text


def _number(text: str) -> Any:
    return float(text) if len(text) <= 300 and _NUMBER.fullmatch(text) else text


def _boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
        return moment.tzinfo is not None and "T" in text and bool(moment.astimezone(UTC))  # beyond year 9999 raises
    except (ValueError, OverflowError):
        return False


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


_CONVERT: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
FORMATS: dict[str, Callable[[str], bool]] = {"uuid": _is_uuid, "date-time": _is_moment, "ip-network": _is_network}
