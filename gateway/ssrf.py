"""Which addresses the gateway may call: public ones only, whatever a URL or a name server says."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_REFUSED_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Only global unicast is called at all: that leaves out ::, ::1, fc00::/7, fe80::/10, fec0::/10 and multicast.
_GLOBAL_6 = IPv6Network("2000::/3")
_TEREDO = IPv6Network("2001::/32")
_6TO4 = IPv6Network("2002::/16")
_LAST_32_BITS = (  # IPv4-mapped, IPv4-translatable, IPv4-compatible, NAT64 (well-known prefix)
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("::/96"),
    IPv6Network("64:ff9b::/96"),
)
_ISATAP = (0x00005EFE, 0x02005EFE)
_MAX_URL = 2048


class Target(NamedTuple):
    """A URL taken apart: `host` without brackets and lower case, `path` with the query."""

    scheme: str
    host: str
    port: int
    path: str


class Blocked(Exception):
    """The URL is one that the gateway does not call; the message is for the caller and names no address."""


def target(url: str) -> Target:
    """Take a URL apart. Raises Blocked where it is none, is not http or https, or carries credentials."""
    try:
        parsed = parse_url(url)
    except LocationParseError:
        raise Blocked("url must be a URL address") from None
    if parsed.scheme not in ("http", "https"):
        raise Blocked("url must be http or https")
    if not parsed.host or len(url) > _MAX_URL:
        raise Blocked("url must be a URL address")
    if parsed.auth is not None:
        raise Blocked("url must not hold a user name or password; use headers")
    if parsed.port == 0:
        raise Blocked("url must be a URL address")
    host = parsed.host.strip("[]").lower()
    return Target(parsed.scheme, host, parsed.port or (443 if parsed.scheme == "https" else 80), parsed.request_uri)


def is_address(host: str) -> bool:
    """Whether this is an IP address already."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether the address may be called: it is public itself, and so is every IPv4 address it embeds."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _public_4(address)
    if address.scope_id is not None:
        return False
    embedded = list(_embedded(address))
    return all(map(_public_4, embedded)) and (address in _GLOBAL_6 or any(address in net for net in _LAST_32_BITS))


def _public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _REFUSED_4)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if any(address in network for network in _LAST_32_BITS) or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield last
    if address in _6TO4:
        yield IPv4Address((number >> 80) & 0xFFFFFFFF)
    if address in _TEREDO:
        yield IPv4Address((number >> 64) & 0xFFFFFFFF)
        yield IPv4Address(~int(last) & 0xFFFFFFFF)
