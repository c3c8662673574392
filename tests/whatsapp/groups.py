"""Groups: who is in them, and the requests about them."""

import time
from dataclasses import dataclass, field

from .accounts import Account, Directory, LinkedDevice, random_word
from .connection import Connection
from .nodes import Jid, Node

_MEMBERSHIP = ("add", "remove", "promote", "demote")
_FLAGS = {"locked": ("locked", True), "unlocked": ("locked", False),
          "announcement": ("announcement", True), "not_announcement": ("announcement", False)}  # fmt: skip


@dataclass(eq=False)
class Group:
    """A group; `ranks` holds each member's rank: superadmin, admin or None."""

    jid: Jid
    subject: str
    owner: Account
    created: int
    ranks: dict[Account, str | None] = field(default_factory=dict)
    description: str = ""
    locked: bool = False
    announcement: bool = False
    ephemeral: int = 0
    code: str = field(default_factory=lambda: random_word(12))

    def node(self) -> Node:
        """What the server tells about it."""
        attrs = {
            "id": self.jid.user,
            "creator": self.owner.lid,
            "creation": self.created,
            "s_t": self.created,
            "s_o": self.owner.lid,
            "subject": self.subject,
            "addressing_mode": "lid",
            "size": len(self.ranks),
        }
        flags = [Node(name) for name in ("locked", "announcement") if getattr(self, name)]
        if self.ephemeral:
            flags.append(Node("ephemeral", {"expiration": self.ephemeral}))
        if self.description:
            body = [Node("body", {}, self.description.encode())]
            flags.append(Node("description", {"id": "D1", "participant": self.owner.lid, "t": self.created}, body))
        return Node("group", attrs, flags + [_member(person, rank) for person, rank in self.ranks.items()])


def _member(person: Account, rank: str | None = None) -> Node:
    return Node("participant", {"jid": person.lid, "phone_number": person.phone, "type": rank})


class Groups:
    """All groups."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._groups: dict[str, Group] = {}

    def __getitem__(self, jid: Jid) -> Group:
        return self._groups[jid.user]

    async def create(self, owner: Account, subject: str, members: list[Account], *, told: bool = True) -> Group:
        """A new group; its members (and, unless asked through an engine, its owner) are told."""
        jid = Jid(f"120363{time.time_ns() % 10**12:012}", "g.us")
        group = self._groups[jid.user] = Group(jid, subject, owner, int(time.time()))
        group.ranks = {owner: "superadmin", **dict.fromkeys(members, None)}
        audience = [person for person in group.ranks if told or person is not owner]
        await self._tell(group, owner, Node("create", {"type": "new", "key": "1"}, [group.node()]), audience)
        return group

    async def change(self, group: Group, author: Account, verb: str, people: list[Account]) -> Node:
        """Add, remove, promote or demote people, tell everyone, and return what the server answers."""
        audience = list(group.ranks)
        for person in people:
            if verb == "remove":
                group.ranks.pop(person, None)
            else:
                group.ranks[person] = "admin" if verb == "promote" else None
        report = Node(verb, {}, [_member(person) for person in people])
        await self._tell(group, author, report, list(dict.fromkeys([*audience, *group.ranks])))
        return report

    async def _tell(self, group: Group, author: Account, change: Node, audience: list[Account]) -> None:
        for person in audience:
            for device in person.devices.values():
                attrs = {"from": group.jid, "type": "w:gp2", "id": random_word(8), "t": int(time.time())}
                attrs |= {"participant": author.lid, "participant_pn": author.phone, "addressing_mode": "lid"}
                await device.deliver(Node("notification", attrs, [change]))

    async def answer(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        """A request in the groups' namespace."""
        verb = request.children[0]
        if verb.tag == "create":
            people = [self._person(node) for node in verb.all("participant")]
            group = await self.create(device.account, verb.attrs["subject"], people, told=False)
            return await connection.answer(request, group.node())
        if verb.tag == "participating":
            mine = [group.node() for group in self._groups.values() if device.account in group.ranks]
            return await connection.answer(request, Node("groups", {}, mine))
        if verb.tag == "leave":
            return await self._leave(connection, device, request)
        if verb.tag == "invite" and "code" in verb.attrs:
            return await self._join(connection, device, request)
        group = self._groups.get(request.attrs["to"].user)
        if group is None or device.account not in group.ranks:
            return await connection.refuse(request, 404, "item-not-found")
        return await self._in(group, connection, device, request)

    async def _in(self, group: Group, connection: Connection, device: LinkedDevice, request: Node) -> None:
        verb = request.children[0]
        if verb.tag in _MEMBERSHIP:
            people = [self._person(node) for node in verb.all("participant")]
            return await connection.answer(request, await self.change(group, device.account, verb.tag, people))
        return await self._settings(connection, request, group)

    async def _settings(self, connection: Connection, request: Node, group: Group) -> None:
        verb = request.children[0]
        if verb.tag == "query":
            return await connection.answer(request, group.node())
        if verb.tag == "invite":
            group.code = random_word(12) if request.attrs["type"] == "set" else group.code
            return await connection.answer(request, Node("invite", {"code": group.code}))
        if verb.tag == "subject":
            group.subject = verb.data.decode()
        elif verb.tag == "description":
            body = verb.find("body")
            group.description = body.data.decode() if body else ""
        elif verb.tag in ("ephemeral", "not_ephemeral"):
            group.ephemeral = int(verb.attrs.get("expiration", 0))
        elif verb.tag in _FLAGS:
            setattr(group, *_FLAGS[verb.tag])
        else:
            return await connection.refuse(request, 501, "feature-not-implemented")
        return await connection.answer(request, verb)

    async def _leave(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        left = [node.attrs["id"] for node in request.children[0].all("group")]
        for jid in left:
            await self.change(self[jid], device.account, "remove", [device.account])
        await connection.answer(request, Node("leave", {}, [Node("group", {"id": jid}) for jid in left]))

    async def _join(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        code = request.children[0].attrs["code"]
        group = next((each for each in self._groups.values() if each.code == code), None)
        if group is None:
            return await connection.refuse(request, 406, "not-acceptable")
        if request.attrs["type"] == "get":
            return await connection.answer(request, group.node())
        await self.change(group, device.account, "add", [device.account])
        return await connection.answer(request, Node("group", {"jid": group.jid}))

    def _person(self, node: Node) -> Account:
        person = self._directory.find(node.attrs["jid"])
        if person is None:
            raise LookupError(f"nobody is {node.attrs['jid']}")
        return person
