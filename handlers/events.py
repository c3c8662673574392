"""Events: read by cursor, waited for, or streamed.

An answer that has to wait is a `Watch`: the handler's thread is done with it, `gateway.streams` gives it later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engines import addresses
from handlers import shapes
from handlers.errors import Forbidden, Unauthorized
from handlers.security import Caller
from storage import NotFound, events, identities, sessions
from storage.db import Database, Tx
from storage.events import Event

Json = dict[str, Any]
_FOR_OPERATORS = frozenset({"session.qr", "webhook.disabled"})  # as the code itself and the webhook's address are


@dataclass(frozen=True, slots=True)
class Watch:
    """Events somebody wants: those behind the cursor `after`, of these sessions (ids), types and chats, or of any.

    With `wait` (seconds) it is one page of at most `limit` as soon as there is an event; without, a stream for good.
    """

    caller: Caller
    after: int
    sessions: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    chats: set[str] = field(default_factory=set)
    limit: int = 200
    wait: float | None = None

    @property
    def hidden(self) -> frozenset[str]:
        """Types that the caller's role may not see."""
        return _FOR_OPERATORS if self.caller.role == "viewer" else frozenset()

    def wants(self, event: Event) -> bool:
        """Whether it is one of those; a chat goes on to be wanted when it is learnt whose hidden address it has."""
        within = not self.sessions or event.session_id in self.sessions
        if within and event.type == "contact.linked" and event.data["lid"] in self.chats:
            self.chats.add(event.data["phone"])
        return (
            within
            and event.type not in self.hidden
            and (not self.types or event.type in self.types)
            and (not self.chats or event.chat_id in self.chats)
        )

    def read(self, tx: Tx, after: int) -> list[Event]:
        """The first `limit` of them behind a cursor."""
        return events.page(
            tx,
            after,
            self.limit,
            sessions_in=self.sessions,
            types=self.types,
            chats=self.chats,
            without=self.hidden,
        )


def list_all(
    db: Database,
    caller: Caller,
    after: int,
    limit: int,
    wait: int,
    session_id: Sequence[str] = (),
    type_: Sequence[str] = (),
    chat_id: str = "",
) -> Json | Watch:
    """A page of events behind a cursor; where there is none yet, it may be waited for."""
    with db.read() as tx:
        within = _within(tx, caller, session_id)
        watch = Watch(caller, after, within, _types(caller, type_), _chats(tx, within, chat_id), limit, wait)
        newest = events.newest(tx)
        found = watch.read(tx, min(after, newest))
        if found or not wait:
            return shapes.event_page(found, limit, newest, events.oldest(tx))
    return Watch(caller, newest, watch.sessions, watch.types, watch.chats, limit, wait)


def stream(
    db: Database,
    caller: Caller,
    last_event_id: int | None = None,
    after: int | None = None,
    session_id: Sequence[str] = (),
    type_: Sequence[str] = (),
    chat_id: str = "",
) -> Watch:
    """All events from a cursor on, as they happen: from the one after the last seen, or from now."""
    with db.read() as tx:
        newest = events.newest(tx)
        seen = after if last_event_id is None else last_event_id
        start = newest if seen is None else min(seen, newest)
        within = _within(tx, caller, session_id)
        return Watch(caller, start, within, _types(caller, type_), _chats(tx, within, chat_id))


def _within(tx: Tx, caller: Caller, given: Sequence[str]) -> frozenset[str]:
    """The ids of the sessions asked for, or of all that the key may see; empty for any. Raises as the guard would."""
    found = set()
    for name in given:
        try:
            session = sessions.find(tx, name).id
        except NotFound:
            if caller.sessions:
                raise Unauthorized("API key not authorized for this session") from None
            raise
        if not caller.may(session):
            raise Unauthorized("API key not authorized for this session")
        found.add(session)
    return frozenset(found or caller.sessions)


def _types(caller: Caller, given: Sequence[str]) -> frozenset[str]:
    if caller.role == "viewer" and _FOR_OPERATORS.intersection(given):
        raise Forbidden("Insufficient permissions. Required: operator")
    return frozenset(given)


def _chats(tx: Tx, within: frozenset[str], written: str) -> set[str]:
    """Every address of the chat asked for: sessions that do not know yet who is who keep a hidden one."""
    return identities.forms(tx, within, addresses.parse(written)) if written else set()
