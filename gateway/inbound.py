"""From engine event to rows: a batch in one transaction, and only then is the engine told that it may forget."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from engines import addresses, base
from gateway.identity import Identities
from gateway.media import Media
from gateway.sender import mark_sent
from handlers import happenings, session_happenings, shapes
from handlers.media import sound_name, sound_type
from handlers.sessions import png
from storage import NotFound, audit, events, identities, media, messages, sends, sessions
from storage.db import Database, Tx
from storage.events import Draft
from storage.files import Kept

_AUDITED = {"ready": "session_connected", "disconnected": "session_disconnected"}
_LOOP = 5  # OpenWA tells of a reconnect loop at every fifth attempt


# What changes nothing that is stored.
_Passing = (
    base.GroupChanged
    | base.CallReceived
    | base.PollVoted
    | base.PresenceChanged
    | base.HistoryProgress
    | base.AddressesLinked
    | base.TypingChanged
)


class _Taken(NamedTuple):
    """Files that came along, by the WhatsApp ids of their messages; the names of those that are stored."""

    files: dict[str, Kept]
    stored: set[str]


class _On(NamedTuple):
    """The session that something happened on."""

    id: str
    own: str
    name: str
    taken: _Taken


class Inbound:
    """Records what happens on sessions. After each commit `wake` is called, and `told` with the session."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], int],
        wake: Callable[[], None] = lambda: None,
        told: Callable[[sessions.Session, Sequence[base.Event]], None] = lambda _session, _batch: None,
        keeper: Media | None = None,
    ) -> None:
        self._db = db
        self._now = now
        self._wake = wake
        self._lost: dict[str, int] = {}  # how often in a row a session lost its connection before it was ready
        self._told = told
        self._keeper = keeper
        self._identities = Identities()

    def record(self, session_id: str, batch: Sequence[base.Event]) -> None:
        """Commit what happened on one session, in order; the same happening twice changes nothing.

        What happens on a session that is deleted is forgotten with it.
        """
        now = self._now()
        for event in batch:
            if isinstance(event, base.QrChanged):
                png(event.text)  # drawn before the transaction: everybody who writes would wait for it
        with self._files(batch) as taken, self._db.write() as tx:
            try:
                row = sessions.find(tx, session_id)
            except NotFound:
                return
            sessions.hold(tx, row.id)
            session = _On(row.id, addresses.from_phone(row.phone) if row.phone else "", row.name, taken)
            settled = self._identities.settle(tx, session.id, batch, now)
            drafts = [happenings.contact_linked(session.id, link) for link in settled.linked]
            looping, lost = _reconnects(session.id, batch, self._lost.get(session.id, 0), now)
            drafts += _apply_all(tx, session, settled.events, now)
            events.append(tx, session.id, [*drafts, *looping], now)
        self._identities.remember(session.id, settled)
        if lost:
            self._lost[session.id] = lost
        else:
            self._lost.pop(session.id, None)
        self._wake()
        self._told(row, batch)

    @contextmanager
    def _files(self, batch: Sequence[base.Event]) -> Iterator["_Taken"]:
        """The files that came along, ours from now on where their messages are committed; the engine's go then."""
        told = {e.message.id: e.message.media for e in batch if isinstance(e, base.MessageReceived)}
        offered = {known_as: found.path for known_as, found in told.items() if found is not None and found.path}
        taken = _Taken({}, set())
        keeper = self._keeper
        if keeper is None or not offered:
            yield taken
            return
        try:
            for known_as, path in offered.items():
                if (kept := keeper.take(path)) is not None:
                    taken.files[known_as] = kept
            yield taken
        except BaseException:
            taken.stored.clear()
            raise
        else:
            for path in offered.values():
                Path(path).unlink(missing_ok=True)
        finally:
            for kept in taken.files.values():
                if kept.name not in taken.stored:
                    keeper.drop(kept)


def _reconnects(session_id: str, batch: Sequence[base.Event], lost: int, now: int) -> tuple[list[Draft], int]:
    """What is to be told of a session that cannot keep its connection, and how often in a row it lost it by now."""
    drafts: list[Draft] = []
    for event in batch:
        match event:
            case base.StateChanged("disconnected", str()):
                lost += 1
                if lost % _LOOP == 0:
                    drafts.append(session_happenings.reconnect_loop(session_id, lost, now))
            case base.StateChanged("ready" | "failed") | base.StateChanged("disconnected"):
                lost = 0
    return drafts, lost


def _apply_all(tx: Tx, session: _On, batch: Sequence[base.Event], now: int) -> list[Draft]:
    """Write what happened, in order, messages that follow each other in one piece; the events to tell of it."""
    drafts: list[Draft] = []
    for kind, run in itertools.groupby(batch, type):
        if kind is base.MessageReceived:
            drafts.extend(_messages(tx, session, [event.message for event in run], now))  # type: ignore[union-attr]
        else:
            drafts.extend(draft for event in run for draft in _apply(tx, session, event, now))
    return drafts


