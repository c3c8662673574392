"""API keys: made, shown once, changed, revoked, deleted; who they are and until when."""

import re

import pytest
from sqlalchemy import select

from storage.tables import api_keys
from tests.support import ADMIN, Gateway, together

NOBODY = "1f0c7a52-6f0e-4a3b-9b1d-2f3a4b5c6d7e"
LAST_ADMIN = "Cannot remove the last active admin key"


def make(gateway: Gateway, **more) -> dict:
    return gateway.post("/auth/api-keys", json={"name": "Billing", **more}).json


def the_admin(gateway: Gateway) -> str:
    """The id of the first key."""
    return next(k["id"] for k in gateway.get("/auth/api-keys").json if k["name"] == "Default Admin Key")


# --- creating -------------------------------------------------------------------------------------


def test_a_new_key_is_an_operator_for_everything_without_end(gateway: Gateway) -> None:
    made = make(gateway)
    assert {"id", "name", "keyPrefix", "role", "isActive", "usageCount", "createdAt", "apiKey"} == set(made)
    assert (made["name"], made["role"], made["isActive"], made["usageCount"]) == ("Billing", "operator", True, 0)
    assert "2027-01-15T08:00:00.000Z" == made["createdAt"]


def test_a_secret_is_32_random_bytes_in_hex_behind_a_prefix(gateway: Gateway) -> None:
    made = make(gateway)
    assert re.fullmatch(r"owa_k1_[0-9a-f]{64}", made["apiKey"])
    assert made["keyPrefix"] == made["apiKey"][:12]


def test_a_secret_is_shown_once(gateway: Gateway) -> None:
    made = make(gateway)
    shown = {k: v for k, v in made.items() if k != "apiKey"}
    assert shown == gateway.get(f"/auth/api-keys/{made['id']}").json
    assert shown in gateway.get("/auth/api-keys").json


def test_only_the_hash_of_a_secret_is_stored(gateway: Gateway) -> None:
    secret = make(gateway)["apiKey"]
    with gateway.program.db.read() as tx:
        rows = [str(row) for row in tx.execute(select(api_keys))]
    assert [] == [row for row in rows if secret in row or ADMIN in row]


@pytest.mark.parametrize("settings", [{"API_KEY_PEPPER": "salt and"}])
def test_keys_work_under_a_pepper(gateway: Gateway) -> None:
    assert 200 == gateway.post("/auth/validate", key=make(gateway)["apiKey"]).status_code


