"""The virtual WhatsApp behind `ENGINE_TYPE=simulator`: contacts act, the network fails, and one sees what arrived."""

import base64
import binascii
from dataclasses import replace
from typing import Any, NamedTuple

from engines import addresses, base
from engines.simulator import Control, Draft, World
from handlers.errors import BadRequest
from handlers.security import Caller
from storage import sessions
from storage.db import Database

Json = dict[str, Any]


class _Stage(NamedTuple):
    """A session in the virtual world."""

    control: Control
    session_id: str


# --- contacts ------------------------------------------------------------------------------------


def list_contacts(world: World | None, limit: int, offset: int) -> list[Json]:
    """Everybody in the virtual world."""
    return _control(world).contacts()[offset : offset + limit]


def add_contact(world: World | None, body: Json) -> tuple[Json, int]:
    """A new contact in everybody's address book."""
    control = _control(world)
    address = control.add_contact(
        body["number"], body["name"], body.get("behaviour", "ordinary"), hidden=body.get("hidden", False)
    )
    return next(one for one in control.contacts() if one["id"] == address), 201


def post_status(world: World | None, id_: str, body: Json) -> tuple[Json, int]:
    """A contact posts a status for everybody."""
    control = _control(world)
    media = _draft(control, body) if "media" in body else None
    return {"messageId": control.post_status(id_, body["text"], media=media)}, 201


def get_inbox(world: World | None, caller: Caller, id_: str, limit: int, offset: int) -> list[Json]:
    """What a contact received of the sessions that the key may see."""
    found = _control(world).inbox(id_, limit=limit, offset=offset, of=caller.may)
    return [_received(entry) for entry in found]


# --- the network ---------------------------------------------------------------------------------


def get_session(db: Database, world: World | None, session_id: str) -> Json:
    """A session as the network sees it."""
    return _shown(_stage(db, world, session_id))


def scan(db: Database, world: World | None, session_id: str) -> Json:
    """The session's phone scans the code."""
    stage = _stage(db, world, session_id)
    stage.control.scan(stage.session_id)
    return _shown(stage)


def drop(db: Database, world: World | None, session_id: str, body: Json) -> Json:
    """The connection is lost for a while."""
    stage = _stage(db, world, session_id)
    stage.control.drop(stage.session_id, body["seconds"])
    return _shown(stage)


def end(db: Database, world: World | None, session_id: str, body: Json) -> Json:
    """WhatsApp ends the session for good."""
    stage = _stage(db, world, session_id)
    stage.control.end(stage.session_id, body["reason"])
    return _shown(stage)


def add_fault(db: Database, world: World | None, session_id: str, body: Json) -> tuple[Json, int]:
    """Decide what happens to the next sends."""
    stage = _stage(db, world, session_id)
    stage.control.fail_sends(stage.session_id, **body)
    return _shown(stage), 201


def heal(db: Database, world: World | None, session_id: str) -> tuple[None, int]:
    """Sends succeed again."""
    stage = _stage(db, world, session_id)
    stage.control.heal(stage.session_id)
    return None, 204


# --- contacts act --------------------------------------------------------------------------------


def write(db: Database, world: World | None, session_id: str, body: Json) -> tuple[Json, int]:
    """A contact writes a message."""
    stage = _stage(db, world, session_id)
    mentions = tuple(addresses.parse(mention) for mention in body.get("mentions", ()))
    draft = replace(_draft(stage.control, body), mentions=mentions)
    written = stage.control.write(stage.session_id, body["from"], draft, group=body.get("group"), key=body.get("key"))
    return {"messageId": written}, 201


def storm(db: Database, world: World | None, session_id: str, body: Json) -> tuple[Json, int]:
    """A contact writes many texts at once."""
    stage = _stage(db, world, session_id)
    text = body.get("text", "Storm {n}")
    return {"messageIds": stage.control.storm(stage.session_id, body["from"], body["count"], body=text)}, 201


