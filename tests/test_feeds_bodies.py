"""Bodies that are nearly right: the caller is told so and nothing happens, or they are taken; never a 5xx."""

import json
import re
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.spec import Operation, example_of, operations
from tests.support import Gateway, checker

TAGS = ("labels", "channels", "catalog", "status", "profile")
WITH_BODY = [o for o in operations() if o.raw["tags"][0] in TAGS and o.body is not None]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def spoiled(draw: Any, whole: Any) -> Any:
    """A body with one thing of it, however deep, missing, replaced or too many."""
    if not isinstance(whole, dict) or not draw(st.integers(0, 9)):
        return draw(JUNK)
    name = draw(st.sampled_from([*sorted(whole), "colour"]))
    inner = whole.get(name)
    if isinstance(inner, dict) and draw(st.booleans()):
        return {**whole, name: spoiled(draw, inner)}
    if name in whole and draw(st.booleans()):
        return {key: value for key, value in whole.items() if key != name}
    return {**whole, name: draw(JUNK)}


def happened(gateway: Gateway) -> tuple[Any, ...]:
    """What WhatsApp knows of the account: what it sent and posted, how it shows itself, whom it follows."""
    (account,) = gateway.world.accounts.values()
    return len(account.sent), len(gateway.world.registry.stories), account.profile()


@st.composite
def requests(draw: Any) -> tuple[Operation, Any]:
    operation = draw(st.sampled_from(WITH_BODY))
    schema = operation.body["schema"] if operation.body else {}
    return operation, spoiled(draw, example_of(schema, operation.id))


@settings(
    max_examples=80, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(asked=requests())
@example(asked=(WITH_BODY[0], None))
@example(asked=(WITH_BODY[0], {"labelId": "\ud800"}))
def test_a_body_that_is_nearly_right_is_told_so_or_taken(gateway: Gateway, asked: tuple[Operation, Any]) -> None:
    if not gateway.world.accounts:
        gateway.session(ready=True)
    operation, body = asked
    values = {p["name"]: p.get("example", "") for p in operation.parameters if p["in"] == "path"}
    path = re.sub(r"{([^}]+)}", lambda found: str(values[found[1]]), operation.path)
    before = happened(gateway)

    answer = gateway.call(operation.method, path, data=json.dumps(body), content_type="application/json")

    assert answer.status_code < 500, (operation.id, body)
    valid = operation.body is not None and checker(json.dumps(operation.body["schema"])).is_valid(body)
    if not valid:
        assert (400, before) == (answer.status_code, happened(gateway)), (operation.id, body)
