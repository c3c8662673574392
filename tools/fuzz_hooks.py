"""What schemathesis is told beyond tools/fuzz.toml: our formats, and which findings are none, with the reason."""

import functools
import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import ServerError
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoverageScenario
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


_fresh = itertools.count()
_turns: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)
_ENDING = (
    "sessions.delete", "sessions.stop", "sessions.force_kill", "simulator.end", "simulator.drop",
    "auth.update_api_key", "auth.revoke_api_key", "auth.delete_api_key",
)  # fmt: skip
_NOBODY = "00000000-0000-4000-8000-000000000000"
_EXAMPLE = "628123456789@c.us"
_EXAMPLES = {  # ids of the document's examples, and the dictionaries of what stands for them, one after the other
    "true_628123456789@c.us_3EB0ABCD": "said_to_example",
    "false_628123456789@c.us_3EB0ABCD": "heard_from_example",
}


@functools.cache
def _seeded(name: str) -> list[Any]:
    """A dictionary of tools/fuzz_seed.py."""
    return list(map(json.loads, Path(name).read_text().splitlines()))


def _cook(case: Any, operation: str) -> None:
    """Make a request that succeeds of every fourth one that is to, where there is a recipe."""
    recipes = [one for one in _seeded("recipes") if one["operation"] == operation]
    if not recipes or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    turn = next(_turns[operation])
    if turn % 4 == 0:
        recipe = recipes[turn // 4 % len(recipes)]
        case.path_parameters = {**(case.path_parameters or {}), **recipe.get("path", {})}
        case.body = recipe.get("body", case.body)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - called by name
    """Put what is there in the place of the document's examples, and let it not saw off the branch it sits on.

    `needed` is what everything else rests on, and schemathesis has read in lists: the linked session, and the key it
    uses. Each request gets an Idempotency-Key of its own where it has the example's: with the same for all of them
    whatever differs would be refused for that alone, and nothing else be seen.
    """
    operation = case.operation.definition.raw["operationId"]
    if operation in _ENDING:
        given = case.path_parameters or {}
        given.update({name: _NOBODY for name, value in given.items() if value in _seeded("needed")})
    if operation == "chats.delete" and isinstance(case.body, dict) and case.body.get("chatId") == _EXAMPLE:
        case.body["chatId"] = "447700900003@c.us"  # also has messages, that nothing else asks for
    _cook(case, operation)
    for name, value in case.body.items() if isinstance(case.body, dict) else ():
        if isinstance(value, str) and value in _EXAMPLES:
            known = _seeded(_EXAMPLES[value])
            case.body[name] = known[next(_fresh) % len(known)]
    key = (case.headers or {}).get("Idempotency-Key")
    if key == example(bundle(), {"$ref": "#/components/parameters/IdempotencyKey"}):
        case.headers["Idempotency-Key"] = f"fuzz-{os.getpid()}-{next(_fresh)}"


@schemathesis.check
def refused_for_what_it_is(ctx: Any, response: Any, case: Any) -> None:  # noqa: ARG001 - called by name
    """What the document has not, in a body or a query, is a 400 whatever else is wrong: it is looked at first.

    schemathesis' own check takes any refusal for the right one, that a name is taken or that there is no such session,
    and lets what is more than the document has in a query pass.
    """
    phase = case.meta and case.meta.phase.data
    if getattr(phase, "scenario", None) != CoverageScenario.OBJECT_UNEXPECTED_PROPERTIES:
        return
    place = phase.parameter_location
    overlooked = response.status_code < 300 or response.status_code in (404, 409, 422)
    if overlooked and place in (ParameterLocation.BODY, ParameterLocation.QUERY):
        raise AssertionError(f"what is not documented was overlooked in the {place.value}: {response.status_code}")


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:  # noqa: ARG001 - called by name
    """Whether it is one.

    A schema cannot say that a session has to be started first, or that an Idempotency-Key was used for another body:
    that is a 400 or 422 with one sentence. Whatever the schema can say is refused with a list, and stays a finding.
    Nor can it say what base64 is while data URIs are taken as well: a list with nothing but that is none either.
    A 501 is an answer that the document has where the engine cannot, or nobody may, and a 504 one where the simulator
    was told, by the fuzz itself, not to answer; elsewhere they are undocumented, which is a finding of its own.
    `GET /channels/subscribe` asks for a channel of that name, whatever else `POST` may do under it.
    OpenAPI 3.0 describes a stream as text and has no word for one event in it; tests/test_streams.py holds those.
    """
    if isinstance(failure, JsonSchemaError) and response.headers.get("content-type") == ["text/event-stream"]:
        return False
    if isinstance(failure, ServerError) and response.status_code in (501, 504):
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
