"""Channels that the account follows, live from the engine."""

from typing import Any

from engines import Engines, base
from engines.things import Channel, ChannelMessage
from handlers.asking import ask, ask_once, live
from handlers.errors import BadRequest
from handlers.security import Caller
from storage import idempotency
from storage.db import Database

Json = dict[str, Any]
_LINK = "https://whatsapp.com/channel/"


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> list[Json]:
    """The channels that the account follows, by their addresses."""
    found = sorted(live(db, engines, session_id).channels(), key=lambda channel: channel.id)
    return [_channel(channel) for channel in found[offset : offset + limit]]


def get(db: Database, engines: Engines, session_id: str, channel_id: str) -> Json:
    """One channel that the account follows."""
    return _channel(live(db, engines, session_id).channel(channel_id))


def list_messages(db: Database, engines: Engines, session_id: str, channel_id: str, limit: int) -> list[Json]:
    """A channel's newest posts, newest first."""
    return [_message(found) for found in live(db, engines, session_id).channel_messages(channel_id, limit)]


def subscribe(
    db: Database, engines: Engines, now: int, caller: Caller, session_id: str, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Follow the channel of an invite code, or of the link with it."""
    asked = ask(db, engines, session_id)

    def work() -> tuple[Json, int]:
        try:
            return _channel(asked.engine.follow_channel(body["inviteCode"].removeprefix(_LINK))), 201
        except base.NotOnAccount as unknown:
            raise BadRequest(str(unknown)) from None

    key = idempotency.use(caller.key_id, idempotency_key, "channels.subscribe", body, session_id=asked.session_id)
    return ask_once(db, now, key, work)


def unsubscribe(db: Database, engines: Engines, session_id: str, channel_id: str) -> Json:
    """Follow a channel no more."""
    live(db, engines, session_id).unfollow_channel(channel_id)
    return {"success": True}


def _channel(found: Channel) -> Json:
    """Channel: what is not known is left out."""
    shown = {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "inviteCode": found.invite_code,
        "subscriberCount": found.subscribers,
        "picture": found.picture,
        "verified": found.verified,
        "createdAt": found.created_at,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _message(found: ChannelMessage) -> Json:
    return {
        "id": found.id,
        "body": found.body,
        "timestamp": found.timestamp,
        "hasMedia": found.has_media,
        "mediaUrl": None,  # engines do not keep it
    }
