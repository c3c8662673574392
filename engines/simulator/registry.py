"""What the virtual world knows besides people and messages, each thing kept as one JSON document under its name."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["member", "admin", "owner"]


@dataclass(slots=True)
class Room:
    """A group. `roles` holds everybody in it by address; `created` is epoch seconds."""

    id: str
    subject: str
    created: int
    invite: str
    description: str = ""
    owner: str = ""
    announce: bool = False
    locked: bool = False
    ephemeral_seconds: int = 0
    roles: dict[str, Role] = field(default_factory=dict)

    def rules(self, address: str) -> bool:
        """Whether that person is an admin."""
        return self.roles.get(address) in ("admin", "owner")


class Registry:
    """Groups by id."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}

    def load(self, kind: str, name: str, value: dict[str, Any] | None) -> None:
        """Take over what `dump` gave."""
        if kind == "room" and value is not None:
            self.rooms[name] = Room(**value)

    def dump(self, kind: str, name: str) -> dict[str, Any] | None:
        """A thing as JSON, None if it is gone."""
        if kind == "room" and name in self.rooms:
            return asdict(self.rooms[name])
        return None
