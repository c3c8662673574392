"""What an admin can do to the virtual world: let contacts act, let the network fail, look at what arrived."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engines import addresses, base
from engines.simulator.accounts import Account, Fault, FaultKind
from engines.simulator.drafts import Draft, draft_of
from engines.simulator.ground import Ground
from engines.simulator.handles import TERMINAL, Handles, Terminal
from engines.simulator.people import BEHAVIOURS, Person, Received, stanza_of
from engines.simulator.post import Post, own_id, their_id
from engines.simulator.registry import Story

__all__ = ["TERMINAL", "Control", "Draft", "Handles", "Terminal"]


@dataclass(slots=True)
class Control:
    """Every verb takes a session's id. Contacts are named by any address of theirs; unknown numbers are strangers.

    All raise NotOnAccount for a session that is not linked, or a message that is not there.
    """

    _world: Ground
    _post: Post
    _handles: dict[str, Handles] = field(default_factory=dict)
    _written: int = 0

    # --- contacts act ----------------------------------------------------------------------------

    def write(
        self, session_id: str, contact: str, draft: Draft, *, group: str | None = None, key: str | None = None
    ) -> str:
        """A contact writes to the session; answers the message's id. The same `key` again writes nothing more."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        if group is not None and person.address not in self._room(group).roles:
            raise base.NotOnAccount(f"{contact} is not in {group}")
        return self._post.arrive(account, person, draft, self._stanza(account, key), group).id

    def media(self, kind: base.MediaKind, data: bytes, mimetype: str, filename: str | None = None) -> Draft:
        """A message with these bytes, to be written; give it a caption with `dataclasses.replace(draft, body=…)`."""
        media = base.IncomingMedia(mimetype, len(data), filename)
        return Draft(kind, media=media, blob=self._world.blobs.keep_bytes(data))

    def draft(self, content: base.Content) -> Draft:
        """A message that says this, to be written; media and texts have ways of their own."""
        return draft_of(base.Outgoing("", "", content), None, self._world.blobs, keep=True)

    def storm(self, session_id: str, contact: str, count: int, *, body: str = "Storm {n}") -> list[str]:
        """A contact writes `count` texts at once, numbered from 1 where the body says {n}; answers their ids."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        with self._world.change():
            return [
                self._post.arrive(
                    account, person, Draft("text", body.replace("{n}", str(n))), self._stanza(account, None)
                ).id
                for n in range(1, count + 1)
            ]

    def edit(self, session_id: str, message_id: str, body: str) -> None:
        """The author of a message to the session changes its text."""
        account, message = self._theirs(session_id, message_id)
        with self._world.change():
            self._world.deliver(
                account, base.MessageEdited(message_id, message.chat, message.sender, body, self._now())
            )

    def revoke(self, session_id: str, message_id: str) -> None:
        """The author of a message to the session deletes it for everyone."""
        account, message = self._theirs(session_id, message_id)
        revocation = their_id(message.chat, self._stanza(account, None), message.sender)
        event = base.MessageRevoked(message_id, message.chat, message.sender, self._now(), id=revocation)
        with self._world.change():
            self._world.deliver(account, event)

    def react(self, session_id: str, contact: str, message_id: str, emoji: str) -> None:
        """A contact puts an emoji on any message of the chat, or takes it back with an empty one."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        message = self._find(account, message_id)
        event = base.ReactionReceived(
            message_id, message.chat, person.chat, emoji, *divmod(self._world.clock.now(), 1000)
        )
        with self._world.change():
            self._world.deliver(account, event)

    def receipt(self, session_id: str, contact: str, message_id: str, receipt: base.Receipt) -> None:
        """A contact's phone acknowledges a message of the session."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        self._post.give_receipt(account, person.chat, self._find(account, message_id), receipt)

    def typing(self, session_id: str, contact: str, state: base.ChatState, *, group: str | None = None) -> None:
        """A contact types, records or stops; told only to a connected session."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        with self._world.change():
            self._world.whisper(account, base.TypingChanged(group or person.chat, person.chat, state))

    def call(self, session_id: str, contact: str, *, video: bool = False, group: bool = False) -> str:
        """A contact calls; answers the call's id."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        call_id = self._stanza(account, None)[4:]
        with self._world.change():
            account.calls[call_id] = person.chat
            self._world.deliver(account, base.CallReceived(call_id, person.chat, self._now(), video, group))
        return call_id

    def publish(self, channel_id: str, body: str) -> str:
        """Post a text in a channel; answers its id. Followers get it as a message of the channel."""
        feed = self._world.registry.channels.get(channel_id)
        if feed is None:
            raise base.NotOnAccount(f"Channel {channel_id} not found")
        with self._world.change():
            post_id = str(len(feed.posts) + 1)
            feed.posts.append((post_id, body, self._now()))
            self._world.save("channel", channel_id)
            stanza = stanza_of(f"{channel_id} {post_id}")
            message = base.Message(their_id(channel_id, stanza, ""), channel_id, channel_id, "text", body, self._now())
            for account in list(self._world.accounts.values()):
                if account.linked and channel_id in account.following:
                    self._world.deliver(account, base.MessageReceived(message))
        return post_id

    def post_status(
        self, contact: str, body: str, *, recipients: Sequence[str] = (), media: Draft | None = None
    ) -> str:
        """A contact posts a text, or media with a caption, for everybody or for some; answers its id."""
        person = self._world.person(addresses.parse(contact))
        self._written += 1
        stanza = stanza_of(f"{person.address} {self._world.clock.now()} {self._written}")
        kind = media.type if media else "text"
        story = Story(f"false_status@broadcast_{stanza}", person.chat, kind, body, self._now())
        story.recipients = list(recipients)
        with self._world.change():
            self._post.publish(story, media)
        return story.id

    def reveal(self, session_id: str, contact: str) -> None:
        """The session learns which phone number belongs to a contact's hidden address."""
        account, person = self._account(session_id), self._world.person(addresses.parse(contact))
        with self._world.change():
            person.hidden = False
            self._world.save_person(person)
            self._world.deliver(account, base.AddressesLinked(person.lid, person.address))

    def add_contact(self, number: str, name: str, behaviour: str = "ordinary", *, hidden: bool = False) -> str:
        """A new contact in everybody's address book, in place of whoever had the number; answers the address.

        Raises BadAddress, and KeyError for an unknown behaviour.
        """
        person = Person(addresses.from_phone(number), name, BEHAVIOURS[behaviour], listed=True, hidden=hidden)
        with self._world.change():
            self._world.add_person(person)
            self._world.save_person(person)
        return person.address

    def crowd(self, session_id: str, contacts: int, chats: int = 0) -> None:
        """Many contacts in everybody's address book, the first `chats` of which write one text to the session each."""
        account = self._account(session_id)
        with self._world.change():
            self._world.write(["crowd", contacts])
            crowd = self._world.add_crowd(contacts)
            for person in crowd[:chats]:
                self._post.arrive(account, person, Draft("text", f"Hello from {person.name}"), stanza_of(person.name))

    # --- the network fails -----------------------------------------------------------------------

    def scan(self, session_id: str) -> None:
        """The session's phone scans the code, or types the pairing code. WrongState when none is shown."""
        self._running(session_id).scan()

    def drop(self, session_id: str, seconds: float) -> None:
        """The session's connection is lost, and comes back by itself after so many seconds."""
        self._running(session_id).drop(seconds)

    def end(self, session_id: str, reason: Terminal) -> None:
        """WhatsApp ends the session for good; credentials are lost only when it is logged out or banned."""
        self._running(session_id).end(reason)

    def fail_sends(
        self, session_id: str, kind: FaultKind, *, times: int = 1, reason: str = "refused", seconds: float = 0.0
    ) -> None:
        """What happens to the next `times` sends, after what was ordered before.

        refused: `reason` says why. not_connected. unknown_lost and unknown_sent: nobody tells the outcome; the message
        is lost, or reaches its chat. delay: it takes `seconds`, and beyond the deadline nobody tells the outcome.
        """
        self._world.account(session_id).faults.append(Fault(kind, times, reason, seconds))

    def heal(self, session_id: str) -> None:
        """Sends succeed again."""
        self._world.account(session_id).faults.clear()

    # --- looking ---------------------------------------------------------------------------------

    def contacts(self) -> list[dict[str, Any]]:
        """Everybody: id, lid, name, behaviour, and how many messages they received."""
        return [
            {
                "id": person.address,
                "lid": person.lid,
                "name": person.name,
                "behaviour": person.behaviour.name,
                "hidden": person.hidden,
                "received": person.received,
            }
            for person in list(self._world.people.values())
        ]

    def inbox(
        self, contact: str, *, limit: int = 100, offset: int = 0, of: Callable[[str], bool] = lambda _: True
    ) -> list[dict[str, Any]]:
        """What a contact received of sessions that pass `of`, oldest first: `Received`, and the message's id for it.

        A number that nobody wrote to received nothing. Raises NotOnAccount for other unknown addresses.
        """
        address = addresses.parse(contact)
        known = address in self._world.people or addresses.phone(address) is None
        entries = list(self._world.person(address).inbox.values()) if known else []
        page = [entry for entry in entries if of(entry.session_id)][offset : offset + limit]
        names = [one.name for one in fields(Received) if one.name != "message"]
        return [
            {
                "message_id": own_id(self._world.account(entry.session_id), entry.chat, entry.stanza),
                **{name: getattr(entry, name) for name in names},
            }
            for entry in page
        ]

    def session(self, session_id: str) -> dict[str, Any]:
        """A session as the network sees it: linked, connected, and how many events its gateway has not taken yet.

        `repeats` counts sends that were handed over again under a key that was sent already.
        """
        account = self._world.account(session_id)
        return {
            "sessionId": session_id,
            "phone": account.phone,
            "linked": account.linked,
            "connected": account.link is not None,
            "waiting": len(account.mailbox),
            "sent": len(account.sent),
            "repeats": account.repeats,
            "faults": [asdict(fault) for fault in account.faults],
        }

    # --- for engines -----------------------------------------------------------------------------

    def connect(self, session_id: str, handles: Handles) -> None:
        """An engine was started."""
        self._handles[session_id] = handles

    def disconnect(self, session_id: str, handles: Handles) -> None:
        """An engine was stopped."""
        if self._handles.get(session_id) is handles:
            del self._handles[session_id]

    # --- helpers ---------------------------------------------------------------------------------

    def _running(self, session_id: str) -> Handles:
        handles = self._handles.get(session_id)
        if handles is None:
            raise base.WrongState("Session is not started")
        return handles

    def _account(self, session_id: str) -> Account:
        account = self._world.account(session_id)
        if not account.linked:
            raise base.NotOnAccount("The session is not linked to an account")
        return account

    def _room(self, group: str) -> Any:
        room = self._world.registry.rooms.get(group)
        if room is None:
            raise base.NotOnAccount(f"Group {group} not found")
        return room

    def _find(self, account: Account, message_id: str) -> base.Message:
        for chat in account.chats.values():
            if message_id in chat.messages:
                return chat.messages[message_id]
        raise base.NotOnAccount(f"Message {message_id} not found")

    def _theirs(self, session_id: str, message_id: str) -> tuple[Account, base.Message]:
        account = self._account(session_id)
        message = self._find(account, message_id)
        if message.from_me:
            raise base.NotOnAccount(f"Message {message_id} was not written by a contact")
        return account, message

    def _stanza(self, account: Account, key: str | None) -> str:
        if key is not None:
            return stanza_of(f"{account.session_id} written {key}")
        self._written += 1
        return stanza_of(f"{account.session_id} {self._world.clock.now()} {self._written}")

    def _now(self) -> int:
        return self._world.clock.now() // 1000
