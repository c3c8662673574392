"""A virtual contact: a phone that really encrypts and decrypts, so that a test sees what a person would see."""

import os
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .accounts import Account, LinkedDevice, random_word
from .curve import hkdf
from .media import Blob
from .nodes import STATUS, Jid, Node
from .ratchet import Bundle, CannotDecrypt, Party
from .schema import e2e
from .senderkey import SenderKeys

if TYPE_CHECKING:
    from .server import Server

_PATIENCE = 15.0


@dataclass(frozen=True)
class Received:
    """A message as the contact sees it; `node` is the stanza it came in."""

    id: str
    chat: Jid
    sender: Account
    message: e2e.Message
    node: Node

    @property
    def text(self) -> str:
        """Its text, however it is written."""
        return str(self.message.conversation or self.message.extendedTextMessage.text)


class Contact:
    """Device 0 of an account; what reaches it is in `messages` and `stanzas`."""

    number = 0

    def __init__(self, server: "Server", account: Account) -> None:
        self.server, self.account = server, account
        self.party, self.sender_keys = Party(account.identity), SenderKeys()
        self.messages: queue.Queue[Received] = queue.Queue()
        self.stanzas: queue.Queue[Node] = queue.Queue()
        self.told: set[tuple[str, LinkedDevice]] = set()
        self.said: dict[str, tuple[dict[str, object], e2e.Message]] = {}
        account.devices[0] = self

    # --- what reaches it

    def next(self) -> Received:
        """The next message, waited for. Raises queue.Empty after a while."""
        return self.messages.get(timeout=_PATIENCE)

    def next_stanza(self, tag: str, wanted: Callable[[Node], bool] = lambda _: True) -> Node:
        """The next stanza of this tag, waited for; others are dropped."""
        while True:
            node = self.stanzas.get(timeout=_PATIENCE)
            if node.tag == tag and wanted(node):
                return node

    async def deliver(self, node: Node) -> None:
        """The server hands it a stanza."""
        if node.tag != "message":
            self.stanzas.put(node)
            if node.attrs.get("type") == "retry":
                await self._say_again(node)
            return
        chat = node.attrs["from"]
        sender = node.attrs.get("participant") or chat
        person = self.server.directory.find(sender)
        assert person is not None
        peer = (person.phone.user, sender.device)
        for enc in node.all("enc"):
            try:
                opened = self._open(chat, peer, enc)
            except CannotDecrypt:
                await self._ask_again(node)
                return
            message = e2e.Message.FromString(opened)
            if message.HasField("senderKeyDistributionMessage"):
                told = message.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage
                self.sender_keys.learn(chat.user, peer, told)
            else:
                self.messages.put(Received(node.attrs["id"], chat, person, message, node))
        if person is not self.account:
            await self._acknowledge(node, None)

    def _open(self, chat: Jid, peer: tuple[str, int], enc: Node) -> bytes:
        kind = enc.attrs["type"]
        if kind == "skmsg":
            return self.sender_keys.decrypt(chat.user, peer, enc.data)
        return self.party.decrypt(peer, kind, enc.data)

    async def _ask_again(self, node: Node) -> None:
        """Have the author encrypt a message anew, as every phone does that cannot open one."""
        device = self.server.directory.device(node.attrs.get("participant") or node.attrs["from"])
        if device is not None:
            again = {"v": "1", "count": "2", "id": node.attrs["id"], "t": node.attrs["t"]}
            attrs = {"id": node.attrs["id"], "type": "retry", "t": int(time.time()), "from": self.account.lid}
            known = Node("registration", {}, self.party.registration.to_bytes(4, "big"))
            await device.deliver(Node("receipt", attrs, [Node("retry", again), known]))

    async def read(self, received: Received) -> None:
        """Tell the author that the message was read."""
        await self._acknowledge(received.node, "read")

    async def _acknowledge(self, node: Node, kind: str | None) -> None:
        chat = node.attrs["from"]
        sender = node.attrs.get("participant") or chat
        device = self.server.directory.device(sender)
        if device is None:
            return
        group = chat.server != sender.server or chat == STATUS
        attrs = {
            "id": node.attrs["id"],
            "type": kind,
            "t": int(time.time()),
            "from": chat if group else self.account.lid,
        }
        attrs["participant"] = self.account.lid if group else None
        await device.deliver(Node("receipt", attrs))

    # --- what it does

    def bundle(self, jid: Jid) -> Node:
        """Its keys, as the server hands them to who writes first."""
        number, one_time = self.party.one_time()
        signed = [
            Node("id", {}, (1).to_bytes(3, "big")),
            Node("value", {}, self.party.signed.public),
            Node("signature", {}, self.party.signature),
        ]
        body = [
            Node("registration", {}, self.party.registration.to_bytes(4, "big")),
            Node("type", {}, b"\x05"),
            Node("identity", {}, self.party.identity.public),
            Node("skey", {}, signed),
            Node("key", {}, [Node("id", {}, number.to_bytes(3, "big")), Node("value", {}, one_time)]),
        ]
        return Node("user", {"jid": jid, "t": int(time.time())}, body)

    async def say(self, to: Account, what: "str | e2e.Message", **attrs: object) -> str:
        """Write to a person's linked devices; returns the message id."""
        base = self._base(what) | {"from": self.account.lid, "sender_pn": self.account.phone} | attrs
        self.said[str(base["id"])] = base, _message(what)
        for device in to.linked:
            await device.deliver(Node("message", dict(base), [self.sealed(device, _message(what))]))
        return str(base["id"])

    async def say_in(self, group: Jid, what: "str | e2e.Message") -> str:
        """Write into a group; members that lack the sender key get it along with the message."""
        base = self._base(what) | {"from": group, "participant": self.account.lid, "participant_pn": self.account.phone}
        distribution = self.sender_keys.distribution(group.user)
        again = _distribution(group, distribution)
        again.MergeFrom(_message(what))
        self.said[str(base["id"])] = base | {"addressing_mode": "lid"}, again
        shared = Node(
            "enc", {"v": "2", "type": "skmsg"}, self.sender_keys.encrypt(group.user, _message(what).SerializeToString())
        )
        for device in [each for person in self.server.groups[group].ranks for each in person.linked]:
            first = (
                [] if (group.user, device) in self.told else [self.sealed(device, _distribution(group, distribution))]
            )
            self.told.add((group.user, device))
            await device.deliver(Node("message", base | {"addressing_mode": "lid"}, [*first, shared]))
        return str(base["id"])

    async def _say_again(self, node: Node) -> None:
        """Encrypt a message anew for a device that could not open it: with the keys that it sends, if it does."""
        device = self.server.directory.device(node.attrs.get("participant") or node.attrs["from"])
        if not isinstance(device, LinkedDevice) or node.attrs["id"] not in self.said:
            return
        base, message = self.said[node.attrs["id"]]
        keys = node.find("keys")
        if keys:
            self.party.begin((device.account.phone.user, device.number), _offered(keys))
        sealed = self.sealed(device, message)
        sealed.attrs["count"] = node.child("retry").attrs["count"]
        await device.deliver(Node("message", dict(base), [sealed]))

    def _base(self, what: "str | e2e.Message") -> dict[str, object]:
        kind = "text"
        if not isinstance(what, str):
            names = {field.name for field, _ in what.ListFields()}
            kind = "reaction" if "reactionMessage" in names else "text"
        return {"id": f"3A{random_word(10)}", "t": int(time.time()), "type": kind, "notify": self.account.name}

    def sealed(self, device: LinkedDevice, message: e2e.Message) -> Node:
        """A message encrypted for one device."""
        peer = (device.account.phone.user, device.number)
        if not self.party.knows(peer):
            self.party.begin(peer, _published(device))
        kind, data = self.party.encrypt(peer, message.SerializeToString())
        return Node("enc", {"v": "2", "type": kind}, data)

    async def typing(self, to: Account, state: str = "composing", **attrs: str) -> None:
        """Show that it is typing (or recording, by media="audio")."""
        for device in to.linked:
            await device.deliver(Node("chatstate", {"from": self.account.lid}, [Node(state, dict(attrs))]))

    async def call(self, to: Account) -> str:
        """Ring; returns the call's id."""
        call_id = random_word(10)
        offer = {"call-id": call_id, "call-creator": self.account.lid, "caller_pn": self.account.phone}
        attrs = {
            "from": self.account.lid,
            "id": random_word(8),
            "t": int(time.time()),
            "version": "2.24",
            "platform": "android",
        }
        for device in to.linked:
            await device.deliver(
                Node("call", attrs, [Node("offer", offer, [Node("audio", {"enc": "opus", "rate": "16000"})])])
            )
        return call_id

    def upload(self, kind: str, data: bytes) -> Blob:
        """Encrypt and store media to send."""
        return self.server.media.put(kind, data)

    def vote(self, poll: Received, secret: bytes, options: list[bytes]) -> "e2e.Message":
        """A vote on a poll it received: the chosen options' SHA-256, sealed under the poll's secret."""
        creator, voter = str(poll.sender.lid), str(self.account.lid)
        info = poll.id.encode() + creator.encode() + voter.encode() + b"Poll Vote"
        key = hkdf(secret, 32, info=info)
        start = os.urandom(12)
        choice = e2e.PollVoteMessage(selectedOptions=options).SerializeToString()
        sealed = AESGCM(key).encrypt(start, choice, f"{poll.id}\0{voter}".encode())
        update = e2e.PollUpdateMessage(
            pollCreationMessageKey={"remoteJID": str(poll.chat), "fromMe": False, "ID": poll.id},
            vote=e2e.PollEncValue(encPayload=sealed, encIV=start),
            senderTimestampMS=int(time.time() * 1000),
        )
        return e2e.Message(pollUpdateMessage=update)


def _published(device: LinkedDevice) -> Bundle:
    one_time = device.one_time.pop(0) if device.one_time else None
    return _bundle(device.keys["identity"], device.keys["skey"], one_time)


def _offered(keys: Node) -> Bundle:
    return _bundle(keys.child("identity"), keys.child("skey"), keys.find("key"))


def _bundle(identity: Node, signed: Node, one_time: Node | None) -> Bundle:
    return Bundle(
        identity.data,
        int.from_bytes(signed.child("id").data, "big"),
        signed.child("value").data,
        int.from_bytes(one_time.child("id").data, "big") if one_time else None,
        one_time.child("value").data if one_time else None,
    )


def _message(what: "str | e2e.Message") -> e2e.Message:
    return e2e.Message(conversation=what) if isinstance(what, str) else what


def _distribution(group: Jid, data: bytes) -> e2e.Message:
    told = e2e.SenderKeyDistributionMessage(groupID=str(group), axolotlSenderKeyDistributionMessage=data)
    return e2e.Message(senderKeyDistributionMessage=told)
