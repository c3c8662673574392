"""From every other event of neonize (receipts, groups, calls, typing, history) to the events of `engines.base`."""

from collections.abc import Callable
from typing import Any

from neonize.proto import Neonize_pb2 as wire

from engines import addresses, base
from engines.whatsmeow import ids
from engines.whatsmeow.inside.notebook import Notebook
from engines.whatsmeow.inside.people import People
from engines.whatsmeow.inside.translate import Envelope, Translator

_Receipt = wire.Receipt
_RECEIPTS: dict[int, base.Receipt] = {
    _Receipt.DELIVERED: "delivered",
    _Receipt.INACTIVE: "delivered",
    _Receipt.READ: "read",
    _Receipt.PLAYED: "read",
}
_UPDATES = ("Name", "Topic", "Locked", "Announce", "Ephemeral", "Delete", "Promote", "Demote", "NewInviteLink")


class Happenings:
    """Translates one account's events. `ringing` holds the calls that may be rejected: id to caller's JID."""

    def __init__(self, people: People, notebook: Notebook, translator: Translator) -> None:
        self._people, self._notebook, self._translator = people, notebook, translator
        self.ringing: dict[str, Any] = {}

    def receipt(self, event: Any) -> list[base.Event]:
        """Somebody got or read our messages; what our own devices report is left out."""
        source, word = event.MessageSource, _RECEIPTS.get(event.Type)
        if word is None or source.IsFromMe:
            return []
        sender = self._people.neutral(source.Sender, source.SenderAlt)
        chat = self._people.neutral(source.Chat) if source.Chat.Server in ("g.us", "broadcast") else sender
        own = self._people.own()
        found = tuple(ids.outward(stanza, chat, own, from_me=True) for stanza in event.MessageIDs)
        return [base.ReceiptReceived(found, chat, word, sender, event.Timestamp)]

    def joined(self, event: Any) -> list[base.Event]:
        """The account is in a group now."""
        info = event.GroupInfo
        people = tuple(self._people.neutral(each.JID, each.PhoneNumber) for each in info.Participants)
        author = self._people.neutral(event.Sender, event.SenderPN) if event.Sender.User else None
        chat, name = self._people.neutral(info.JID), info.GroupName.Name
        self._notebook.note_chat(chat, name, 0, int(info.GroupCreated), None)
        details = {"subject": name, "reason": event.Reason or None}
        return [base.GroupChanged(chat, "join", people, author, int(info.GroupCreated), details)]

    def group(self, event: Any) -> list[base.Event]:
        """Something changed in a group."""
        chat = self._people.neutral(event.JID)
        author = self._people.neutral(event.Sender) if event.HasField("Sender") and event.Sender.User else None
        found: list[base.Event] = []
        for change, jids in (("join", event.Join), ("leave", event.Leave)):
            people = tuple(self._people.neutral(jid) for jid in jids)
            if people:
                found.append(base.GroupChanged(chat, change, people, author, event.Timestamp))  # type: ignore[arg-type]
        details, people = self._details(event)
        if details:
            if details.get("subject"):
                self._notebook.note_chat(chat, str(details["subject"]), 0, 0, None)
            found.append(base.GroupChanged(chat, "update", people, author, event.Timestamp, details))
        return found

    def _details(self, event: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        details: dict[str, Any] = {}
        people: tuple[str, ...] = ()
        values: dict[str, tuple[str, Callable[[], Any]]] = {
            "Name": ("subject", lambda: event.Name.Name),
            "Topic": ("description", lambda: event.Topic.Topic),
            "Locked": ("locked", lambda: event.Locked.isLocked),
            "Announce": ("announce", lambda: event.Announce.IsAnnounce),
            "Ephemeral": ("ephemeral_seconds", lambda: event.Ephemeral.DisappearingTimer),
            "Delete": ("deleted", lambda: event.Delete.Deleted),
            "NewInviteLink": ("invite", lambda: event.NewInviteLink),
        }
        for name, (word, value) in values.items():
            if event.HasField(name) and (name != "NewInviteLink" or event.NewInviteLink):
                details[word] = value()
        for word, jids in (("promoted", event.Promote), ("demoted", event.Demote)):
            if jids:
                named = tuple(self._people.neutral(jid) for jid in jids)
                details[word] = list(named)
                people += named
        return details, people

    def call(self, event: Any) -> list[base.Event]:
        """Somebody rings."""
        meta = event.basicCallMeta
        self.ringing[meta.callID] = getattr(meta, "from")
        creator, other = meta.callCreator, meta.callCreatorAlt
        caller = self._people.neutral(creator, other) if creator.User else self._people.neutral(getattr(meta, "from"))
        video = any(node.Tag == "video" for node in event.data.Nodes) or getattr(event, "media", "") == "video"
        group = getattr(event, "type", "") == "group"
        return [base.CallReceived(meta.callID, caller, meta.timestamp, video, group)]

    def call_ended(self, event: Any) -> list[base.Event]:
        self.ringing.pop(event.basicCallMeta.callID, None)
        return []

    def typing(self, event: Any) -> list[base.Event]:
        source = event.MessageSource
        sender = self._people.neutral(source.Sender, source.SenderAlt)
        chat = self._people.neutral(source.Chat) if source.IsGroup else sender
        state: base.ChatState = "paused"
        if event.State == wire.ChatPresence.COMPOSING:
            state = "recording" if event.Media == wire.ChatPresence.AUDIO else "typing"
        return [base.TypingChanged(chat, sender, state)]

    def presence(self, event: Any) -> list[base.Event]:
        sender = self._people.neutral(event.From)
        return [base.PresenceChanged(sender, not event.Unavailable, event.LastSeen if event.LastSeen > 0 else None)]

    def history(self, event: Any) -> list[base.Event]:
        """Old messages, oldest first in each chat, and how far the synchronisation is."""
        found: list[base.Event] = []
        for pair in event.Data.phoneNumberToLidMappings:
            self._people.link(self._people.written(pair.lidJID), self._people.written(pair.pnJID))
        for conversation in event.Data.conversations:
            chat = self._people.written(conversation.ID)
            if not chat:
                continue
            at = conversation.conversationTimestamp or conversation.lastMsgTimestamp
            self._notebook.note_chat(chat, conversation.name or None, conversation.unreadCount, at, None)
            for item in reversed(conversation.messages):
                found += self._old(chat, item.message)
        if event.Data.HasField("progress"):
            found.append(base.HistoryProgress(event.Data.progress))
        return found

    def _old(self, chat: str, item: Any) -> list[base.Event]:
        own = item.key.fromMe
        author = item.participant or item.key.participant
        sender = self._people.own() if own else self._people.written(author) or chat
        if not item.HasField("message") or (addresses.is_group(chat) and not own and not author):
            return []
        lid = author if author.endswith("@lid") else None
        name = item.pushName or None
        envelope = Envelope(item.key.ID, chat, sender, own, item.messageTimestamp, name, lid)
        return self._translator.events(envelope, item.message, backfill=True)
