"""From row to JSON: one function per schema of the document, of the same name. None stays unless a schema says so."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from engines import addresses, base, things
from storage.api_keys import Key
from storage.deliveries import Attempt, Delivery
from storage.events import Event
from storage.messages import Message
from storage.sessions import Session
from storage.templates import Template
from storage.webhooks import Webhook

NOBODY: Mapping[str, str] = MappingProxyType({})
_EPOCH = datetime.fromtimestamp(0, UTC)


@lru_cache(maxsize=16384)
def moment(milliseconds: int | None) -> str | None:
    """Epoch milliseconds as ISO 8601 UTC with milliseconds; remembered, since lists are polled."""
    if milliseconds is None:
        return None
    days, rest = divmod(milliseconds, 86_400_000)
    seconds, thousandths = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{thousandths:03d}Z"


@lru_cache(maxsize=1024)
def _day(days: int) -> str:
    """A day since 1970 as ISO 8601; lists are full of times of the same few days."""
    return (date(1970, 1, 1) + timedelta(days)).isoformat()


def milliseconds(text: str | None) -> int | None:
    """ISO 8601 to epoch milliseconds."""
    return None if text is None else (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def media_url(session_id: str, message_id: str) -> str:
    """The path under which a message's media is fetched."""
    return f"/api/sessions/{session_id}/messages/{message_id}/media"


def media(session_id: str, message_id: str, mimetype: str, filename: str | None, size: int) -> dict[str, Any]:
    """What a message's metadata says of its media, with the path under which it is fetched."""
    shown: dict[str, Any] = {"mimetype": mimetype, "filename": filename, "sizeBytes": size}
    shown["url"] = media_url(session_id, message_id)
    return {name: value for name, value in shown.items() if value is not None}


def api_key(row: Key) -> dict[str, Any]:
    """ApiKey: what is null or unlimited is left out."""
    shown = {
        "id": row.id,
        "name": row.name,
        "keyPrefix": row.prefix,
        "role": row.role,
        "allowedIps": row.allowed_ips or None,
        "allowedSessions": row.allowed_sessions or None,
        "isActive": row.is_active,
        "expiresAt": moment(row.expires_at),
        "lastUsedAt": moment(row.last_used_at),
        "usageCount": row.usage_count,
        "createdAt": moment(row.created_at),
    }
    return {name: value for name, value in shown.items() if value is not None}


def session(row: Session) -> dict[str, Any]:
    """Session."""
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "phone": row.phone,
        "pushName": row.push_name,
        "connectedAt": moment(row.connected_at),
        "lastActive": moment(row.last_active_at),
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
        "lastError": row.last_error,
    }


def message(row: Message, phones: Mapping[str, str] = NOBODY) -> dict[str, Any]:
    """Message. `phones` are those of people who were hidden when it was kept."""
    return {
        "id": row.id,
        "sessionId": row.session_id,
        "waMessageId": row.wa_message_id,
        "chatId": row.chat_id,
        "from": row.sender,
        "to": row.recipient,
        "body": row.body,
        "type": row.type,
        "direction": row.direction,
        "timestamp": row.timestamp,
        "metadata": _called(row.metadata, phones) if phones and row.metadata else row.metadata,
        "status": row.status,
        "createdAt": moment(row.created_at),
    }


def _called(metadata: dict[str, Any], phones: Mapping[str, str]) -> dict[str, Any]:
    shown = dict(metadata)
    if "mentionedIds" in shown:
        shown["mentionedIds"] = [phones.get(one, one) for one in shown["mentionedIds"]]
    if "reactions" in shown:
        shown["reactions"] = {phones.get(one, one): emoji for one, emoji in shown["reactions"].items()}
    return shown


def template(row: Template) -> dict[str, Any]:
    """Template."""
    return {
        "id": row.id,
        "sessionId": row.session_id,
        "name": row.name,
        "body": row.body,
        "header": row.header,
        "footer": row.footer,
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
    }


def webhook(row: Webhook) -> dict[str, Any]:
    """Webhook: its secret and its headers are never shown."""
    return {
        "id": row.id,
        "sessionId": row.session_id,
        "url": row.url,
        "events": row.events,
        "filters": row.filters,
        "active": row.active,
        "retryCount": row.retry_count,
        "lastTriggeredAt": moment(row.last_triggered_at),
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
        "failures": row.failures,
        "failingSince": moment(row.failing_since),
        "pausedUntil": moment(row.paused_until or None),
        "disabledReason": row.disabled_reason,
    }


