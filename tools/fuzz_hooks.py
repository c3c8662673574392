"""What schemathesis is told beyond tools/fuzz.toml: our formats, and which findings are none, with the reason."""

import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import ServerError
from schemathesis.openapi.checks import (
    AllowHeaderMismatch,
    JsonSchemaError,
    RejectedPositiveData,
    UnsupportedMethodResponse,
)

from gateway.document import bundle, example

networks = st.one_of(
    st.ip_addresses().map(str),
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 128)),
)
schemathesis.openapi.format("ip-network", networks)


_EVERY = 4  # generated requests of an operation, of which one becomes a recipe's
_ALONE = bool(os.environ.get("FUZZ_OPERATION"))
_fresh = itertools.count()
_turns: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


@cache
def _recipes() -> dict[str, list[dict[str, Any]]]:
    """See tools/fuzz_seed.py; none where schemathesis is run by hand."""
    file = Path("recipes.json")
    return json.loads(file.read_text()) if file.exists() else {}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - called by name
    """Make something of a request that succeeds now and then, and give each a key of its own.

    With the document's example as key for all of them whatever differs would be refused for that alone, and nothing
    else be seen.
    """
    name = case.operation.definition.raw["operationId"]
    if name == "infra.import_data" and not _ALONE and isinstance(case.body, dict) and case.body.get("force") is True:
        case.body = {**case.body, "force": False}  # it would take the place of all that is seeded
    if name in _recipes() and case.meta is not None and case.meta.generation.mode.is_positive:
        turn = next(_turns[name])
        if turn % _EVERY == 0:
            recipe = _recipes()[name][turn // _EVERY % len(_recipes()[name])]
            case.path_parameters = {**case.path_parameters, **recipe.get("path", {})}
            case.body = recipe.get("body", case.body)
    key = (case.headers or {}).get("Idempotency-Key")
    if key == example(bundle(), {"$ref": "#/components/parameters/IdempotencyKey"}):
        case.headers["Idempotency-Key"] = f"fuzz-{os.getpid()}-{next(_fresh)}"


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:  # noqa: ARG001 - called by name
    """Whether it is one.

    A schema cannot say that a session has to be started first, or that an Idempotency-Key was used for another body:
    that is a 400 or 422 with one sentence. Whatever the schema can say is refused with a list, and stays a finding.
    Nor can it say what base64 is while data URIs are taken as well: a list with nothing but that is none either.
    A 501 is an answer that the document has where the engine cannot, or nobody may; elsewhere it is undocumented.
    `GET /channels/subscribe` asks for a channel of that name, whatever else `POST` may do under it.
    OpenAPI 3.0 describes a stream as text and has no word for one event in it; tests/test_streams.py holds those.
    """
    if isinstance(failure, JsonSchemaError) and response.headers.get("content-type") == ["text/event-stream"]:
        return False
    if isinstance(failure, ServerError) and response.status_code == 501:
        return False
    if isinstance(failure, AllowHeaderMismatch | UnsupportedMethodResponse) and _is_two(case):
        return False
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    message = response.json()["message"]
    if isinstance(message, list):
        return not all(str(problem).endswith("base64 must be base64") for problem in message)
    return bool(message.startswith(("Malformed JSON", "Request body")))


def _is_two(case: Any) -> bool:
    """Whether the path of this case is also an instance of another path of the document."""
    paths = case.operation.schema.raw_schema["paths"]
    others = (re.sub(r"\\{[^}]+}", "[^/]+", re.escape(path)) for path in paths if path != case.path)
    return any(re.fullmatch(other, case.path) for other in others)
