"""What the server answers to requests that are about people and settings; groups and linking have their own files."""

import json
import time
from collections.abc import Awaitable, Callable

from .accounts import Account, Directory, LinkedDevice, random_word
from .connection import Connection
from .nodes import SERVER, Jid, Node
from .protobuf import pack

_QUIET = ("w:p", "urn:xmpp:ping", "urn:xmpp:whatsapp:dirty", "status", "w:stats", "disappearing_mode", "tos")
_PRIVACY = ("readreceipts", "last", "online", "profile", "status", "groupadd", "calladd")


class Queries:
    """Answers by namespace. `channels` are known to everybody, `posts` are in each; `unknown` nobody could answer."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._patches: dict[tuple[Account, str], list[bytes]] = {}
        self.graph: list[dict[str, object]] = []
        self.channels: list[dict[str, object]] = []
        self.posts: list[bytes] = []
        self.unknown: list[Node] = []
        self._answers: dict[str, Callable[[Connection, LinkedDevice, Node], Awaitable[None]]] = {
            "encrypt": self._encrypt,
            "usync": self._usync,
            "w:m": self._media_hosts,
            "privacy": self._privacy,
            "blocklist": self._blocklist,
            "w:profile:picture": self._picture,
            "w:sync:app:state": self._app_state,
            "w:mex": self._graph,
            "newsletter": self._channel,
            "passive": self._passive,
        }

    async def answer(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        """Answer a request of a device that is logged in; an unknown one is refused and remembered."""
        namespace = request.attrs.get("xmlns")
        if namespace in self._answers:
            return await self._answers[namespace](connection, device, request)
        if namespace in _QUIET:
            return await connection.answer(request)
        self.unknown.append(request)
        return await connection.refuse(request, 501, "feature-not-implemented")

    async def _passive(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        await connection.answer(request)
        await device.flush()

    async def _encrypt(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        if request.attrs["type"] == "set":
            device.learn(request)
            return await connection.answer(request)
        if request.find("count"):  # never 0 at first, or the client makes 812 keys
            return await connection.answer(request, Node("count", {"value": max(1, len(device.one_time))}))
        users = [self._bundle(user.attrs["jid"]) for user in request.child("key").children]
        return await connection.answer(request, Node("list", {}, users))

    def _bundle(self, jid: Jid) -> Node:
        endpoint = self._directory.device(jid)
        if endpoint:
            return endpoint.bundle(jid)
        return Node("user", {"jid": jid}, [Node("error", {"code": "404", "text": "item-not-found"})])

    async def _usync(self, connection: Connection, _: LinkedDevice, request: Node) -> None:
        usync = request.child("usync")
        asked = [node.tag for node in usync.child("query").children]
        users = [self._user(node, asked) for node in usync.child("list").children]
        result = Node("result", {}, [Node(tag) for tag in asked])
        await connection.answer(request, Node("usync", dict(usync.attrs), [result, Node("list", {}, users)]))

    def _user(self, node: Node, asked: list[str]) -> Node:
        contact = node.find("contact")
        if "jid" in node.attrs:
            person = self._directory.find(node.attrs["jid"])
            attrs = {"jid": node.attrs["jid"]}
        else:
            digits = contact.data.decode().split("@")[0].lstrip("+") if contact else ""
            person, number = self._directory.by_number(digits), Jid(digits, "s.whatsapp.net")
            attrs = {"jid": person.lid if person else number, "pn_jid": number}
        children = [Node("contact", {"type": "in" if person else "out"}, contact.data if contact else None)]
        children = children if "contact" in asked else []
        if person:
            children += [_fact(person, tag) for tag in asked if tag in ("lid", "status", "devices")]
        return Node("user", attrs, children or None)

    async def _media_hosts(self, connection: Connection, _: LinkedDevice, request: Node) -> None:
        host = Node("host", {"hostname": "mmg.whatsapp.net", "type": "primary"})
        attrs = {"auth": "double", "ttl": 3600, "auth_ttl": 21600, "max_buckets": 12}
        await connection.answer(request, Node("media_conn", attrs, [host]))

    async def _privacy(self, connection: Connection, _: LinkedDevice, request: Node) -> None:
        if request.attrs["type"] == "set":
            return await connection.answer(request, *request.children)
        categories = [Node("category", {"name": name, "value": "all"}) for name in _PRIVACY]
        return await connection.answer(request, Node("privacy", {}, categories))

    async def _blocklist(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        blocked = device.account.blocked
        for item in request.all("item"):
            jid = item.attrs["jid"]
            if item.attrs["action"] == "block":
                blocked.append(jid)
            elif jid in blocked:
                blocked.remove(jid)
        items = [Node("item", {"jid": jid}) for jid in blocked]
        await connection.answer(request, Node("list", {"dhash": str(len(blocked))}, items))

    async def _picture(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        if request.attrs["type"] == "set":
            picture = request.find("picture")
            device.account.picture = picture.data if picture else None
            return await connection.answer(request, Node("picture", {"id": str(int(time.time()))}))
        person = self._directory.find(request.attrs["target"])
        if person is None or person.picture is None:
            return await connection.refuse(request, 404, "item-not-found")
        attrs = {
            "id": "1",
            "type": "image",
            "url": f"https://pps.whatsapp.net/{person.phone.user}",
            "direct_path": "/p",
        }
        return await connection.answer(request, Node("picture", attrs))

    async def _graph(self, connection: Connection, _: LinkedDevice, request: Node) -> None:
        """Questions in JSON; an answer holds what any of them may look for."""
        self.graph.append(json.loads(request.child("query").data))
        first = self.channels[0] if self.channels else None
        answer = {"xwa2_newsletter": first, "xwa2_newsletter_subscribed": self.channels}
        await connection.answer(request, Node("result", {}, json.dumps({"data": answer}).encode()))

    async def _channel(self, connection: Connection, _: LinkedDevice, request: Node) -> None:
        """The newest posts of a channel, oldest first."""
        asked = request.child("messages")
        numbered = list(enumerate(self.posts, 101))[-int(asked.attrs["count"]) :]
        told = [
            Node("message", {"server_id": number, "id": f"3EB0{number}", "type": "text", "t": 1_800_000_000 + number},
                 [Node("plaintext", {}, post)])
            for number, post in numbered
        ]  # fmt: skip
        await connection.answer(request, Node("messages", {"jid": asked.attrs["jid"]}, told))

    async def _app_state(self, connection: Connection, device: LinkedDevice, request: Node) -> None:
        results = [await self._collection(device, node) for node in request.child("sync").children]
        await connection.answer(request, Node("sync", {}, results))

    async def _collection(self, device: LinkedDevice, node: Node) -> Node:
        """Patches are opaque here: they are numbered, kept and handed out."""
        name, version = node.attrs["name"], int(node.attrs.get("version") or 0)
        kept = self._patches.setdefault((device.account, name), [])
        missed = Node("patches", {}, [Node("patch", {}, patch) for patch in kept[version:]])
        patch = node.find("patch")
        if patch is None:
            return Node("collection", {"name": name, "version": len(kept)}, [missed] if missed.children else None)
        if version != len(kept):
            conflict = Node("error", {"code": 409, "text": "conflict"})
            return Node("collection", {"name": name, "type": "error"}, [conflict, missed])
        kept.append(patch.data + pack((1, pack((1, len(kept) + 1)))))
        for other in device.account.linked:
            if other is not device:
                attrs = {"from": SERVER, "type": "server_sync", "id": random_word(8), "t": int(time.time())}
                changed = Node("collection", {"name": name, "version": len(kept)})
                await other.deliver(Node("notification", attrs, [changed]))
        return Node("collection", {"name": name, "version": len(kept)})


def channel(number: str, name: str) -> dict[str, object]:
    """A channel as the server tells about it."""
    meta = {
        "creation_time": "1700000000",
        "description": {"id": "1", "text": "All about it", "update_time": "1700000000000000"},
        "invite": "Code123",
        "name": {"id": "1", "text": name, "update_time": "1700000000000000"},
        "preview": {"direct_path": "/p", "id": "1", "type": "PREVIEW"},
        "settings": {"reaction_codes": {"value": "ALL"}},
        "subscribers_count": "42",
        "verification": "VERIFIED",
    }
    viewer = {"mute": "OFF", "role": "SUBSCRIBER"}
    state = {"type": "ACTIVE"}
    return {"id": f"{number}@newsletter", "state": state, "thread_metadata": meta, "viewer_metadata": viewer}


def _fact(person: Account, tag: str) -> Node:
    if tag == "lid":
        return Node("lid", {"val": person.lid})
    if tag == "status":
        return Node("status", {"t": "1"}, person.about.encode())
    devices = [Node("device", {"id": number, "key-index": number}) for number in person.devices]
    return Node("devices", {}, [Node("device-list", {"hash": "2:double"}, devices)])
