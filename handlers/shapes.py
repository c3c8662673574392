"""From row to JSON: one function per schema of the document, of the same name. None stays unless a schema says so."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from engines import base
from storage.api_keys import Key
from storage.deliveries import Attempt, Delivery
from storage.messages import Message
from storage.sessions import Session
from storage.webhooks import Webhook


def moment(milliseconds: int | None) -> str | None:
    """Epoch milliseconds as ISO 8601 UTC with milliseconds."""
    if milliseconds is None:
        return None
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
    )


def milliseconds(text: str | None) -> int | None:
    """ISO 8601 to epoch milliseconds."""
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)


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


def message(row: Message) -> dict[str, Any]:
    """Message."""
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
        "metadata": row.metadata,
        "status": row.status,
        "createdAt": moment(row.created_at),
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
        "unreadCount": found.unread_count,
        "timestamp": found.timestamp,
    }
    return shown if found.last_message is None else {**shown, "lastMessage": found.last_message}
