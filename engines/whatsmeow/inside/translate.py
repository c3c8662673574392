"""From a message event of neonize to the events of `engines.base`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import msgspec
from neonize.proto.waE2E import WAWebProtobufsE2E_pb2 as e2e

from engines import addresses, base
from engines.whatsmeow import ids
from engines.whatsmeow.inside import content
from engines.whatsmeow.inside.notebook import Kept, Notebook
from engines.whatsmeow.inside.people import People

Fetch = Callable[[str, str, Any, content.Said], str | None]
"""Chat, stanza, message and what it says, to the file with its media (None where it is left out)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who wrote a message where and when."""

    stanza: str
    chat: str
    sender: str
    from_me: bool
    timestamp: int
    push_name: str | None = None
    sender_lid: str | None = None

    @property
    def id(self) -> str:
        return ids.outward(self.stanza, self.chat, self.sender, from_me=self.from_me)


class Translator:
    """Knows the account's people and past; `fetch` brings media."""

    def __init__(self, client: Any, people: People, notebook: Notebook, fetch: Fetch) -> None:
        self._client, self._people, self._notebook, self._fetch = client, people, notebook, fetch

    def message(self, event: Any) -> list[base.Event]:
        """What a message event means: mostly one event, none for machinery."""
        return self.events(self._envelope(event), event.Message, event)

    def _envelope(self, event: Any) -> Envelope:
        source = event.Info.MessageSource
        sender = self._people.neutral(source.Sender, source.SenderAlt)
        if source.IsGroup or source.Chat.Server == "broadcast":
            chat = self._people.neutral(source.Chat)
        elif source.IsFromMe:
            chat = self._people.neutral(source.Chat, source.RecipientAlt)
        else:
            chat = sender if source.Chat.Server in ("lid", "s.whatsapp.net") else self._people.neutral(source.Chat)
        hidden = [jid.User for jid in (source.Sender, source.SenderAlt) if jid.Server == "lid"]
        return Envelope(
            event.Info.ID,
            chat,
            sender,
            source.IsFromMe,
            event.Info.Timestamp // 1000,
            event.Info.Pushname or None,
            f"{hidden[0]}@lid" if hidden else None,
        )

    def events(
        self, envelope: Envelope, message: Any, event: Any = None, *, backfill: bool = False
    ) -> list[base.Event]:
        """What this message in this envelope means."""
        message = content.unwrapped(message)
        if message.HasField("protocolMessage"):
            return self._protocol(envelope, message.protocolMessage)
        if message.HasField("reactionMessage"):
            return self._reaction(envelope, message.reactionMessage)
        if message.HasField("pollUpdateMessage"):
            return self._vote(envelope, message.pollUpdateMessage, event)
        found = content.said(message)
        if found is None:
            return []
        path = None if backfill else self._fetch(envelope.chat, envelope.stanza, message, found)
        told = self._told(envelope, found, path, backfill=backfill)
        self._remember(envelope, told, message, unread=not backfill)
        return [base.MessageReceived(told)]

    def _told(self, envelope: Envelope, found: content.Said, path: str | None, *, backfill: bool) -> base.Message:
        context = content.context(found.part)
        mentions = [self._people.written(text) for text in context.mentionedJID] if context else []
        recipient = envelope.chat if envelope.from_me or addresses.is_group(envelope.chat) else self._people.own()
        return base.Message(
            id=envelope.id,
            chat=envelope.chat,
            sender=envelope.sender,
            type=found.type,
            body=found.body,
            timestamp=envelope.timestamp,
            from_me=envelope.from_me,
            recipient=recipient,
            push_name=envelope.push_name,
            sender_lid=envelope.sender_lid,
            mentions=tuple(address for address in mentions if address),
            quote=self._quote(envelope.chat, context),
            media=content.media(found, path),
            location=content.place(found),
            backfill=backfill,
        )

    def _quote(self, chat: str, context: Any) -> base.Quote | None:
        if context is None or not context.stanzaID:
            return None
        author = self._people.written(context.participant)
        quoted = content.said(content.unwrapped(context.quotedMessage))
        message_id = ids.outward(context.stanzaID, chat, author, from_me=author == self._people.own())
        return base.Quote(message_id, author, quoted.body if quoted else "")

    def _remember(self, envelope: Envelope, told: base.Message, message: Any, *, unread: bool) -> None:
        unread = unread and not envelope.from_me
        kept = replace(told, media=replace(told.media, path=None)) if told.media else told
        self._notebook.keep(
            Kept(
                envelope.chat,
                envelope.stanza,
                envelope.sender,
                envelope.from_me,
                envelope.timestamp,
                message.SerializeToString(),
                msgspec.msgpack.encode(kept),
                unread,
            )
        )
        name = None if envelope.from_me or addresses.is_group(envelope.chat) else envelope.push_name
        self._notebook.note_chat(envelope.chat, name, int(unread), envelope.timestamp, told.body or f"[{told.type}]")

    def _protocol(self, envelope: Envelope, message: Any) -> list[base.Event]:
        if message.type == e2e.ProtocolMessage.MESSAGE_EDIT:
            found = content.said(content.unwrapped(message.editedMessage))
            target = self._target(envelope, message.key)
            body = found.body if found else ""
            return [base.MessageEdited(target, envelope.chat, envelope.sender, body, envelope.timestamp)]
        if message.type == e2e.ProtocolMessage.REVOKE and message.HasField("key"):
            target = self._target(envelope, message.key)
            return [
                base.MessageRevoked(
                    target, envelope.chat, envelope.sender, envelope.timestamp, envelope.from_me, envelope.id
                )
            ]
        return []

    def _reaction(self, envelope: Envelope, message: Any) -> list[base.Event]:
        target = self._target(envelope, message.key)
        self._notebook.react(envelope.chat, message.key.ID, envelope.sender, message.text, envelope.timestamp)
        part = (message.senderTimestampMS or crc32(envelope.id.encode())) % 1000  # some clients tell no time
        return [base.ReactionReceived(target, envelope.chat, envelope.sender, message.text, envelope.timestamp, part)]

    def _vote(self, envelope: Envelope, message: Any, event: Any) -> list[base.Event]:
        if event is None:
            return []
        chosen = self._client.decrypt_poll_vote(event).selectedOptions
        stanza = message.pollCreationMessageKey.ID
        poll = self._notebook.find(envelope.chat, stanza)
        options = content.poll_options(e2e.Message.FromString(poll.content)) if poll else []
        names = {hashlib.sha256(option.encode()).digest(): option for option in options}
        voted = tuple(names.get(digest, digest.hex()) for digest in chosen)
        target = self._target(envelope, message.pollCreationMessageKey)
        return [base.PollVoted(target, envelope.chat, envelope.sender, voted, envelope.timestamp)]

    def _target(self, envelope: Envelope, key: Any) -> str:
        """The outward id of the message that a key names; the key is written from its sender's point of view."""
        known = self._notebook.find(envelope.chat, key.ID)
        if known:
            return ids.outward(key.ID, envelope.chat, known.sender, from_me=known.from_me)
        author = self._people.written(key.participant) if key.participant else ""
        if not author:
            author = envelope.sender if key.fromMe else self._people.own()
        own = author == self._people.own()
        return ids.outward(key.ID, envelope.chat, author, from_me=own)
