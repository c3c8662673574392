"""Our document and the running gateway, held against the table of OpenWA's operations."""

import re
from typing import Any

import pytest

from gateway.document import resolve
from tests import spec
from tests.support import Gateway, document
from tests.surface import BOUNDS, PENDING, SHAPES, SURFACE, Operation

THERE = [one for one in SURFACE if one.name not in PENDING]
RANK = ["public", "viewer", "operator", "admin"]


def anonymous(path: str) -> str:
    """The path whatever its parameters are called."""
    return re.sub(r"\{[^}]+\}", "{}", path)


OURS = {(one.method, anonymous(one.path)): one for one in spec.operations()}


def ours(theirs: Operation) -> spec.Operation:
    return OURS[theirs.method, anonymous(theirs.path)]


def test_the_table_is_whole() -> None:
    """156 of the specification without plug-ins, integrations, ingress and restart, with metrics."""
    assert (127, 127) == (len(SURFACE), len({one.name for one in SURFACE}))


def test_what_is_missing_is_said_and_what_is_said_is_missing() -> None:
    missing = {one.name for one in SURFACE if (one.method, anonymous(one.path)) not in OURS}
    assert missing == PENDING


@pytest.mark.parametrize("theirs", THERE, ids=lambda one: one.name)
def test_role_statuses_paging_and_shape_are_theirs(theirs: Operation) -> None:
    found = ours(theirs)
    assert (theirs.role, set()) == (found.raw["x-required-role"], theirs.errors - found.responses.keys())
    assert theirs.success in found.responses
    assert theirs.limit == limit(found, theirs)
    if theirs.shape not in ("?", "-"):
        media = found.responses[theirs.success]["content"]["application/json"]
        assert None is strange(media["schema"], theirs.shape)


def limit(found: spec.Operation, theirs: Operation) -> tuple[int, int | None] | None:
    """Default and ceiling of `limit`, as far as the table knows them."""
    schemas = [resolve(document(), p["schema"]) for p in found.parameters if p["name"] == "limit"]
    if not schemas or theirs.limit is None:
        return None
    (schema,) = schemas
    most = schema.get("x-clamp", schema)["maximum"]
    return schema["default"], most if theirs.limit[1] is not None else None


def strange(schema: dict[str, Any], shape: str) -> str | None:
    """What is not as the shape has it, None where all is."""
    schema = resolve(document(), schema)
    if shape.startswith("["):
        items = resolve(document(), schema.get("items", {}))
        return (
            strange(items, shape[1:-1]) if schema.get("type") == "array" else f"no bare list but {schema.get('type')}"
        )
    required = always_there(schema)
    always = {name for name in SHAPES[shape].split() if not name.endswith("?")}
    return f"{sorted(always - required)} may be missing" if always - required else None


def always_there(schema: dict[str, Any]) -> set[str]:
    """The required properties of all parts of a schema."""
    parts = [always_there(resolve(document(), one)) for one in schema.get("allOf", ())]
    return set(schema.get("required", ())).union(*parts)


@pytest.mark.parametrize(("method", "path", "field", "bounds"), BOUNDS)
def test_fields_have_their_bounds(method: str, path: str, field: str, bounds: str) -> None:
    body = OURS[method, anonymous(path)].body
    assert body is not None
    schema = body["schema"]
    for step in field.replace("[]", ".items").split("."):
        schema = resolve(document(), schema)
        schema = resolve(document(), schema["items"] if step == "items" else schema["properties"][step])
    found = [[schema[n] for n in names if n in schema] for names in (_LEAST, _MOST)]
    least, most = bounds.split("..")
    assert [most] == [str(one) for one in found[1]]
    assert least in ("?", *map(str, found[0]))


_LEAST, _MOST = ("minLength", "minItems", "minimum"), ("maxLength", "maxItems", "maximum")


def test_no_shape_is_without_use() -> None:
    assert SHAPES.keys() == {one.shape.strip("[]") for one in SURFACE} - {"?", "-"}


# --- the running gateway ---------------------------------------------------------------------------


@pytest.fixture
def settings() -> dict[str, str]:
    return {"METRICS_TOKEN": "some-token"}