def edit(db: Database, world: World | None, session_id: str, message_id: str, body: Json) -> Json:
    """The author of a message changes its text."""
    stage = _stage(db, world, session_id)
    stage.control.edit(stage.session_id, message_id, body["text"])
    return {"messageId": message_id}


def revoke(db: Database, world: World | None, session_id: str, message_id: str) -> Json:
    """The author of a message deletes it for everyone."""
    stage = _stage(db, world, session_id)
    stage.control.revoke(stage.session_id, message_id)
    return {"messageId": message_id}


def react(db: Database, world: World | None, session_id: str, message_id: str, body: Json) -> Json:
    """A contact reacts to a message."""
    stage = _stage(db, world, session_id)
    stage.control.react(stage.session_id, body["from"], message_id, body["emoji"])
    return {"messageId": message_id}


def give_receipt(db: Database, world: World | None, session_id: str, message_id: str, body: Json) -> Json:
    """A contact acknowledges a message of the session."""
    stage = _stage(db, world, session_id)
    stage.control.receipt(stage.session_id, body["from"], message_id, body["status"])
    return {"messageId": message_id}


def show_typing(db: Database, world: World | None, session_id: str, body: Json) -> Json:
    """A contact types."""
    stage = _stage(db, world, session_id)
    stage.control.typing(stage.session_id, body["from"], body["state"], group=body.get("group"))
    return _shown(stage)


def reveal(db: Database, world: World | None, session_id: str, body: Json) -> Json:
    """The session learns the number of a contact who was hidden."""
    stage = _stage(db, world, session_id)
    stage.control.reveal(stage.session_id, body["contact"])
    return _shown(stage)


def call(db: Database, world: World | None, session_id: str, body: Json) -> tuple[Json, int]:
    """A contact calls."""
    stage = _stage(db, world, session_id)
    call_id = stage.control.call(
        stage.session_id, body["from"], video=body.get("video", False), group=body.get("group", False)
    )
    return {"callId": call_id}, 201


# --- helpers -------------------------------------------------------------------------------------


def _control(world: World | None) -> Control:
    if world is None:
        raise base.NotSupported("Only the simulator engine has a virtual WhatsApp")
    return world.control


def _stage(db: Database, world: World | None, given: str) -> _Stage:
    control = _control(world)
    with db.read() as tx:
        return _Stage(control, sessions.find(tx, given).id)


def _draft(control: Control, body: Json) -> Draft:
    """What the contact says. Raises BadRequest where it says two things at once, or the media's bytes are none."""
    text = body["text"]
    kinds = [kind for kind in ("media", "location", "contact", "poll") if kind in body]
    if len(kinds) > 1:
        raise BadRequest(f"A message has only one of {', '.join(kinds)}")
    match kinds:
        case ["media"]:
            media = body["media"]
            return replace(
                control.media(media["kind"], _bytes(media["base64"]), media["mimetype"], media.get("filename")),
                body=text,
            )
        case ["location"]:
            place = base.Location(body["location"]["latitude"], body["location"]["longitude"], text or None)
            return control.draft(place)
        case ["contact"]:
            return control.draft(base.ContactCard(body["contact"]["name"], body["contact"]["number"]))
        case ["poll"]:
            return control.draft(base.Poll(body["poll"]["name"], tuple(body["poll"]["options"])))
        case _:
            return Draft("text", text)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise BadRequest("media.base64 must be base64") from None


def _shown(stage: _Stage) -> Json:
    return stage.control.session(stage.session_id)


def _received(entry: Json) -> Json:
    return {
        "messageId": entry["message_id"],
        "sendId": entry["key"],
        "sessionId": entry["session_id"],
        "chatId": entry["chat"],
        "type": entry["type"],
        "body": entry["body"],
        "timestamp": entry["timestamp"],
        "status": entry["receipt"],
        "edited": entry["edited"],
        "revoked": entry["revoked"],
        "reaction": entry["reaction"],
        "sha256": entry["digest"],
        "size": entry["size"],
    }