def test_a_key_keeps_what_it_was_made_with(gateway: Gateway) -> None:
    limits = {
        "role": "viewer",
        "allowedIps": ["203.0.113.0/24", "2001:db8::/32"],
        "allowedSessions": [NOBODY],
        "expiresAt": "2030-01-01T00:00:00.001Z",
    }
    made = make(gateway, **limits)
    assert limits == {name: made[name] for name in limits}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2030-01-01T00:00:00.001Z", "2030-01-01T00:00:00.001Z"),
        ("2030-01-01T01:30:00+01:30", "2030-01-01T00:00:00.000Z"),
        ("2030-01-01T00:00:00.123999Z", "2030-01-01T00:00:00.123Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_an_end_is_kept_to_the_millisecond_in_utc(gateway: Gateway, given: str, kept: str) -> None:
    assert kept == make(gateway, expiresAt=given)["expiresAt"]


@pytest.mark.parametrize("name", ["日本語", "😀😀😀", "a\u202eb", "\x01\x1f\x7f", "\U0010ffff" * 100, "   "])
def test_a_name_may_hold_any_text(gateway: Gateway, name: str) -> None:
    made = make(gateway, name=name)
    assert name == gateway.get(f"/auth/api-keys/{made['id']}").json["name"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"name": "ab"}, "name must be longer than or equal to 3 characters"),
        ({"name": "x" * 101}, "name must be shorter than or equal to 100 characters"),
        ({"name": 123}, "name must be a string"),
        ({"name": None}, "name must be a string"),
        ({"role": "king"}, "role must be one of the following values: admin, operator, viewer"),
        ({"role": "Admin"}, "role must be one of the following values: admin, operator, viewer"),
        ({"allowedIps": "10.0.0.1"}, "allowedIps must be an array"),
        ({"allowedIps": ["10.0.0"]}, "allowedIps.0 must be an IPv4 or IPv6 address or network"),
        ({"allowedIps": ["10.0.0.0/33"]}, "allowedIps.0 must be an IPv4 or IPv6 address or network"),
        ({"allowedIps": ["10.0.0.1", "10.0.0.1"]}, "All allowedIps's elements must be unique"),
        ({"allowedIps": [f"10.0.0.{n}" for n in range(101)]}, "allowedIps must contain no more than 100 elements"),
        ({"allowedSessions": ["my-bot"]}, "allowedSessions.0 must be a UUID"),
        ({"expiresAt": "tomorrow"}, "expiresAt must be a valid ISO 8601 date string"),
        ({"expiresAt": "2030-02-30T00:00:00Z"}, "expiresAt must be a valid ISO 8601 date string"),
        ({"expiresAt": "2030-01-01T00:00:00"}, "expiresAt must be a valid ISO 8601 date string"),
        ({"expiresAt": "9999-12-31T23:59:59-01:00"}, "expiresAt must be a valid ISO 8601 date string"),
        ({"expiresAt": 1893456000}, "expiresAt must be a string"),
        ({"isActive": False}, "property isActive should not exist"),
        ({"usageCount": 0}, "property usageCount should not exist"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(gateway: Gateway, body: dict, problem: str) -> None:
    answer = gateway.post("/auth/api-keys", json={"name": "Billing", **body})
    assert (answer.status_code, answer.json["message"]) == (400, [problem])


# --- listing and reading --------------------------------------------------------------------------


def test_keys_are_listed_newest_first(gateway: Gateway) -> None:
    for name in ("one", "two", "three"):
        make(gateway, name=name)
    names = [key["name"] for key in gateway.get("/auth/api-keys").json]
    assert ["three", "two", "one", "Default Admin Key"] == names


def test_keys_are_listed_page_by_page(gateway: Gateway) -> None:
    for name in ("one", "two", "three"):
        make(gateway, name=name)
    assert ["two", "one"] == [key["name"] for key in gateway.get("/auth/api-keys?limit=2&offset=1").json]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=0", "limit must not be less than 1"),
        ("limit=1001", "limit must not be greater than 1000"),
        ("offset=-1", "offset must not be less than 0"),
        ("offset=99999999999999999999", "offset must not be greater than 2147483647"),
        ("limit=ten", "limit must be an integer number"),
        ("limit=1.5", "limit must be an integer number"),
        ("limit=%EF%BC%91", "limit must be an integer number"),
        ("limit=1_0", "limit must be an integer number"),
        ("limit=", "limit must be an integer number"),
        ("limit=1&limit=1", "limit must be given once"),
        ("page=2", "property page should not exist"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused(gateway: Gateway, query: str, problem: str) -> None:
    answer = gateway.get(f"/auth/api-keys?{query}")
    assert (answer.status_code, answer.json["message"]) == (400, [problem])


@pytest.mark.parametrize(
    ("method", "tail", "body"), [("GET", "", None), ("PUT", "", {}), ("DELETE", "", None), ("POST", "/revoke", None)]
)
def test_a_key_that_is_not_there_is_not_found(gateway: Gateway, method: str, tail: str, body: dict | None) -> None:
    answer = gateway.call(method, f"/auth/api-keys/{NOBODY}{tail}", json=body)
    assert {
        "statusCode": 404,
        "message": f"API key with id '{NOBODY}' not found",
        "error": "Not Found",
    } == answer.json


# --- changing -------------------------------------------------------------------------------------


def test_what_is_not_given_stays(gateway: Gateway) -> None:
    made = make(gateway, role="viewer", allowedIps=["10.0.0.1"], expiresAt="2030-01-01T00:00:00.000Z")
    changed = gateway.put(f"/auth/api-keys/{made['id']}", json={"name": "Invoices"}).json
    assert changed == {**{k: v for k, v in made.items() if k != "apiKey"}, "name": "Invoices"}


def test_an_empty_list_lifts_a_limit_and_null_lifts_the_end(gateway: Gateway) -> None:
    made = make(gateway, allowedIps=["10.0.0.1"], allowedSessions=[NOBODY], expiresAt="2030-01-01T00:00:00.000Z")
    lifted = {"allowedIps": [], "allowedSessions": [], "expiresAt": None}
    changed = gateway.put(f"/auth/api-keys/{made['id']}", json=lifted).json
    assert set() == {"allowedIps", "allowedSessions", "expiresAt"} & set(changed)


def test_a_change_works_from_the_next_request_on(gateway: Gateway) -> None:
    made = make(gateway, role="viewer")
    gateway.put(f"/auth/api-keys/{made['id']}", json={"role": "admin"})
    assert 200 == gateway.get("/auth/api-keys", key=made["apiKey"]).status_code


# --- ending ---------------------------------------------------------------------------------------


def test_a_revoked_key_is_refused_from_the_next_request_on(gateway: Gateway) -> None:
    made = make(gateway)
    assert 200 == gateway.get("/sessions", key=made["apiKey"]).status_code
    assert gateway.post(f"/auth/api-keys/{made['id']}/revoke").json["isActive"] is False
    assert "API key is revoked" == gateway.get("/sessions", key=made["apiKey"]).json["message"]


def test_a_revoked_key_can_be_revoked_again(gateway: Gateway) -> None:
    made = make(gateway)
    answers = [gateway.post(f"/auth/api-keys/{made['id']}/revoke") for _ in range(2)]
    assert [200, 200] == [answer.status_code for answer in answers]


def test_a_deleted_key_is_gone(gateway: Gateway) -> None:
    made = make(gateway)
    assert 204 == gateway.delete(f"/auth/api-keys/{made['id']}").status_code
    assert 404 == gateway.get(f"/auth/api-keys/{made['id']}").status_code
    assert "Invalid API key" == gateway.get("/sessions", key=made["apiKey"]).json["message"]


def test_a_key_works_until_the_millisecond_it_ends(gateway: Gateway) -> None:
    key = make(gateway, expiresAt="2027-01-15T08:00:01.000Z")["apiKey"]
    gateway.clock.advance(0.999)
    assert 200 == gateway.get("/sessions", key=key).status_code
    gateway.clock.advance(0.001)
    assert "API key has expired" == gateway.get("/sessions", key=key).json["message"]


# --- the last admin -------------------------------------------------------------------------------

ENDINGS = [
    ("DELETE", "", None),
    ("POST", "/revoke", None),
    ("PUT", "", {"role": "operator"}),
    ("PUT", "", {"expiresAt": "2030-01-01T00:00:00Z"}),
    ("PUT", "", {"allowedIps": ["203.0.113.1"]}),
    ("PUT", "", {"allowedSessions": [NOBODY]}),
]


@pytest.mark.parametrize(("method", "tail", "body"), ENDINGS)
def test_the_last_admin_key_that_works_for_good_stays(gateway: Gateway, method: str, tail: str, body) -> None:
    make(gateway, role="admin", expiresAt="2030-01-01T00:00:00Z")
    make(gateway, role="admin", allowedIps=["10.0.0.1"])
    answer = gateway.call(method, f"/auth/api-keys/{the_admin(gateway)}{tail}", json=body)
    assert (answer.status_code, answer.json["message"]) == (409, LAST_ADMIN)
    assert {"valid": True, "role": "admin"} == gateway.post("/auth/validate").json


@pytest.mark.parametrize(("method", "tail", "body"), ENDINGS)
def test_an_admin_key_may_end_where_another_remains(gateway: Gateway, method: str, tail: str, body) -> None:
    other = make(gateway, role="admin")["apiKey"]
    answer = gateway.call(method, f"/auth/api-keys/{the_admin(gateway)}{tail}", key=other, json=body)
    assert answer.status_code in (200, 204)


def test_two_admins_who_revoke_each_other_at_once_leave_one(gateway: Gateway) -> None:
    other = make(gateway, role="admin")
    first = the_admin(gateway)
    answers = together(
        lambda: gateway.post(f"/auth/api-keys/{first}/revoke"),
        lambda: gateway.post(f"/auth/api-keys/{other['id']}/revoke"),
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses in ([200, 401], [200, 409])  # 401: its own key was revoked before it was looked at


def test_two_admins_deleted_at_once_leave_one(gateway: Gateway) -> None:
    first, second = the_admin(gateway), make(gateway, role="admin")
    helper = make(gateway, role="admin", expiresAt="2030-01-01T00:00:00Z")["apiKey"]
    answers = together(
        lambda: gateway.delete(f"/auth/api-keys/{first}", key=helper),
        lambda: gateway.delete(f"/auth/api-keys/{second['id']}", key=helper),
    )
    assert [204, 409] == sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_validate_tells_the_role(gateway: Gateway, role: str) -> None:
    assert {"valid": True, "role": role} == gateway.post("/auth/validate", key=gateway.key(role)).json
