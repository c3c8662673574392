"""Every table, in reading order. Times are epoch milliseconds (BIGINT) unless a name says seconds.

Rows that lists page through have a growing integer `row` as primary key: newest first is one index walk, flat at any
size. What a client sees as `id` is a UUID beside it.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.types import BigInteger, Boolean, Integer, String, Text

from storage.schema import Json, RowId, metadata, only

api_keys = Table(
    "api_keys",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("prefix", String(12), nullable=False),
    Column("role", String(20), nullable=False),
    Column("allowed_ips", Json, nullable=False),
    Column("allowed_sessions", Json, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("usage_count", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("wanted", Boolean, nullable=False),  # whether it should be running: what a restart brings back
    Column("phone", String(20)),
    Column("push_name", String(100)),
    Column("config", Json, nullable=False),
    Column("proxy_url", String(255)),
    Column("proxy_type", String(10)),
    Column("last_error", Text),
    Column("connected_at", BigInteger),
    Column("last_active_at", BigInteger),
    Column("message_count", BigInteger, nullable=False),  # kept so that a page can say the total without counting
    Column("event_sequence", BigInteger, nullable=False),  # the last event's number within the session
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_sessions_status", "status"),
)

messages = Table(
    "messages",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("wa_message_id", String(255)),
    Column("chat_id", String(100), nullable=False),
    Column("sender", String(100), nullable=False),
    Column("recipient", String(100), nullable=False),
    Column("body", Text),
    Column("type", String(20), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("status", String(10), nullable=False),
    Column("timestamp", BigInteger),  # seconds, WhatsApp's own
    Column("metadata", Json),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("session_id", "wa_message_id"),
    Index("ix_messages_session_id_row", "session_id", "row"),
    Index("ix_messages_session_id_chat_id_row", "session_id", "chat_id", "row"),
    Index("ix_messages_session_id_sender_row", "session_id", "sender", "row"),
    Index("ix_messages_created_at", "created_at", "session_id", "chat_id"),  # the busiest chats of a time, alone
    CheckConstraint("direction IN ('incoming', 'outgoing')", name="direction"),
    CheckConstraint("status IN ('pending', 'sent', 'delivered', 'read', 'failed')", name="status"),
)

chats = Table(
    "chats",
    metadata,
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("chat_id", String(100), primary_key=True),
    Column("message_count", BigInteger, nullable=False),
)

media = Table(  # what a message carries; its bytes are a file or an object of that name
    "media",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("name", String(36), nullable=False, index=True),  # that of several rows where a message was forwarded
    # Once neither a message nor a batch holds it, the bytes go, and only then the row.
    Column("message_id", String(36), ForeignKey("messages.id", ondelete="SET NULL"), unique=True),
    Column("batch_row", RowId, ForeignKey("batches.row", ondelete="SET NULL"), index=True),  # until its item is queued
    Column("mimetype", String(255), nullable=False),
    Column("filename", String(255)),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("place", String(10), nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Index("ix_media_gone", "row", **only("message_id IS NULL AND batch_row IS NULL")),
    Index("ix_media_local", "row", **only("place = 'local'")),
    CheckConstraint("place IN ('local', 's3')", name="place"),
)

message_hours = Table(  # kept by triggers.py
    "message_hours",
    metadata,
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # since 1970, UTC; 0 is all time
    Column("direction", String(8), primary_key=True),
    Column("type", String(20), primary_key=True),
    Column("failed", Boolean, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Index("ix_message_hours_hour", "hour"),
)

identities = Table(  # the two addresses of one person: the hidden one, and the phone's, which is used once it is known
    "identities",
    metadata,
    Column("lid", String(100), primary_key=True),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("phone", String(100), nullable=False),
    Column("merged", Boolean, nullable=False),  # whether there was a history under the hidden one
    Column("created_at", BigInteger, nullable=False),
    Index("ix_identities_session_id", "session_id", "phone"),
    Index("ix_identities_phone", "phone"),
)

early_receipts = Table(  # a receipt that came before the send it is for was stored; mark_sent takes it up
    "early_receipts",
    metadata,
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("wa_message_id", String(255), primary_key=True),
    Column("status", String(10), primary_key=True),
    Column("created_at", BigInteger, nullable=False, index=True),
)

sends = Table(
    "sends",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("message_id", String(36), ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("chat_id", String(100), nullable=False),
    Column("content", Json, nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("patient", Boolean, nullable=False),  # waits for a connection instead of failing without one
    Column("error", Text),
    Column("code", String(50)),
    Column("batch_row", RowId, ForeignKey("batches.row", ondelete="CASCADE")),
    Column("batch_item", Integer),  # which message of the batch, from 0
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index("ix_sends_session_id_row", "session_id", "row"),
    Index("ix_sends_lane", "session_id", "chat_id", "row", **only("state IN ('queued', 'sending')")),
    Index("ix_sends_due", "due_at", **only("state = 'queued'")),
    Index("ix_sends_expires", "expires_at", **only("state = 'queued'")),
    Index("ix_sends_finished", "finished_at", **only("finished_at IS NOT NULL AND batch_row IS NULL")),
    Index("ix_sends_batch", "batch_row", "batch_item", unique=True, **only("batch_row IS NOT NULL")),  # none twice
    CheckConstraint(
        "state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'cancelled', 'expired')", name="state"
    ),
)

batches = Table(
    "batches",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(64), nullable=False),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("total", Integer, nullable=False),
    Column("next_item", Integer, nullable=False),  # what became of those before is told by their rows in sends
    Column("pause", Integer, nullable=False),  # milliseconds from the last item's end to the next one's turn
    Column("delay", Integer, nullable=False),
    Column("randomize", Boolean, nullable=False),
    Column("stop_on_error", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("completed_at", BigInteger),
    UniqueConstraint("session_id", "id"),
    Index("ix_batches_open", "row", **only("completed_at IS NULL")),
    Index("ix_batches_completed", "completed_at", **only("completed_at IS NOT NULL")),
    CheckConstraint("state IN ('pending', 'processing', 'completed', 'cancelled', 'failed')", name="state"),
)

batch_items = Table(  # as they will be queued; never changed
    "batch_items",
    metadata,
    Column("batch_row", RowId, ForeignKey("batches.row", ondelete="CASCADE"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("chat_id", String(100), nullable=False),
    Column("message", Json, nullable=False),
    Column("content", Json, nullable=False),
)

templates = Table(
    "templates",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("header", Text),
    Column("footer", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("session_id", "name"),
    Index("ix_templates_session_id_row", "session_id", "row"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("api_key_id", String(36), ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request", String(64), nullable=False),  # hash of operation, path and body
    # Whose answer it keeps; null for a send, whose message says it.
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), index=True),
    Column("status", Integer),  # null for a send: its own row tells the answer
    Column("answer", Json),
    Column("message_id", String(36)),
    Column("created_at", BigInteger, nullable=False, index=True),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),  # given out in commit order, without gaps
    Column("id", String(36), nullable=False, unique=True),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", String(50), nullable=False),
    Column("chat_id", String(100)),
    Column("idempotency_key", Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    UniqueConstraint("session_id", "sequence"),
    Index("ix_events_session_id_cursor", "session_id", "cursor"),
    Index("ix_events_session_id_type_cursor", "session_id", "type", "cursor"),
    Index("ix_events_chat_id_cursor", "chat_id", "cursor"),
    Index("ix_events_type_cursor", "type", "cursor"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("events", Json, nullable=False),
    Column("secret", String(255)),
    Column("old_secret", String(255)),  # still signs until old_secret_until, so that a rotation leaves no gap
    Column("old_secret_until", BigInteger),
    Column("headers", Json, nullable=False),
    Column("filters", Json),
    Column("active", Boolean, nullable=False),
    Column("disabled_reason", String(50)),
    Column("retry_count", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row, over all deliveries
    Column("failing_since", BigInteger),
    Column("paused_until", BigInteger, nullable=False),
    Column("last_triggered_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_webhooks_session_id_row", "session_id", "row"),
)

lanes = Table(  # where order is kept: what one endpoint has open of one chat. No row, nothing open
    "lanes",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("webhook_id", String(36), ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("lane", String(100), nullable=False),
    Column("aside", Boolean, nullable=False),  # of one delivery that failed too often for its chat to wait for it
    Column("ready_at", BigInteger, nullable=False),  # when its oldest may be tried; while leased, when the lease ends
    Column("lease", String(36)),  # who works on it; null while nobody does
    UniqueConstraint("webhook_id", "lane"),
    Index("ix_lanes_ready", "webhook_id", "aside", "ready_at"),
    Index("ix_lanes_leased", "lease", **only("lease IS NOT NULL")),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(40), nullable=False, unique=True),  # derived from endpoint and event: never two of a pair
    Column("webhook_id", String(36), ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_cursor", BigInteger, ForeignKey("events.cursor", ondelete="CASCADE"), nullable=False, index=True),
    Column("lane", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),  # since queued_at
    Column("next_at", BigInteger, nullable=False),  # not before; the lane says when really
    Column("queued_at", BigInteger, nullable=False),  # when it was queued, or queued again by a replay
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index("ix_deliveries_webhook_id_row", "webhook_id", "row"),
    Index("ix_deliveries_webhook_id_pending", "webhook_id", "row", **only("state = 'pending'")),
    Index("ix_deliveries_webhook_id_done", "webhook_id", "row", **only("state = 'done'")),
    Index("ix_deliveries_webhook_id_dead", "webhook_id", "row", **only("state = 'dead'")),
    Index("ix_deliveries_open", "webhook_id", "lane", "row", **only("state = 'pending'")),
    Index("ix_deliveries_queued", "queued_at", **only("state = 'pending'")),
    Index("ix_deliveries_dead", "row", **only("state = 'dead'")),
    Index("ix_deliveries_finished", "finished_at", **only("finished_at IS NOT NULL")),
    CheckConstraint("state IN ('pending', 'done', 'dead')", name="state"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("delivery_row", RowId, ForeignKey("deliveries.row", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("duration", Integer, nullable=False),  # milliseconds
    Column("status_code", Integer),
    Column("error", String(255)),
    Column("response", Text),  # its first bytes
    Index("ix_attempts_delivery_row_row", "delivery_row", "row"),
)

audit_logs = Table(
    "audit_logs",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("action", String(50), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("api_key_id", String(36)),
    Column("api_key_name", String(100)),
    Column("session_id", String(36)),
    Column("session_name", String(100)),
    Column("ip_address", String(45)),
    Column("user_agent", String(500)),
    Column("method", String(10)),
    Column("path", String(500)),
    Column("status_code", Integer),
    Column("metadata", Json),
    Column("error_message", Text),
    Column("created_at", BigInteger, nullable=False, index=True),
    Index("ix_audit_logs_action_row", "action", "row"),
    Index("ix_audit_logs_severity_row", "severity", "row"),
    Index("ix_audit_logs_api_key_id_row", "api_key_id", "row"),
    Index("ix_audit_logs_session_id_row", "session_id", "row"),
)
