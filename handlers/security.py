"""Who is calling, from where, and may they: the one guard every operation with a key passes.

Order: known, active, not expired, source address, session scope (all 401), then role (403). Last, what the operation
needs of the engine (its `x-capability`, 501): nobody can be let in to what is not there.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import connexion
import flask

from handlers.errors import Forbidden, Unauthorized
from storage import NotFound, api_keys, sessions

_RANK = {"viewer": 1, "operator": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Caller:
    """The key behind a request. `sessions` are the ids it is bound to, empty for all; `ip` is the client's."""

    key_id: str
    key_name: str
    role: str
    sessions: tuple[str, ...]
    ip: str | None
    secret: str = field(repr=False)

    def derive(self, purpose: str) -> str:
        """64 hex characters that only the holder of this key can make again; nothing stored gives them away."""
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    def traces(self) -> dict[str, Any]:
        """Who asks, for what and from where, as columns of the audit log; while the request lasts."""
        request = flask.request
        return {
            "api_key_id": self.key_id, "api_key_name": self.key_name, "ip_address": self.ip,
            "user_agent": request.headers.get("User-Agent"), "method": request.method, "path": request.path,
        }  # fmt: skip

    def may(self, session_id: str) -> bool:
        """Whether this session is within the key's scope."""
        return not self.sessions or session_id in self.sessions


def check_key(secret: str, required_scopes: None = None) -> dict[str, Any]:  # noqa: ARG001 - connexion's signature
    """Let the request pass or raise Unauthorized, Forbidden or NotSupported; connexion calls it with X-API-Key."""
    house, g, request = here(connexion.context), here(flask.g), here(flask.request)
    now: int = house["now"]
    with house["db"].read() as tx:
        key = api_keys.find_by_hash(tx, api_keys.hash_of(secret, house["settings"].pepper))
        if key is None:
            raise Unauthorized("Invalid API key")
        if not key.is_active:
            raise Unauthorized("API key is revoked")
        if key.expires_at is not None and key.expires_at <= now:
            raise Unauthorized("API key has expired")
        ip: str | None = g.client_ip
        if key.allowed_ips:
            _check_address(ip, key.allowed_ips)
        named = (request.view_args or {}).get("sessionId")
        if key.allowed_sessions and g.operation.whole:
            raise Unauthorized("API key is bound to sessions")
        if key.allowed_sessions and named is not None:
            _check_session(tx, named, key.allowed_sessions)
    required: str = g.operation.role
    if _RANK[key.role] < _RANK[required]:
        raise Forbidden(f"Insufficient permissions. Required: {required}")
    if g.operation.capability is not None:
        house["engines"].require(g.operation.capability)
    house["usage"].count(key.id, now)
    house["caller"] = Caller(key.id, key.name, key.role, tuple(key.allowed_sessions), ip, secret)
    return {}


def here(proxy: Any) -> Any:
    """What one of Flask's proxies stands for now: each use of the proxy itself costs a look-up."""
    return proxy._get_current_object()  # noqa: SLF001 - werkzeug's documented way


def standing(tx: Any, callers: Collection[Caller], now: int) -> set[Caller]:
    """Those of these callers that would still be let in, and with the scope they had: for answers that take long."""
    keys = api_keys.usable(tx, {caller.key_id for caller in callers}, now)
    return {caller for caller in callers if caller.key_id in keys and _unchanged(caller, keys[caller.key_id])}


def client_ip(peer: str | None, forwarded: str | None, trusted: tuple[str, ...]) -> str | None:
    """The client's address: the peer's, or, behind trusted proxies, the nearest hop that is none of them.

    `forwarded` is X-Forwarded-For; it counts only where the peer itself is trusted. None where nothing parses.
    """
    address = _address(peer)
    if address is None or not trusted or not forwarded or not _within(address, trusted):
        return str(address) if address else None
    for hop in reversed(forwarded.split(",")):
        further = _address(hop.strip())
        if further is None:
            return str(address)
        address = further
        if not _within(address, trusted):
            return str(address)
    return str(_address(peer))


def _unchanged(caller: Caller, key: api_keys.Known) -> bool:
    try:
        if key.allowed_ips:
            _check_address(caller.ip, key.allowed_ips)
    except Unauthorized:
        return False
    return caller.sessions == tuple(key.allowed_sessions)


def _check_address(ip: str | None, allowed: list[str]) -> None:
    address = _address(ip)
    if address is None:
        raise Unauthorized("Client IP could not be determined")
    if not _within(address, tuple(allowed)):
        raise Unauthorized("IP address not allowed")


def _check_session(tx: Any, named: str, allowed: list[str]) -> None:
    if named in allowed:
        return
    try:
        inside = sessions.find(tx, named).id in allowed
    except NotFound:
        inside = False
    if not inside:
        raise Unauthorized("API key not authorized for this session")


@lru_cache(maxsize=4096)
def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: IPv4Address | IPv6Address, networks: tuple[str, ...]) -> bool:
    return any(address in network for network in _networks(networks) if network.version == address.version)


@lru_cache(maxsize=1024)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(_plain(ip_network(text, strict=False)) for text in texts)


def _plain(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """The network in IPv4 where it is one written as IPv6 (`::ffff:10.0.0.0/104`), as addresses are."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return IPv4Network((mapped, network.prefixlen - 96)) if mapped and network.prefixlen >= 96 else network
