"""Linking, sending, and messages that are there already."""

import time
from typing import Any

import msgspec
from neonize.builder import build_edit, build_revoke

from engines import addresses, base
from engines.things import Reaction
from engines.whatsmeow import frames, ids
from engines.whatsmeow.inside.ground import Ground
from engines.whatsmeow.inside.notebook import Kept
from engines.whatsmeow.inside.refusals import typed

_EDIT_SECONDS = 20 * 60
_PREVIEWS = {"Text": "body", "Media": "caption", "Poll": "name", "Location": "description", "ContactCard": "name"}


class Sending:
    """Verbs about messages."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def pairing_code(self, phone: str) -> str:
        """A code for the phone with this number. Raises WrongState while no code is shown."""
        if self._ground.session.state != "qr_ready":
            raise base.WrongState("QR code is not ready yet. Please wait...")
        return self._ground.session.pair_phone(addresses.from_phone(phone).partition("@")[0])

    def logout(self) -> None:
        """Unlink the account; the library forgets the credentials."""
        self._ground.require_connection()
        self._ground.session.log_out()

    def send(self, key: str, chat: str, kind: str, content: dict[str, Any], quote: base.Quote | None) -> base.Sent:
        """Send once: the same key again gives the first outcome."""
        self._ground.require_connection()
        notebook = self._ground.notebook
        what = frames.convert(content, frames.CONTENTS[kind])
        earlier = notebook.begin_send(key)
        if earlier is not None:
            if earlier[0] is None:
                raise base.OutcomeUnknown("An earlier send of this message had no outcome")
            return base.Sent(earlier[0], earlier[1])
        try:
            message = self._ground.composer.compose(chat, what, quote)
            answer = self._ground.send(self._ground.people.wire(chat), message)
        except Exception as error:
            wrong = typed(error)
            if not isinstance(wrong, base.OutcomeUnknown):
                notebook.drop_send(key)
            raise wrong from error
        return self._sent(key, chat, message, answer, getattr(what, _PREVIEWS.get(kind, ""), None))

    def _sent(self, key: str, chat: str, message: Any, answer: Any, preview: str | None) -> base.Sent:
        own = self._ground.people.own()
        sent = base.Sent(ids.outward(answer.ID, chat, own, from_me=True), answer.Timestamp)
        self._ground.notebook.end_send(key, sent.message_id, sent.timestamp)
        self._ground.pump.settle(base.SendFinished(key, sent))
        told = base.Message(
            sent.message_id, chat, own, "text", preview or "", sent.timestamp, from_me=True, recipient=chat
        )
        kept = Kept(
            chat=chat,
            stanza=answer.ID,
            sender=own,
            from_me=True,
            at=sent.timestamp,
            content=message.SerializeToString(),
            packed=msgspec.msgpack.encode(told),
        )
        self._ground.notebook.keep(kept)
        self._ground.notebook.note_chat(chat, None, 0, sent.timestamp, preview)
        return sent

    def edit(self, chat: str, message_id: str, body: str) -> base.Sent:
        """Change the text of an own message. Refused: not_own_message, too_late."""
        self._ground.require_connection()
        kept = self._ground.message(chat, message_id)
        if not kept.from_me:
            raise base.Refused("Only your own messages can be edited", "not_own_message")
        if time.time() - kept.at > _EDIT_SECONDS:
            raise base.Refused("The message is too old to be edited", "too_late")
        jid = self._ground.people.wire(chat)
        answer = self._ground.send(jid, build_edit(jid, kept.stanza, self._ground.composer.text(body)))
        return base.Sent(ids.outward(kept.stanza, chat, kept.sender, from_me=True), answer.Timestamp)

    def revoke(self, chat: str, message_id: str, *, for_everyone: bool) -> None:
        """Delete a message for everyone: an own one, or any in a group one rules."""
        client = self._ground.client
        if not for_everyone:
            raise base.NotSupported("This engine cannot delete a message for the account only")
        kept = self._ground.message(chat, message_id)
        if not kept.from_me and not chat.endswith("@g.us"):
            raise base.Refused("Only your own messages can be deleted for everyone", "not_own_message")
        jid, people = self._ground.people.wire(chat), self._ground.people
        sender = client.get_me().JID if kept.from_me else people.wire(people.lid_of(kept.sender) or kept.sender)
        self._ground.send(jid, build_revoke(jid, sender, kept.stanza, client.get_me().JID))

    def react(self, chat: str, message_id: str, emoji: str) -> None:
        """Put an emoji on a message; an empty one takes it back."""
        client, people, kept = self._ground.client, self._ground.people, self._ground.message(chat, message_id)
        jid = people.wire(chat)
        sender = client.get_me().JID if kept.from_me else people.wire(people.lid_of(kept.sender) or kept.sender)
        self._ground.send(jid, client.build_reaction(jid, sender, kept.stanza, emoji))
        self._ground.notebook.react(chat, kept.stanza, people.own(), emoji, int(time.time()))

    def reactions(self, chat: str, message_id: str) -> list[Reaction]:
        """The emojis on a message, in the order they came."""
        kept = self._ground.message(chat, message_id)
        return [Reaction(*row) for row in self._ground.notebook.reactions(chat, kept.stanza)]

    def history(self, chat: str, limit: int) -> list[base.Message]:
        """The newest messages of a chat that passed this session, oldest first."""
        kept = self._ground.notebook.latest(chat, limit)
        return [frames.unpack(each.packed, base.Message) for each in kept]
