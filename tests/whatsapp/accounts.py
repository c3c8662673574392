"""Who exists: accounts, their devices, and the directory that finds them."""

import base64
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .curve import KeyPair
from .nodes import SERVER, Jid, Node

if TYPE_CHECKING:
    from .connection import Connection


class Endpoint(Protocol):
    """A device that can be handed stanzas and asked for keys."""

    account: "Account"
    number: int

    async def deliver(self, node: Node) -> None: ...
    def bundle(self, jid: Jid) -> Node: ...


@dataclass(eq=False)
class Account:
    """A person on WhatsApp: number, hidden id (lid), name, identity, devices by number (0 is the phone)."""

    phone: Jid
    lid: Jid
    name: str
    identity: KeyPair = field(default_factory=KeyPair.new)
    key_index: int = field(default_factory=lambda: int.from_bytes(os.urandom(3), "big"))
    devices: dict[int, Endpoint] = field(default_factory=dict)
    about: str = "Hey there! I am using WhatsApp."
    picture: bytes | None = None
    blocked: list[Jid] = field(default_factory=list)
    watchers: set[Endpoint] = field(default_factory=set)
    newest_device: int = 0

    @property
    def linked(self) -> "list[LinkedDevice]":
        """The devices that engines linked."""
        return [device for device in self.devices.values() if isinstance(device, LinkedDevice)]

    def next_device(self) -> int:
        """A device number never used before on this account."""
        self.newest_device += 1
        return self.newest_device


class LinkedDevice:
    """A device linked by an engine: its keys, its connection, and what waits while it has none."""

    def __init__(self, account: Account, noise: bytes) -> None:
        self.account, self.number, self.noise = account, account.next_device(), noise
        self.connection: Connection | None = None
        self.keys: dict[str, Node] = {}
        self.one_time: list[Node] = []
        self.waiting: list[Node] = []
        self.flushed = False

    @property
    def phone(self) -> Jid:
        return self.account.phone.of_device(self.number)

    @property
    def lid(self) -> Jid:
        return self.account.lid.of_device(self.number)

    def learn(self, upload: Node) -> None:
        """Keep the keys of an upload."""
        for tag in ("registration", "type", "identity", "skey"):
            self.keys[tag] = upload.child(tag)
        self.one_time += upload.child("list").children

    def bundle(self, jid: Jid) -> Node:
        one_time = [self.one_time.pop(0)] if self.one_time else []
        return Node("user", {"jid": jid, "t": int(time.time())}, [*self.keys.values(), *one_time])

    async def deliver(self, node: Node) -> None:
        """Send now, or keep for the next login; a message is kept until the device has acknowledged it."""
        if node.tag == "message" or not self.flushed:
            self.waiting.append(node)
        if self.connection and self.flushed:
            await self.connection.send(node)

    def acknowledged(self, message_id: str) -> None:
        """The device has this message; it may have asked for it anew, and then gets it once more."""
        first = next((n for n in self.waiting if n.tag == "message" and n.attrs["id"] == message_id), None)
        if first is not None:
            self.waiting.remove(first)

    async def flush(self) -> None:
        """Hand over what waited, framed as the server frames an offline queue."""
        waiting, self.flushed = self.waiting, True
        self.waiting = [node for node in waiting if node.tag == "message"]
        if self.connection is None:
            return
        count = {"count": len(waiting), "message": len(waiting), "notification": 0, "receipt": 0, "appdata": 0}
        await self.connection.send(Node("ib", {"from": SERVER}, [Node("offline_preview", count)]))
        for node in waiting:
            await self.connection.send(Node(node.tag, {**node.attrs, "offline": "1"}, node.content))
        await self.connection.send(Node("ib", {"from": SERVER}, [Node("offline", {"count": len(waiting)})]))


class Directory:
    """Every account, by number and by hidden id."""

    def __init__(self) -> None:
        self._phones: dict[str, Account] = {}
        self._lids: dict[str, Account] = {}

    def add(self, name: str) -> Account:
        """A new person with a number and a lid of their own."""
        serial = len(self._phones) + 1
        account = Account(Jid(f"1555{serial:07}", "s.whatsapp.net"), Jid(f"9000{serial:08}", "lid"), name)
        self._phones[account.phone.user] = self._lids[account.lid.user] = account
        return account

    def find(self, jid: Jid) -> Account | None:
        """The account of an address, None where nobody has it."""
        return (self._lids if jid.server == "lid" else self._phones).get(jid.user)

    def by_number(self, digits: str) -> Account | None:
        return self._phones.get(digits)

    def device(self, jid: Jid) -> Endpoint | None:
        """The device of an address."""
        account = self.find(jid)
        return account.devices.get(jid.device) if account else None


def random_word(size: int = 24) -> str:
    """A random word of letters and digits."""
    return base64.b32encode(os.urandom(size)).decode().rstrip("=")