def delivery(row: Delivery, attempts: Iterable[Attempt]) -> dict[str, Any]:
    """WebhookDelivery."""
    return {
        "id": row.id,
        "webhookId": row.webhook_id,
        "sessionId": row.session_id,
        "event": row.type,
        "chatId": row.chat_id,
        "idempotencyKey": row.idempotency_key,
        "sequence": row.sequence,
        "cursor": row.event_cursor,
        "state": row.state,
        "nextAttemptAt": moment(row.next_at) if row.state == "pending" else None,
        "createdAt": moment(row.created_at),
        "finishedAt": moment(row.finished_at),
        "attempts": [
            {
                "at": moment(made.at),
                "durationMs": made.duration,
                "statusCode": made.status_code,
                "error": made.error,
                "response": made.response,
            }
            for made in attempts
        ],
    }


def chat(found: base.Chat) -> dict[str, Any]:
    """ChatSummary: a chat without a message has no lastMessage."""
    shown = {
        "id": found.id,
        "name": found.name,
        "isGroup": found.is_group,
        "kind": addresses.kind(found.id),
        "unreadCount": found.unread_count,
        "timestamp": found.timestamp,
    }
    return shown if found.last_message is None else {**shown, "lastMessage": found.last_message}


def contact(found: things.Contact) -> dict[str, Any]:
    """Contact: what is not known is left out."""
    shown = {
        "id": found.id,
        "number": found.number,
        "lid": found.lid,
        "name": found.name,
        "pushName": found.push_name,
        "about": found.about,
        "isMyContact": found.is_my_contact,
        "isBlocked": found.is_blocked,
        "isBusiness": found.is_business,
    }
    return {name: value for name, value in shown.items() if value is not None}


def group(found: things.Group) -> dict[str, Any]:
    """Group."""
    return {
        "id": found.id,
        "name": found.name,
        "participantsCount": len(found.participants),
        "isAdmin": found.is_admin,
        "linkedParentJID": found.linked_parent,
    }


def group_info(found: things.Group, lids: Mapping[str, str]) -> dict[str, Any]:
    """GroupInfo: what is not known is left out. `lids` are hidden addresses by the phone's."""
    shown = {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "owner": found.owner,
        "createdAt": found.created_at,
        "isReadOnly": found.announce and not found.is_admin,
        "isAnnounce": found.announce,
        "isLocked": found.locked,
        "participants": [_participant(one, lids) for one in found.participants],
    }
    known = {name: value for name, value in shown.items() if value is not None}
    return {**known, "linkedParentJID": found.linked_parent}


def _participant(one: things.Participant, lids: Mapping[str, str]) -> dict[str, Any]:
    named = {} if one.name is None else {"name": one.name}
    named |= {"lid": lids[one.id]} if one.id in lids else {}
    roles = {"isAdmin": one.is_admin, "isSuperAdmin": one.is_super_admin}
    return {"id": one.id, "number": one.number, **named, **roles}


def group_settings(found: things.GroupSettings) -> dict[str, Any]:
    """GroupSettings."""
    return {"announce": found.announce, "locked": found.locked, "ephemeralSeconds": found.ephemeral_seconds}


def event(row: Event) -> dict[str, Any]:
    """Event."""
    return {
        "id": row.id,
        "cursor": row.cursor,
        "sessionId": row.session_id,
        "sequence": row.sequence,
        "type": row.type,
        "chatId": row.chat_id,
        "idempotencyKey": row.idempotency_key,
        "timestamp": moment(row.created_at),
        "data": row.data,
    }


def event_page(found: Sequence[Event], limit: int, newest: int, oldest: int) -> dict[str, Any]:
    """EventPage: a page that is not full has all there was when `newest` was read, so the next one begins behind that.

    Where nothing is kept, the oldest is the one that comes next.
    """
    last = found[-1].cursor if found else 0
    newest = max(newest, last)
    return {
        "events": [event(row) for row in found],
        "next": last if len(found) >= limit else newest,
        "newest": newest,
        "oldest": oldest or newest + 1,
    }
