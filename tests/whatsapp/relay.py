"""Passing on what devices send each other: messages, receipts, typing, presence, calls."""

import time

from .accounts import Account, Directory, Endpoint, LinkedDevice
from .connection import Connection
from .groups import Groups
from .nodes import STATUS, Jid, Node

_CARRIED = ("device-identity", "meta", "biz", "bot")


class Relay:
    """`sent` keeps every message stanza that an engine sent; `refusals` the codes to refuse the next ones with.

    Devices in `unanswered` get no acknowledgement of what they send, and nobody gets it.
    """

    def __init__(self, directory: Directory, groups: Groups) -> None:
        self._directory, self._groups = directory, groups
        self.sent: list[Node] = []
        self.receipts: list[Node] = []
        self.calls: list[Node] = []
        self.refusals: list[int] = []
        self.unanswered: set[LinkedDevice] = set()

    async def message(self, connection: Connection, device: LinkedDevice, node: Node) -> None:
        """Acknowledge a message and hand each addressed device its part."""
        self.sent.append(node)
        if device in self.unanswered:
            return
        to, now = node.attrs["to"], int(time.time())
        error = self.refusals.pop(0) if self.refusals else None
        ack = {"class": "message", "id": node.attrs["id"], "from": to, "t": now, "error": error}
        await connection.send(Node("ack", ack))
        if error:
            return
        base = {"id": node.attrs["id"], "t": now, "notify": device.account.name}
        base |= {name: node.attrs.get(name) for name in ("type", "edit")}
        parts = {part.attrs["jid"]: part.all("enc") for part in _participants(node)}
        shared = node.all("enc")
        carried = [child for child in node.children if child.tag in _CARRIED]
        if to.server == "g.us" or to == STATUS:
            await self._to_many(device, to, base, parts, shared + carried)
        else:
            await self._to_one(device, to, base, parts or {to: shared}, carried)

    async def _to_many(
        self, device: LinkedDevice, to: Jid, base: dict[str, object], parts: dict[Jid, list[Node]], rest: list[Node]
    ) -> None:
        own = {self._directory.device(jid): encs for jid, encs in parts.items()}
        if to == STATUS:
            targets = [endpoint for endpoint in own if endpoint]
        else:
            targets = [each for person in self._groups[to].ranks for each in person.devices.values()]
        attrs = base | {"from": to, "participant": device.lid, "participant_pn": device.phone, "addressing_mode": "lid"}
        for target in targets:
            if target is not device:
                await target.deliver(Node("message", attrs, [*own.get(target, []), *rest]))

    async def _to_one(
        self, device: LinkedDevice, to: Jid, base: dict[str, object], parts: dict[Jid, list[Node]], rest: list[Node]
    ) -> None:
        for jid, encs in parts.items():
            target = self._directory.device(jid)
            if target is None:
                continue
            hidden = jid.server == "lid"
            attrs = base | {"from": device.lid if hidden else device.phone}
            if target.account is device.account:
                peer = self._directory.find(to)
                attrs |= {"recipient": to, "peer_recipient_pn": peer.phone if peer else None}
            elif hidden:
                attrs |= {"sender_pn": device.phone}
            else:
                attrs |= {"sender_lid": device.lid}
            await target.deliver(Node("message", attrs, encs + rest))

    async def receipt(self, connection: Connection, device: LinkedDevice, node: Node) -> None:
        """Acknowledge a receipt and tell the author of the messages."""
        self.receipts.append(node)
        kind, now, to = node.attrs.get("type"), int(time.time()), node.attrs["to"]
        if kind != "retry":  # else it is acknowledged, too
            device.acknowledged(node.attrs["id"])
        ack = {"class": "receipt", "id": node.attrs["id"], "from": to, "type": kind, "t": now}
        await connection.send(Node("ack", ack))
        attrs = {"id": node.attrs["id"], "type": kind, "t": now}
        if to.server == "g.us":
            author = node.attrs.get("participant")
            attrs |= {"from": to, "participant": device.lid}
        else:
            author = to
            attrs |= {
                "from": device.lid if to.server == "lid" else device.phone,
                "recipient": node.attrs.get("recipient"),
            }
        for target in self._devices(author):
            if target is not device and author.device in (0, target.number):
                await target.deliver(Node("receipt", attrs, node.content))

    async def typing(self, device: LinkedDevice, node: Node) -> None:
        """Tell the other side of the chat."""
        for target in self._devices(node.attrs["to"]):
            await target.deliver(Node("chatstate", {"from": device.lid}, node.content))

    async def presence(self, device: LinkedDevice, node: Node) -> None:
        """Start watching a person, or tell those who watch this one."""
        if node.attrs.get("type") == "subscribe":
            person = self._directory.find(node.attrs["to"])
            if person:
                person.watchers.add(device)
            return
        kind = "unavailable" if node.attrs.get("type") == "unavailable" else None
        await self.appear(device.account, kind)

    async def appear(self, person: Account, kind: str | None) -> None:
        """A person came (None) or went (unavailable)."""
        last = {"last": int(time.time())} if kind else {}
        for watcher in person.watchers:
            await watcher.deliver(Node("presence", {"from": person.lid, "type": kind, **last}))

    async def call(self, connection: Connection, node: Node) -> None:
        """Keep what an engine says about a call."""
        self.calls.append(node)
        await connection.send(Node("ack", {"class": "call", "id": node.attrs["id"], "from": node.attrs["to"]}))

    def _devices(self, jid: Jid | None) -> list[Endpoint]:
        person = self._directory.find(jid) if jid else None
        return list(person.devices.values()) if person else []


def _participants(node: Node) -> list[Node]:
    participants = node.find("participants")
    return participants.all("to") if participants else []
