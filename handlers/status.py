"""Status posts: those of contacts, live from the engine, and those the account makes, which are sends."""

from dataclasses import replace
from functools import partial
from typing import Any

from engines import Engines, addresses, base
from engines.things import StatusPost
from handlers.asking import Asked, ask
from handlers.happenings import STATUS_LASTS
from handlers.sending import Desk, Parcel, own, send_operation
from handlers.shapes import moment
from storage import sessions
from storage.db import Database
from storage.sessions import Session

Json = dict[str, Any]


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> Json:
    """What was posted in the last 24 hours, newest first."""
    found = _posts(ask(db, engines, session_id))
    return {"statuses": [_status(post) for post in found[offset : offset + limit]]}


def list_of_contact(db: Database, engines: Engines, session_id: str, id_: str, limit: int, offset: int) -> Json:
    """What one person posted in the last 24 hours, newest first."""
    asked = ask(db, engines, session_id)
    sender = asked.address(id_)
    found = [post for post in _posts(asked) if post.sender == sender]
    return {"statuses": [_status(post) for post in found[offset : offset + limit]]}


def delete(db: Database, engines: Engines, now: int, session_id: str, id_: str) -> Json:
    """Take an own status back, and write it down as if the engine had told. Raises NotOnAccount."""
    with db.read() as tx:
        session = sessions.find(tx, session_id)
    engines.live(session.id).delete_status(id_)
    event = base.MessageRevoked(id_, addresses.STATUS, own(session.phone), now // 1000, from_me=True)
    engines.record(session.id, [event])
    return {"message": "Status deleted successfully"}


def _posts(asked: Asked) -> list[StatusPost]:
    """Everybody's posts, newest first, their authors called as the session knows them."""
    found = asked.engine.statuses()
    phones = asked.phones(post.sender for post in found)
    return [replace(post, sender=phones.get(post.sender, post.sender)) for post in found]


def _posted(answer: Json) -> Json:
    """StatusResult."""
    at = answer["timestamp"] * 1000
    return {"statusId": answer["messageId"], "timestamp": moment(at), "expiresAt": moment(at + STATUS_LASTS)}


@partial(send_operation, chat=addresses.STATUS, shape=_posted)
def send_text(_desk: Desk, _session: Session, body: Json) -> Parcel:
    """A text for 24 hours."""
    text = base.StatusText(body["text"], body.get("backgroundColor"), body.get("font"))
    looks = {name: body[name] for name in ("backgroundColor", "font") if body.get(name) is not None}
    return _parcel("text", text.body, text, body, looks)


def _parcel(kind: str, body: str | None, content: base.StatusContent, asked: Json, looks: Json) -> Parcel:
    recipients = tuple(addresses.parse(one) for one in asked.get("recipients", ()))
    metadata = looks | ({"recipients": list(recipients)} if recipients else {})
    return Parcel(kind, body, base.Status(content, recipients), metadata or None)


def _status(post: StatusPost) -> Json:
    """Status: what it does not have is left out."""
    shown = {
        "id": post.id,
        "contact": {"id": post.sender} | ({"pushName": post.sender_name} if post.sender_name else {}),
        "type": post.type if post.type in ("text", "image", "video") else "unknown",
        "caption": post.body or None,
        "backgroundColor": post.background,
        "font": post.font,
        "timestamp": moment(post.timestamp * 1000),
        "expiresAt": moment(post.expires_at * 1000),
    }
    return {name: value for name, value in shown.items() if value is not None}