def concrete(path: str) -> str:
    return "/" + "/".join("628123456789@c.us" if part[:1] == "{" else part for part in path.split("/")[1:])


def test_every_operation_asks_for_the_role_of_the_table(gateway: Gateway) -> None:
    """The highest role that is too low is refused with the words OpenWA has; no key at all as well."""
    keys = {role: gateway.key(role) for role in RANK[1:]}
    for one in THERE:
        if one.role == "public":
            continue
        path, lower = concrete(one.path), RANK[RANK.index(one.role) - 1]
        nobody = gateway.call(one.method, path, key=None)
        assert (401, "API key is required") == (nobody.status_code, nobody.json["message"]), one.name
        if lower != "public":
            refused = gateway.call(one.method, path, key=keys[lower])
            assert (403, f"Insufficient permissions. Required: {one.role}") == (
                refused.status_code, refused.json["message"],
            ), one.name  # fmt: skip
        assert gateway.call(one.method, path, key=keys[one.role]).status_code not in (401, 403, 405), one.name


UNKNOWN = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
READ_ONLY = (
    "Settings are derived from environment configuration and are read-only at runtime. "
    "Change the corresponding environment variable and restart the service."
)
LITERALS = [
    ("GET", "/sessions/nowhere", None, 404, "Session 'nowhere' not found"),
    ("POST", "/sessions", {"name": "my-bot"}, 409, "Session with name 'my-bot' already exists"),
    ("POST", "/sessions", {"name": "my bot"}, 400, ["Session name can only contain letters, numbers, and hyphens"]),
    ("GET", f"/auth/api-keys/{UNKNOWN}", None, 404, f"API key with id '{UNKNOWN}' not found"),
    ("GET", f"/sessions/my-bot/webhooks/{UNKNOWN}", None, 404, f"Webhook with id '{UNKNOWN}' not found"),
    ("GET", f"/sessions/my-bot/templates/{UNKNOWN}", None, 404, f"Template with id '{UNKNOWN}' not found"),
    ("GET", "/sessions/my-bot/messages/batch/none", None, 404, "Batch 'none' not found"),
    ("GET", "/stats/messages?period=1y", None, 400, ["period must be one of the following values: 24h, 7d, 30d"]),
    ("GET", "/sessions?colour=red", None, 400, ["property colour should not exist"]),
    ("PUT", "/settings", None, 501, READ_ONLY),
    ("GET", "/nowhere", None, 404, "Cannot GET /api/nowhere"),
]  # fmt: skip


@pytest.fixture
def idle(gateway: Gateway) -> Gateway:
    gateway.session()
    return gateway


def test_errors_say_what_openwa_says(idle: Gateway) -> None:
    for method, path, body, status, said in LITERALS:
        answer = idle.call(method, path, **({} if body is None else {"json": body}))
        assert (status, said) == (answer.status_code, answer.json["message"]), path
    revoked = idle.post("/auth/api-keys", json={"name": "revoked", "role": "viewer"}).json
    idle.post(f"/auth/api-keys/{revoked['id']}/revoke")
    assert "API key is revoked" == idle.get("/sessions", key=revoked["apiKey"]).json["message"]
    assert "Invalid API key" == idle.get("/sessions", key="owa_k1_unknown").json["message"]
    assert "Invalid metrics token" == idle.get("/metrics", key=None).json["message"]
    (own,) = (key for key in idle.get("/auth/api-keys").json if key["role"] == "admin")
    last = idle.delete(f"/auth/api-keys/{own['id']}")
    assert (409, "Cannot remove the last active admin key") == (last.status_code, last.json["message"])


def test_what_a_session_does_needs_it_started(idle: Gateway) -> None:
    """Every operation on what is live says so in the words OpenWA has."""
    reads = [f"/sessions/my-bot/{what}" for what in ("chats", "groups", "contacts", "labels", "channels")]
    said = {path: idle.get(path) for path in reads}
    assert dict.fromkeys(reads, 400) == {path: answer.status_code for path, answer in said.items()}
    assert {"Session is not started"} == {answer.json["message"].partition(".")[0] for answer in said.values()}
