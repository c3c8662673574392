"""Addresses inside and outside: WhatsApp's JIDs to neutral addresses and back, and who hides behind which lid."""

import threading
from typing import Any

from neonize.exc import GetJIDFromStoreError
from neonize.utils.jid import build_jid

from engines import addresses, base

_OUTWARD = {"s.whatsapp.net": "c.us", "c.us": "c.us", "hosted": "c.us", "lid": "lid", "hosted.lid": "lid"}
_INWARD = {"c.us": "s.whatsapp.net"}


class People:
    """The account's view of who is who. Thread-safe."""

    def __init__(self, client: Any, alive: threading.Event, own: str) -> None:
        self._client, self._alive, self._own = client, alive, own
        self._lock = threading.Lock()
        self._phones: dict[str, str] = {}
        self._fresh: list[base.AddressesLinked] = []

    def own(self) -> str:
        """The account's own address, "" before it is linked. Kept here: the library aborts when asked too early."""
        return self._own

    def become(self, own: str) -> None:
        """The account turned out to be this one."""
        self._own = own

    def neutral(self, jid: Any, other: Any = None) -> str:
        """A JID's neutral address: by phone where the phone is known. `other` is the same person's other JID."""
        server = _OUTWARD.get(jid.Server, jid.Server)
        if server == "c.us":
            address = f"{jid.User}@c.us"
            if other is not None and _OUTWARD.get(other.Server) == "lid":
                self.link(f"{other.User}@lid", address)
            return address
        if server != "lid":
            return f"{jid.User}@{server}"
        lid = f"{jid.User}@lid"
        if other is not None and other.User and _OUTWARD.get(other.Server) == "c.us":
            self.link(lid, f"{other.User}@c.us")
        return self.phone_of(lid) or lid

    def written(self, text: str) -> str:
        """The neutral address of a JID written as text, "" where it is none."""
        try:
            address = addresses.parse(text)
        except addresses.BadAddress:
            return ""
        return (self.phone_of(address) or address) if address.endswith("@lid") else address

    def wire(self, address: str) -> Any:
        """The JID of a neutral address."""
        user, _, server = address.partition("@")
        return build_jid(user, _INWARD.get(server, server))

    def wire_text(self, address: str) -> str:
        """The JID of a neutral address, written as text."""
        user, _, server = address.partition("@")
        return f"{user}@{_INWARD.get(server, server)}"

    def link(self, lid: str, phone: str) -> None:
        """These two addresses are one person."""
        with self._lock:
            if self._phones.get(lid) != phone:
                self._phones[lid] = phone
                self._fresh.append(base.AddressesLinked(lid, phone))

    def fresh_links(self) -> list[base.AddressesLinked]:
        """What was learnt since the last call."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
            return fresh

    def phone_of(self, lid: str) -> str | None:
        """The address by phone of a hidden one, None where nobody knows."""
        with self._lock:
            known = self._phones.get(lid)
        if known or not self._alive.is_set():
            return known
        try:
            found = self._client.get_pn_from_lid(self.wire(lid))
        except GetJIDFromStoreError:
            return None
        if not found.User:
            return None
        phone = f"{found.User}@c.us"
        self.link(lid, phone)
        return phone

    def lid_of(self, phone: str) -> str | None:
        """The hidden address of one by phone, None where nobody knows."""
        if not self._alive.is_set():
            return None
        try:
            found = self._client.get_lid_from_pn(self.wire(phone))
        except GetJIDFromStoreError:
            return None
        return f"{found.User}@lid" if found.User else None