def _apply(tx: Tx, session: _On, event: base.Event, now: int) -> list[Draft]:  # noqa: PLR0911 - a table
    """Write what happened; the events to tell of it, none where it is no news."""
    match event:
        case base.MessageReceived(message):
            return _messages(tx, session, [message], now)
        case base.ReceiptReceived(ids, _, receipt):
            moved = messages.advance(tx, session.id, ids, receipt)
            if len(moved) < len(ids):
                sends.keep_early(tx, session.id, ids, receipt, now)
            return [draft for row in moved for draft in happenings.receipt(session.id, row)]
        case base.StateChanged(state, _, phone, push_name):
            why = session_happenings.why(event)
            sessions.mark(tx, session.id, now, status=state, reason=why, phone=phone, push_name=push_name)
            if state in _AUDITED:
                audit.record(tx, _AUDITED[state], now, session_id=session.id, session_name=session.name)
            return session_happenings.session_changed(session.id, event, now)
        case base.QrChanged(text, _):
            return [session_happenings.session_qr(session.id, png(text))]
        case base.SendFinished(key, sent):
            mark_sent(tx, session.id, key, sent, now)
            return []
        case base.MessageEdited() | base.MessageRevoked() | base.ReactionReceived():
            return [_changed(tx, session, event)]
        case _:
            return _told(session, event, now)


def _told(session: _On, event: _Passing, now: int) -> list[Draft]:
    """The events to tell of what changes nothing that is stored."""
    match event:
        case base.GroupChanged():
            return [happenings.group_changed(session.id, event)]
        case base.CallReceived():
            return [happenings.call_received(session.id, event)]
        case base.PollVoted():
            return [happenings.poll_vote(session.id, event)]
        case base.PresenceChanged():
            return [happenings.presence_update(session.id, event, now)]
        case base.HistoryProgress(percent):
            return [session_happenings.session_history(session.id, percent, now)]
        case base.AddressesLinked() | base.TypingChanged():
            return []


def _messages(tx: Tx, session: _On, run: Sequence[base.Message], now: int) -> list[Draft]:
    rows = [_row(session, message) for message in {message.id: message for message in run}.values()]
    new = messages.add(tx, session.id, rows, now)
    news = {row["wa_message_id"]: (row["metadata"] or {}).get("media", {}) for row in rows if row["id"] in new}
    for known_as, kept in session.taken.files.items():
        if known_as in news and kept.name in new:
            carried = media.Carried(kept, news[known_as]["mimetype"], news[known_as].get("filename"))
            media.add(tx, carried, now, message_id=kept.name)
            session.taken.stored.add(kept.name)
    told = [(message, news[message.id].get("url")) for message in run if message.id in news]
    return [
        draft for message, link in told for draft in happenings.heard(session.id, message, own=session.own, link=link)
    ]


def _changed(tx: Tx, session: _On, event: base.MessageEdited | base.MessageRevoked | base.ReactionReceived) -> Draft:
    match event:
        case base.MessageEdited(message_id, _, _, body):
            row = messages.change_body(tx, session.id, message_id, body)
            return happenings.message_edited(session.id, event, row, own=session.own)
        case base.MessageRevoked(message_id):
            row = messages.revoke(tx, session.id, message_id)
            if row is not None:
                media.let_go(tx, row.id)
            return happenings.message_revoked(session.id, event, own=session.own)
        case base.ReactionReceived(message_id, _, sender, emoji):
            formerly = identities.lids(tx, session.id, [sender]).get(sender)
            after = messages.react(tx, session.id, message_id, sender, emoji, formerly=formerly)
            return happenings.message_reaction(session.id, event, after)


def _media(session: _On, message_id: str, told: base.IncomingMedia, kept: Kept | None) -> dict[str, Any]:
    size = kept.size if kept else told.size
    shown = shapes.media(session.id, message_id, sound_type(told.mimetype), sound_name(told.filename), size)
    return shown if kept else {name: value for name, value in shown.items() if name != "url"}


def _row(session: _On, message: base.Message) -> dict[str, Any]:
    kept = session.taken.files.get(message.id)
    message_id = kept.name if kept else str(uuid4())
    details = {
        "pushName": message.push_name,
        "mentionedIds": list(message.mentions),
        "quotedMessage": message.quote and {"id": message.quote.message_id, "body": message.quote.body},
        "media": message.media and _media(session, message_id, message.media, kept),
        "location": message.location
        and {"latitude": message.location.latitude, "longitude": message.location.longitude},
    }
    return {
        "id": message_id,
        "wa_message_id": message.id,
        "chat_id": message.chat,
        "sender": message.sender,
        "recipient": message.recipient or (message.chat if message.from_me else session.own or message.chat),
        "body": message.body,
        "type": message.type,
        "direction": "outgoing" if message.from_me else "incoming",
        "status": "sent",
        "timestamp": message.timestamp,
        "metadata": {name: value for name, value in details.items() if value} or None,
    }
