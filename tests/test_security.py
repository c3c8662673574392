"""Who may do what from where: source addresses, session scopes, and which address a request comes from."""

import pytest

from handlers.security import client_ip
from tests.support import Gateway

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


def status_from(gateway: Gateway, key: str, address: str, **headers: str) -> tuple[int, str]:
    answer = gateway.get("/sessions", key=key, headers=headers, environ_base={"REMOTE_ADDR": address})
    return answer.status_code, answer.json["message"] if answer.status_code != 200 else ""


# --- source addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.255"),
        ("203.0.113.99/24", "203.0.113.1"),
        ("0.0.0.0/0", "198.51.100.1"),
        ("203.0.113.7", "::ffff:203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.0/120", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"),
        ("2001:db8::/32", "2001:db8:ffff::1"),
        ("::/0", "2001:db8::1"),
        ("fe80::1", "fe80::1%eth0"),
    ],
)
def test_a_key_works_from_its_addresses(gateway: Gateway, allowed: str, address: str) -> None:
    assert (200, "") == status_from(gateway, gateway.key(allowedIps=[allowed]), address)


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("203.0.113.7", "203.0.113.8"),
        ("203.0.113.0/24", "203.0.114.0"),
        ("2001:db8::/32", "2001:db9::1"),
        ("0.0.0.0/0", "2001:db8::1"),
        ("::/0", "203.0.113.7"),
        ("::/0", "::ffff:203.0.113.7"),
    ],
)
def test_a_key_works_from_nowhere_else(gateway: Gateway, allowed: str, address: str) -> None:
    assert (401, "IP address not allowed") == status_from(gateway, gateway.key(allowedIps=[allowed]), address)


def test_any_of_several_addresses_will_do(gateway: Gateway) -> None:
    key = gateway.key(allowedIps=["203.0.113.7", "2001:db8::/32", "198.51.100.0/24"])
    assert (200, "") == status_from(gateway, key, "198.51.100.9")


@pytest.mark.parametrize("address", ["", "unix", "203.0.113.7:80"])
def test_a_bound_key_does_not_work_from_an_unknown_address(gateway: Gateway, address: str) -> None:
    key = gateway.key(allowedIps=["0.0.0.0/0", "::/0"])
    assert (401, "Client IP could not be determined") == status_from(gateway, key, address)


def test_a_forged_header_moves_nobody(gateway: Gateway) -> None:
    key = gateway.key(allowedIps=["203.0.113.7"])
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7", "Forwarded": "for=203.0.113.7"}
    assert (401, "IP address not allowed") == status_from(gateway, key, "198.51.100.1", **forged)


@pytest.mark.parametrize("settings", [{"TRUSTED_PROXIES": "10.0.0.0/8"}])
def test_a_trusted_proxy_speaks_for_its_client(gateway: Gateway) -> None:
    key = gateway.key(allowedIps=["203.0.113.7"])
    assert (200, "") == status_from(gateway, key, "10.0.0.1", **{"X-Forwarded-For": "203.0.113.7"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),  # not a proxy of ours: not believed
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),  # the client wrote 1.1.1.1 itself
        ("10.0.0.1", "203.0.113.7, 10.9.9.9", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7,10.9.9.9 ,  10.1.1.1", "203.0.113.7"),
        ("10.0.0.1", "10.2.2.2, 10.9.9.9", "10.0.0.1"),  # nothing but proxies: the one that asked
        ("10.0.0.1", "203.0.113.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, nonsense, 10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:ffff::1", "2001:db8::7, 10.0.0.3", "2001:db8::7"),
        ("nonsense", "203.0.113.7", None),
        (None, "203.0.113.7", None),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_proxy(peer, forwarded, client) -> None:
    assert client == client_ip(peer, forwarded, PROXIES)


def test_without_trusted_proxies_the_client_is_the_peer() -> None:
    assert "10.0.0.1" == client_ip("10.0.0.1", "203.0.113.7", ())


# --- session scope --------------------------------------------------------------------------------

ON_A_SESSION = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/start"),
    ("POST", "/stop"),
    ("POST", "/force-kill"),
    ("GET", "/qr"),
    ("POST", "/pairing-code"),
    ("GET", "/chats"),
    ("GET", "/messages"),
    ("POST", "/messages/send-text"),
]


@pytest.mark.parametrize("named", ["my-bot", "the id", "nobody"])
def test_outside_its_scope_a_key_can_do_nothing(gateway: Gateway, named: str) -> None:
    mine, other = gateway.session("mine"), gateway.session()
    key = gateway.key("admin", allowedSessions=[mine])
    path = f"/sessions/{other if named == 'the id' else named}"
    answers = [gateway.call(method, path + tail, key=key) for method, tail in ON_A_SESSION]
    told = {(answer.status_code, answer.json["message"]) for answer in answers}
    assert {(401, "API key not authorized for this session")} == told


@pytest.mark.parametrize("named", ["mine", "the id"])
def test_inside_its_scope_a_key_works_by_id_and_by_name(gateway: Gateway, named: str) -> None:
    mine = gateway.session("mine")
    key = gateway.key(allowedSessions=[mine])
    assert 200 == gateway.get(f"/sessions/{mine if named == 'the id' else named}", key=key).status_code


def test_a_session_named_like_the_id_of_another_does_not_widen_a_scope(gateway: Gateway) -> None:
    mine = gateway.session("mine")
    gateway.session(mine[:50])
    key = gateway.key(allowedSessions=[mine])
    assert mine == gateway.get(f"/sessions/{mine}", key=key).json["id"]


def test_a_bound_key_sees_only_its_sessions(gateway: Gateway) -> None:
    mine, _ = gateway.session("mine"), gateway.session("other")
    key = gateway.key(allowedSessions=[mine])
    assert [mine] == [session["id"] for session in gateway.get("/sessions", key=key).json]


def test_a_bound_key_counts_only_its_sessions(gateway: Gateway) -> None:
    mine, _ = gateway.session("mine"), gateway.session("other", ready=True)
    stats = gateway.get("/sessions/stats/overview", key=gateway.key(allowedSessions=[mine])).json
    assert (stats["total"], stats["active"], stats["byStatus"]) == (1, 0, {"created": 1})


def test_a_bound_admin_cannot_manage_keys(gateway: Gateway) -> None:
    """Else it could make itself a key without bounds."""
    key = gateway.key("admin", allowedSessions=[gateway.session()])
    answers = [
        gateway.get("/auth/api-keys", key=key),
        gateway.post("/auth/api-keys", key=key),
        gateway.get("/auth/api-keys/x", key=key),
        gateway.put("/auth/api-keys/x", key=key),
        gateway.delete("/auth/api-keys/x", key=key),
        gateway.post("/auth/api-keys/x/revoke", key=key),
    ]
    told = {(answer.status_code, answer.json["message"]) for answer in answers}
    assert {(401, "API key is bound to sessions")} == told


def test_a_bound_key_can_be_validated(gateway: Gateway) -> None:
    key = gateway.key("viewer", allowedSessions=[gateway.session()], allowedIps=["127.0.0.1"])
    assert {"valid": True, "role": "viewer"} == gateway.post("/auth/validate", key=key).json
