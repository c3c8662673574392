"""Chats, presence, people, profile, calls."""

from collections.abc import Sequence
from typing import Any

from neonize.exc import GetProfilePictureError
from neonize.utils.enum import BlocklistAction, ChatPresence, ChatPresenceMedia, Presence, ReceiptType
from neonize.utils.jid import build_jid

from engines import addresses, base
from engines.things import Contact, NumberCheck
from engines.whatsmeow.inside import media
from engines.whatsmeow.inside.ground import Ground

_MOST_READ_AT_ONCE = 100
_TYPING = {
    "typing": (ChatPresence.CHAT_PRESENCE_COMPOSING, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT),
    "recording": (ChatPresence.CHAT_PRESENCE_COMPOSING, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_AUDIO),
    "paused": (ChatPresence.CHAT_PRESENCE_PAUSED, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT),
}


class Chatting:
    """Verbs about chats and people."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    # --- chats

    def chats(self, limit: int, offset: int) -> list[base.Chat]:
        """A page of the chats that were seen, newest first."""
        return [
            base.Chat(chat, name or self._name_of(chat) or chat, addresses.is_group(chat), unread, at, last)
            for chat, name, unread, at, last in self._ground.notebook.chats(limit, offset)
        ]

    def _name_of(self, chat: str) -> str | None:
        if not chat.endswith(("@c.us", "@lid")):
            return None
        info = self._ground.client.contact.get_contact(self._ground.people.wire(chat))
        return info.FullName or info.FirstName or info.PushName or None

    def typing(self, chat: str, state: base.ChatState) -> None:
        """Show that the account types, records, or paused."""
        self._ground.client.send_chat_presence(self._ground.people.wire(chat), *_TYPING[state])

    def mark_read(self, chat: str) -> bool:
        """Tell the authors of a chat's unread messages; False where there were none."""
        client, people, notebook = self._ground.client, self._ground.people, self._ground.notebook
        unread: dict[str, list[str]] = {}
        for kept in notebook.unread(chat):
            unread.setdefault(kept.sender, []).append(kept.stanza)
        jid = people.wire(people.lid_of(chat) or chat)
        for sender, stanzas in unread.items():
            author = people.wire(people.lid_of(sender) or sender)
            for at in range(0, len(stanzas), _MOST_READ_AT_ONCE):
                batch = stanzas[at : at + _MOST_READ_AT_ONCE]
                client.mark_read(*batch, chat=jid, sender=author, receipt=ReceiptType.READ)
        notebook.mark_read(chat)
        return bool(unread)

    def set_presence(self, *, online: bool) -> None:
        """Be seen online, or not."""
        self._ground.client.send_presence(Presence.AVAILABLE if online else Presence.UNAVAILABLE)

    def watch_presence(self, address: str) -> None:
        """Ask to be told when a person comes and goes."""
        self._ground.client.subscribe_presence(self._ground.people.wire(address))

    # --- people

    def contacts(self, limit: int, offset: int) -> list[Contact]:
        """A page of the account's address book and of who wrote, in the order of their addresses."""
        found = self._ground.client.contact.get_all_contacts()
        people = {self._ground.people.neutral(each.JID): each.Info for each in found}
        known = sorted(address for address in people if "@g.us" not in address)
        return [self._contact(address, people[address]) for address in known[offset : offset + limit]]

    def contact(self, address: str) -> Contact:
        """A person, as far as the account and WhatsApp tell."""
        client, jid = self._ground.client, self._ground.people.wire(address)
        told = client.get_user_info(jid)
        about = next((each.UserInfo.Status for each in told), "") or None
        return self._contact(address, client.contact.get_contact(jid), about, self._blocked())

    def _contact(self, address: str, info: Any, about: str | None = None, blocked: Sequence[str] = ()) -> Contact:
        return Contact(
            id=address,
            number=addresses.phone(address) or "",
            name=info.FullName or info.FirstName or None,
            push_name=info.PushName or None,
            lid=address if address.endswith("@lid") else self._ground.people.lid_of(address),
            is_my_contact=bool(info.FullName),
            is_blocked=address in blocked,
            is_business=bool(info.BusinessName),
            about=about,
        )

    def _blocked(self) -> list[str]:
        return [self._ground.people.neutral(jid) for jid in self._ground.client.get_blocklist().JIDs]

    def blocked(self) -> list[str]:
        """The addresses that may not write."""
        return self._blocked()

    def check_numbers(self, numbers: list[str]) -> list[NumberCheck]:
        """Which of these numbers (digits) are on WhatsApp, in the same order."""
        answers = {}
        for each in self._ground.client.is_on_whatsapp(*(f"+{number}" for number in numbers)):
            answers[each.Query.lstrip("+")] = each
        return [self._check(number, answers.get(number)) for number in numbers]

    def _check(self, number: str, answer: Any) -> NumberCheck:
        if answer is None or not answer.IsIn:
            return NumberCheck(number, exists=False)
        phone = build_jid(number)
        return NumberCheck(number, exists=True, address=self._ground.people.neutral(answer.JID, phone))

    def picture_url(self, address: str) -> str | None:
        """Where the picture of a person or group is, None where it has none or hides it."""
        try:
            return self._ground.client.get_profile_picture(self._ground.people.wire(address)).URL or None
        except GetProfilePictureError as error:
            words = str(error.args[0])
            if "does not have a profile picture" in words or "hidden" in words:
                return None
            raise

    def phone_of(self, address: str) -> str | None:
        """The digits of a hidden person's number, None where nobody knows."""
        phone = self._ground.people.phone_of(address) if address.endswith("@lid") else address
        return addresses.phone(phone) if phone else None

    def block(self, address: str) -> None:
        self._change_block(address, BlocklistAction.BLOCK)

    def unblock(self, address: str) -> None:
        self._change_block(address, BlocklistAction.UNBLOCK)

    def _change_block(self, address: str, action: BlocklistAction) -> None:
        self._ground.client.update_blocklist(self._ground.people.wire(address), action)

    # --- profile and calls

    def set_profile_name(self, name: str) -> None:
        self._ground.client.set_profile_name(name)

    def set_about(self, text: str) -> None:
        self._ground.client.set_status_message(text)

    def set_picture(self, path: str | None) -> None:
        """A JPEG file of ours as the account's picture."""
        client = self._ground.client
        if path is None:
            raise base.NotSupported("This engine cannot remove the profile picture")
        client.set_profile_photo(media.read(path, None, self._ground.settings.media_cap))

    def reject_call(self, call_id: str) -> None:
        """Decline a call that rings. Raises NotOnAccount."""
        client = self._ground.client
        caller = self._ground.pump.happenings.ringing.pop(call_id, None)
        if caller is None:
            raise base.NotOnAccount(f"Call {call_id} is not ringing")
        client.reject_call(caller, call_id)
