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


@dataclass(slots=True)
class Feed:
    """A channel. `posts` are (id, text, epoch seconds), oldest first."""

    id: str
    name: str
    description: str
    invite: str
    created: int
    subscribers: int
    verified: bool = False
    posts: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """A status post. No recipients: everybody who knows the sender sees it. Times are epoch seconds."""

    id: str
    sender: str
    type: str
    body: str
    timestamp: int
    background: str | None = None
    font: int | None = None
    recipients: list[str] = field(default_factory=list)


def _channels() -> dict[str, Feed]:
    """The channels every world begins with."""
    morning = 1_767_225_600
    news = Feed(
        "120363000000000101@newsletter",
        "Simulator news",
        "What is new in a world that does not exist",
        "0029SimulatorNews00001",
        morning,
        12_345,
        verified=True,
        posts=[(str(number), f"Issue {number}", morning + number * 86_400) for number in range(1, 4)],
    )
    weather = Feed("120363000000000102@newsletter", "Weather", "It depends", "0029SimulatorWeather01", morning, 678)
    return {news.id: news, weather.id: weather}


class Registry:
    """Groups, channels and status posts by id."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.channels = _channels()
        self.stories: dict[str, Story] = {}

    def load(self, kind: str, name: str, value: dict[str, Any] | None) -> None:
        """Take over what `dump` gave; None: the thing is gone."""
        shelf, make = self._shelf(kind)
        if value is None:
            shelf.pop(name, None)
        else:
            shelf[name] = make(**value)

    def dump(self, kind: str, name: str) -> dict[str, Any] | None:
        """A thing as JSON, None if it is gone."""
        shelf, _ = self._shelf(kind)
        return asdict(shelf[name]) if name in shelf else None

    def _shelf(self, kind: str) -> tuple[dict[str, Any], type[Any]]:
        shelves: dict[str, tuple[dict[str, Any], type[Any]]] = {
            "room": (self.rooms, Room),
            "channel": (self.channels, Feed),
            "story": (self.stories, Story),
        }
        return shelves[kind]
