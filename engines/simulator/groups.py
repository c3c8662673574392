"""Groups of a simulated session."""

from collections.abc import Sequence
from itertools import islice

from engines.simulator.life import Life
from engines.simulator.registry import Room
from engines.things import Group, GroupSettings, Participant, ParticipantResult
from engines.verbs import ParticipantChange


class Groups(Life):
    """`engines.verbs.GroupVerbs`; the rules are those of `Rooms`."""

    def groups(self, limit: int = 1000, offset: int = 0) -> list[Group]:
        """A page of the groups the account is in, the oldest first."""
        self._ready()
        with self._world.change():
            rooms = (room for room in self._world.registry.rooms.values() if self._account.address in room.roles)
            return [self._group(room) for room in islice(rooms, offset, offset + limit)]

    def group(self, group_id: str) -> Group:
        self._ready()
        return self._group(self._world.rooms.member(self._account.address, group_id))

    def create_group(self, subject: str, participants: Sequence[str]) -> Group:
        self._ready()
        return self._group(self._world.rooms.create(self._account.address, subject, participants))

    def change_participants(
        self, group_id: str, change: ParticipantChange, participants: Sequence[str]
    ) -> list[ParticipantResult]:
        self._ready()
        return self._world.rooms.change(self._account.address, group_id, change, participants)

    def set_group_subject(self, group_id: str, subject: str) -> None:
        self._ready()
        self._world.rooms.update(self._account.address, group_id, subject=subject)

    def set_group_description(self, group_id: str, description: str) -> None:
        self._ready()
        self._world.rooms.update(self._account.address, group_id, description=description)

    def group_settings(self, group_id: str) -> GroupSettings:
        self._ready()
        return _settings(self._world.rooms.member(self._account.address, group_id))

    def set_group_settings(
        self,
        group_id: str,
        *,
        announce: bool | None = None,
        locked: bool | None = None,
        ephemeral_seconds: int | None = None,
    ) -> GroupSettings:
        """Change what is not None."""
        self._ready()
        asked = {"announce": announce, "locked": locked, "ephemeral_seconds": ephemeral_seconds}
        face = {name: value for name, value in asked.items() if value is not None}
        return _settings(self._world.rooms.update(self._account.address, group_id, **face))

    def invite_code(self, group_id: str) -> str:
        self._ready()
        return self._world.rooms.ruled(self._account.address, group_id).invite

    def revoke_invite(self, group_id: str) -> str:
        self._ready()
        return self._world.rooms.renew_invite(self._account.address, group_id)

    def join_group(self, code: str) -> Group:
        self._ready()
        return self._group(self._world.rooms.join(self._account.address, code))

    def leave_group(self, group_id: str) -> None:
        self._ready()
        self._world.rooms.leave(self._account.address, group_id)

    def _group(self, room: Room) -> Group:
        return Group(
            id=room.id,
            name=room.subject,
            participants=tuple(self._participant(room, address) for address in list(room.roles)),
            description=room.description or None,
            owner=room.owner or None,
            created_at=room.created,
            announce=room.announce,
            locked=room.locked,
            is_admin=room.rules(self._account.address),
        )

    def _participant(self, room: Room, address: str) -> Participant:
        name = self._world.name_of(address)
        number = address.partition("@")[0]
        return Participant(address, number, name, room.rules(address), room.roles.get(address) == "owner")


def _settings(room: Room) -> GroupSettings:
    return GroupSettings(room.announce, room.locked, room.ephemeral_seconds)
