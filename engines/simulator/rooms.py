"""Groups of the virtual world: who may do what in them, and who is told.

Every verb takes first who acts, by address: a session's account or a virtual contact, so that admins and tests can let
contacts change groups as well.
"""

from collections.abc import Sequence
from typing import Any

from engines import addresses, base
from engines.simulator.accounts import Account
from engines.simulator.ground import Ground
from engines.simulator.people import number_of, stanza_of
from engines.simulator.registry import Room
from engines.things import ParticipantOutcome, ParticipantResult
from engines.verbs import ParticipantChange

OPEN_HOUSE = "SimulatorOpenHouse0001"
_OPEN_HOUSE_ID = "120363000000000001@g.us"
_ADA, _ALAN, _GRACE, _MARY = (f"4477009000{number:02}@c.us" for number in (6, 7, 8, 11))


class Rooms:
    """The groups of one world. Verbs raise NotOnAccount for an unknown group and Refused for what is not allowed."""

    def __init__(self, world: Ground) -> None:
        self._world = world

    def welcome(self, account: Account) -> None:
        """A newly linked account finds itself in two groups: it rules one, and is a member of the other."""
        account.following.add(next(iter(self._world.registry.channels)))
        self._world.save_profile(account)
        own, other = f"family {account.session_id}", f"book club {account.session_id}"
        for seed, subject, owner in ((own, "Family", account.address), (other, "Book club", _ADA)):
            room = self._world.registry.rooms.get(_id(seed)) or self._new(seed, subject, owner, (_ADA, _ALAN, _GRACE))
            room.roles.setdefault(account.address, "owner" if owner == account.address else "member")
            self._world.save("room", room.id)
        if _OPEN_HOUSE_ID not in self._world.registry.rooms:
            room = self._new("open house", "Open house", _MARY, (_ADA,))
            del self._world.registry.rooms[room.id]
            room.id, room.invite = _OPEN_HOUSE_ID, OPEN_HOUSE
            self._world.registry.rooms[room.id] = room
            self._world.save("room", room.id)

    def forget(self, address: str) -> None:
        """Somebody was never there; groups of which they were the owner neither. Only within `change`."""
        for room in list(self._world.registry.rooms.values()):
            if room.roles.pop(address, None) is not None:
                if room.owner == address:
                    del self._world.registry.rooms[room.id]
                self._world.save("room", room.id)

    def create(self, actor: str, subject: str, participants: Sequence[str]) -> Room:
        """A new group of the actor; those who cannot be added are left out."""
        with self._world.change():
            seed = f"{actor} {subject} {self._world.clock.now()} {len(self._world.registry.rooms)}"
            room = self._new(seed, subject, actor, ())
            results = [self._add(room, self._known(one)) for one in participants]
            self._world.save("room", room.id)
            added = [result.id for result in results if result.success]
            self._tell(room, actor, "join", added, {"created": True})
        return room

    def room(self, group_id: str) -> Room:
        """The group. Raises NotOnAccount."""
        room = self._world.registry.rooms.get(group_id)
        if room is None:
            raise base.NotOnAccount(f"Group {group_id} not found")
        return room

    def member(self, actor: str, group_id: str) -> Room:
        """The group, if the actor is in it."""
        room = self.room(group_id)
        if actor not in room.roles:
            raise base.Refused("You are not a participant of this group", "not_a_participant")
        return room

    def ruled(self, actor: str, group_id: str) -> Room:
        """The group, if the actor is one of its admins."""
        room = self.member(actor, group_id)
        if not room.rules(actor):
            raise base.Refused("Only admins of the group may do that", "not_admin")
        return room

    def change(
        self, actor: str, group_id: str, change: ParticipantChange, participants: Sequence[str]
    ) -> list[ParticipantResult]:
        """Add, remove, promote or demote people; one result each, in the order asked."""
        with self._world.change():
            room = self.ruled(actor, group_id)
            audience = list(room.roles)
            steps = {"add": self._add, "remove": self._remove, "promote": self._promote, "demote": self._demote}
            results = [steps[change](room, self._known(one)) for one in participants]
            changed = [result.id for result in results if result.success]
            self._world.save("room", room.id)
            kind: Any = {"add": "join", "remove": "leave"}.get(change, "update")
            if changed:
                self._tell(room, actor, kind, changed, {"action": change}, audience)
        return results

    def update(self, actor: str, group_id: str, **face: Any) -> Room:
        """Change fields of `Room`: subject and description are for members unless locked, the rest for admins."""
        with self._world.change():
            room = self.member(actor, group_id)
            if room.locked or not {"subject", "description"}.issuperset(face):
                self.ruled(actor, group_id)
            for name, value in face.items():
                setattr(room, name, value)
            self._world.save("room", room.id)
            self._tell(room, actor, "update", [], dict(face))
        return room

    def renew_invite(self, actor: str, group_id: str) -> str:
        """Another invite code; the old one is worth nothing."""
        room = self.ruled(actor, group_id)
        with self._world.change():
            room.invite = _invite(f"{room.invite} {self._world.clock.now()}")
            self._world.save("room", room.id)
        return room.invite

    def join(self, actor: str, code: str) -> Room:
        """Enter a group by its invite code. NotOnAccount for a code that is worth nothing."""
        with self._world.change():
            room = next((room for room in self._world.registry.rooms.values() if room.invite == code), None)
            if room is None:
                raise base.NotOnAccount("The invite code is not valid")
            if actor not in room.roles:
                room.roles[actor] = "member"
                self._world.save("room", room.id)
                self._tell(room, actor, "join", [actor], {"action": "invite"})
        return room

    def leave(self, actor: str, group_id: str) -> None:
        """Leave; the group of a leaving owner goes on without one."""
        with self._world.change():
            room = self.member(actor, group_id)
            del room.roles[actor]
            self._world.save("room", room.id)
            self._tell(room, actor, "leave", [actor], {"action": "leave"})

    # --- one participant -------------------------------------------------------------------------

    def _add(self, room: Room, person: str) -> ParticipantResult:
        behaviour = None if self._world.accounts_at(person) else self._world.person(person).behaviour
        if behaviour and not behaviour.on_whatsapp:
            return ParticipantResult(person, "not_on_whatsapp")
        if person in room.roles:
            return ParticipantResult(person, "already_in_group")
        if behaviour and behaviour.refuses_groups:
            return ParticipantResult(person, behaviour.refuses_groups)
        room.roles[person] = "member"
        return ParticipantResult(person, "ok")

    def _remove(self, room: Room, person: str) -> ParticipantResult:
        outcome = self._outcome(room, person)
        if outcome == "ok":
            del room.roles[person]
        return ParticipantResult(person, outcome)

    def _promote(self, room: Room, person: str) -> ParticipantResult:
        outcome = self._outcome(room, person)
        if outcome == "ok":
            room.roles[person] = "admin"
        return ParticipantResult(person, outcome)

    def _demote(self, room: Room, person: str) -> ParticipantResult:
        outcome = self._outcome(room, person)
        if outcome == "ok":
            room.roles[person] = "member"
        return ParticipantResult(person, outcome)

    def _outcome(self, room: Room, person: str) -> ParticipantOutcome:
        if person not in room.roles:
            return "not_in_group"
        return "not_allowed" if room.roles[person] == "owner" else "ok"

    # --- helpers ---------------------------------------------------------------------------------

    def _new(self, seed: str, subject: str, owner: str, others: Sequence[str]) -> Room:
        room = Room(_id(seed), subject, self._world.clock.now() // 1000, _invite(seed), owner=owner)
        room.roles = {owner: "owner"}
        for person in others:
            room.roles.setdefault(person, "member")
        self._world.registry.rooms[room.id] = room
        return room

    def _known(self, address: str) -> str:
        """The phone address of a person, however named."""
        accounts = self._world.accounts_at(address)
        return accounts[0].address if accounts else self._world.person(addresses.parse(address)).address

    def _tell(
        self,
        room: Room,
        actor: str,
        change: Any,
        participants: Sequence[str],
        details: dict[str, Any],
        audience: Sequence[str] = (),
    ) -> None:
        now = self._world.clock.now() // 1000
        event = base.GroupChanged(room.id, change, tuple(participants), actor, now, details)
        for address in dict.fromkeys((*room.roles, *audience)):
            for account in self._world.accounts_at(address):
                if account.address != actor:
                    self._world.deliver(account, event)


def _id(seed: str) -> str:
    return f"120363{number_of('room ' + seed, 12)}@g.us"


def _invite(seed: str) -> str:
    return stanza_of("invite " + seed)
