"""Status posts: those of contacts, live from the engine, and those the account makes, which are sends."""

from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

from engines import Engines, addresses, base
from engines.things import StatusPost
from handlers import attachments
from handlers import media as media_handlers
from handlers.asking import Asked, ask
from handlers.happenings import STATUS_LASTS
from handlers.identity import known
from handlers.media import Keeper, Part
from handlers.sending import Desk, Parcel, own, send_operation
from handlers.shapes import moment
from storage import NotFound, media, messages, sessions
from storage.db import Database
from storage.sessions import Session

Json = dict[str, Any]


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> Json:
    """What was posted in the last 24 hours, newest first."""
    asked = ask(db, engines, session_id)
    return _shown(asked, _posts(asked)[offset : offset + limit])


def list_of_contact(db: Database, engines: Engines, session_id: str, id_: str, limit: int, offset: int) -> Json:
    """What one person posted in the last 24 hours, newest first."""
    asked = ask(db, engines, session_id)
    sender = asked.address(id_)
    theirs = [post for post in _posts(asked) if post.sender == sender]
    return _shown(asked, theirs[offset : offset + limit])


def get_media(
    db: Database, keeper: Keeper, now: int, session_id: str, status_id: str, range_: str = ""
) -> tuple[Part, int, dict[str, str]]:
    """The picture or video of a status, or a part of it. Raises NotFound, also where the status is over; BadRange."""
    with db.read() as tx:
        message = messages.find(tx, sessions.find(tx, session_id).id, status_id)
    if message is None or message.chat_id != addresses.STATUS or message.timestamp * 1000 + STATUS_LASTS <= now:
        raise NotFound(f"Status {status_id} not found")
    return media_handlers.get(db, keeper, message.session_id, message.id, range_)


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
def send_text(desk: Desk, session: Session, body: Json) -> Parcel:
    """A text for 24 hours."""
    text = base.StatusText(body["text"], body.get("backgroundColor"), body.get("font"))
    looks = {name: body[name] for name in ("backgroundColor", "font") if body.get(name) is not None}
    recipients = _recipients(desk, session, body)
    return Parcel("text", text.body, base.Status(text, recipients), _metadata(looks, recipients))


@partial(send_operation, chat=addresses.STATUS, shape=_posted)
def send_image(desk: Desk, session: Session, body: Json) -> Parcel:
    """A picture for 24 hours."""
    return _media(desk, session, "image", body)


@partial(send_operation, chat=addresses.STATUS, shape=_posted)
def send_video(desk: Desk, session: Session, body: Json) -> Parcel:
    """A video for 24 hours."""
    return _media(desk, session, "video", body)


def _media(desk: Desk, session: Session, kind: Literal["image", "video"], body: Json) -> Parcel:
    given = {**body[kind], "caption": body.get("caption")}
    parcel = attachments.pack(desk.keeper.check, session.id, kind, given, default=True)
    recipients = _recipients(desk, session, body)
    content = base.Status(cast("base.Media", parcel.content), recipients)
    return parcel._replace(content=content, metadata=_metadata(parcel.metadata or {}, recipients))


def _recipients(desk: Desk, session: Session, body: Json) -> tuple[str, ...]:
    with desk.db.read() as tx:
        return tuple(known(tx, session.id, one) for one in body.get("recipients", ()))


def _metadata(told: Json, recipients: tuple[str, ...]) -> Json | None:
    return told | ({"recipients": list(recipients)} if recipients else {}) or None


def _shown(asked: Asked, found: list[StatusPost]) -> Json:
    with asked.db.read() as tx:
        kept = media.of_messages(tx, asked.session_id, [post.id for post in found if post.type != "text"])
    return {"statuses": [_post(asked.session_id, post, kept=post.id in kept) for post in found]}


def _post(session_id: str, post: StatusPost, *, kept: bool) -> Json:
    """Status, whose media is `kept` here or not; what it does not have is left out."""
    shown = {
        "id": post.id,
        "contact": {"id": post.sender} | ({"pushName": post.sender_name} if post.sender_name else {}),
        "type": post.type if post.type in ("text", "image", "video") else "unknown",
        "caption": post.body or None,
        "mediaUrl": f"/api/sessions/{session_id}/status/{post.id}/media" if kept else None,
        "backgroundColor": post.background,
        "font": post.font,
        "timestamp": moment(post.timestamp * 1000),
        "expiresAt": moment(post.expires_at * 1000),
    }
    return {name: value for name, value in shown.items() if value is not None}
