"""Every table, in reading order. Times are epoch milliseconds (BIGINT) unless a name says seconds.

Rows that lists page through have a growing integer `row` as primary key: newest first is one index walk, flat at any
size. What a client sees as `id` is a UUID beside it.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER
Json = JSON(none_as_null=True)

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
    Index(
        "ix_messages_pending",
        "session_id",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
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

audit_logs = Table(
    "audit_logs",
    metadata,
    Column("row", RowId, primary_key=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("action", String(50), nullable=False, index=True),
    Column("severity", String(10), nullable=False),
    Column("api_key_id", String(36), index=True),
    Column("api_key_name", String(100)),
    Column("session_id", String(36), index=True),
    Column("session_name", String(100)),
    Column("ip_address", String(45)),
    Column("user_agent", String(500)),
    Column("method", String(10)),
    Column("path", String(500)),
    Column("status_code", Integer),
    Column("metadata", Json),
    Column("error_message", Text),
    Column("created_at", BigInteger, nullable=False, index=True),
)
