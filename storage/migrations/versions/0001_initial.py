"""initial."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TRIGGERS = {
    "sqlite": (
        """
    CREATE TRIGGER tr_messages_counted AFTER INSERT ON messages BEGIN
        INSERT INTO message_hours (session_id, hour, direction, type, failed, count)
        VALUES (NEW.session_id, NEW.created_at / 3600000, NEW.direction, NEW.type, NEW.status = 'failed', 1),
               (NEW.session_id, 0, NEW.direction, NEW.type, NEW.status = 'failed', 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END
    """,
        """
    CREATE TRIGGER tr_messages_recounted AFTER UPDATE OF type, status ON messages
    WHEN OLD.type <> NEW.type OR (OLD.status = 'failed') <> (NEW.status = 'failed') BEGIN
        UPDATE message_hours SET count = count - 1
        WHERE session_id = OLD.session_id AND hour IN (0, OLD.created_at / 3600000)
          AND direction = OLD.direction AND type = OLD.type AND failed = (OLD.status = 'failed');
        INSERT INTO message_hours (session_id, hour, direction, type, failed, count)
        VALUES (NEW.session_id, NEW.created_at / 3600000, NEW.direction, NEW.type, NEW.status = 'failed', 1),
               (NEW.session_id, 0, NEW.direction, NEW.type, NEW.status = 'failed', 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END
    """,
        """
    CREATE TRIGGER tr_messages_uncounted AFTER DELETE ON messages
    WHEN EXISTS (SELECT 1 FROM sessions WHERE id = OLD.session_id) BEGIN
        UPDATE message_hours SET count = count - 1
        WHERE session_id = OLD.session_id AND hour IN (0, OLD.created_at / 3600000)
          AND direction = OLD.direction AND type = OLD.type AND failed = (OLD.status = 'failed');
    END
    """,
        """
    CREATE VIRTUAL TABLE message_texts USING fts5(
        body, content = 'messages', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 0'
    )
    """,
        """
    CREATE TRIGGER tr_messages_reworded AFTER UPDATE OF body ON messages
    WHEN OLD.body IS NOT NEW.body AND EXISTS (SELECT 1 FROM message_texts_docsize WHERE id = OLD.row) BEGIN
        INSERT INTO message_texts (message_texts, rowid, body) VALUES ('delete', OLD.row, OLD.body);
        INSERT INTO message_texts (rowid, body) VALUES (NEW.row, NEW.body);
    END
    """,
        """
    CREATE TRIGGER tr_messages_unworded AFTER DELETE ON messages
    WHEN EXISTS (SELECT 1 FROM message_texts_docsize WHERE id = OLD.row) BEGIN
        INSERT INTO message_texts (message_texts, rowid, body) VALUES ('delete', OLD.row, OLD.body);
    END
    """,
    ),
    "postgresql": (
        """
    CREATE INDEX ix_messages_words ON messages
    USING gin (to_tsvector('simple', regexp_replace(body, '[^[:alnum:]]+', ' ', 'g')))
    """,
        """
    CREATE FUNCTION count_messages() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO message_hours AS kept (session_id, hour, direction, type, failed, count)
        SELECT session_id, of_hour, direction, type, status = 'failed', count(*)
        FROM added CROSS JOIN LATERAL (VALUES (0), (created_at / 3600000)) AS hours (of_hour)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT ON CONSTRAINT pk_message_hours DO UPDATE SET count = kept.count + excluded.count;
        RETURN NULL;
    END $$
    """,
        """
    CREATE TRIGGER tr_messages_counted AFTER INSERT ON messages REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_messages()
    """,
        """
    CREATE FUNCTION recount_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE message_hours SET count = count - 1
        WHERE session_id = OLD.session_id AND hour IN (0, OLD.created_at / 3600000)
          AND direction = OLD.direction AND type = OLD.type AND failed = (OLD.status = 'failed');
        INSERT INTO message_hours AS kept (session_id, hour, direction, type, failed, count)
        VALUES (NEW.session_id, 0, NEW.direction, NEW.type, NEW.status = 'failed', 1),
               (NEW.session_id, NEW.created_at / 3600000, NEW.direction, NEW.type, NEW.status = 'failed', 1)
        ON CONFLICT ON CONSTRAINT pk_message_hours DO UPDATE SET count = kept.count + 1;
        RETURN NULL;
    END $$
    """,
        """
    CREATE TRIGGER tr_messages_recounted AFTER UPDATE OF type, status ON messages FOR EACH ROW
    WHEN (OLD.type <> NEW.type OR (OLD.status = 'failed') <> (NEW.status = 'failed'))
    EXECUTE FUNCTION recount_message()
    """,
        """
    CREATE FUNCTION uncount_messages() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE message_hours AS kept SET count = kept.count - gone.count
        FROM (
            SELECT session_id, of_hour, direction, type, status = 'failed' AS failed, count(*) AS count
            FROM removed CROSS JOIN LATERAL (VALUES (0), (created_at / 3600000)) AS hours (of_hour)
            WHERE EXISTS (SELECT 1 FROM sessions WHERE sessions.id = removed.session_id)
            GROUP BY 1, 2, 3, 4, 5
        ) AS gone
        WHERE kept.session_id = gone.session_id AND kept.hour = gone.of_hour AND kept.direction = gone.direction
          AND kept.type = gone.type AND kept.failed = gone.failed;
        RETURN NULL;
    END $$
    """,
        """
    CREATE TRIGGER tr_messages_uncounted AFTER DELETE ON messages REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_messages()
    """,
    ),
}


def upgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table(
        "api_keys",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("allowed_ips", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("allowed_sessions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("usage_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name=op.f("ck_api_keys_role")),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sa.UniqueConstraint("id", name=op.f("uq_api_keys_id")),
    )
    op.create_table(
        "audit_logs",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("api_key_id", sa.String(length=36), nullable=True),
        sa.Column("api_key_name", sa.String(length=100), nullable=True),
        sa.Column("session_id", sa.String(length=36), nullable=True),
        sa.Column("session_name", sa.String(length=100), nullable=True),
        sa.Column("ip_address", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.String(length=500), nullable=True),
        sa.Column("method", sa.String(length=10), nullable=True),
        sa.Column("path", sa.String(length=500), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_audit_logs")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_logs_id")),
    )
    with op.batch_alter_table("audit_logs", schema=None) as batch_op:
        batch_op.create_index("ix_audit_logs_action_row", ["action", "row"], unique=False)
        batch_op.create_index("ix_audit_logs_api_key_id_row", ["api_key_id", "row"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_logs_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_audit_logs_session_id_row", ["session_id", "row"], unique=False)
        batch_op.create_index("ix_audit_logs_severity_row", ["severity", "row"], unique=False)

    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "sessions",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("push_name", sa.String(length=100), nullable=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("proxy_url", sa.String(length=255), nullable=True),
        sa.Column("proxy_type", sa.String(length=10), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("connected_at", sa.BigInteger(), nullable=True),
        sa.Column("last_active_at", sa.BigInteger(), nullable=True),
        sa.Column("message_count", sa.BigInteger(), nullable=False),
        sa.Column("event_sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_sessions")),
        sa.UniqueConstraint("id", name=op.f("uq_sessions_id")),
        sa.UniqueConstraint("name", name=op.f("uq_sessions_name")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sessions_status", ["status"], unique=False)

    op.create_table(
        "batches",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("next_item", sa.Integer(), nullable=False),
        sa.Column("pause", sa.Integer(), nullable=False),
        sa.Column("delay", sa.Integer(), nullable=False),
        sa.Column("randomize", sa.Boolean(), nullable=False),
        sa.Column("stop_on_error", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'processing', 'completed', 'cancelled', 'failed')", name=op.f("ck_batches_state")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_batches_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_batches")),
        sa.UniqueConstraint("session_id", "id", name=op.f("uq_batches_session_id_id")),
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index(
            "ix_batches_completed",
            ["completed_at"],
            unique=False,
            sqlite_where=sa.text("completed_at IS NOT NULL"),
            postgresql_where=sa.text("completed_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_batches_open",
            ["row"],
            unique=False,
            sqlite_where=sa.text("completed_at IS NULL"),
            postgresql_where=sa.text("completed_at IS NULL"),
        )

    op.create_table(
        "chats",
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("chat_id", sa.String(length=100), nullable=False),
        sa.Column("message_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_chats_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_id", "chat_id", name=op.f("pk_chats")),
    )
    op.create_table(
        "early_receipts",
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("wa_message_id", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_early_receipts_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "wa_message_id", "status", name=op.f("pk_early_receipts")),
    )
    with op.batch_alter_table("early_receipts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_early_receipts_created_at"), ["created_at"], unique=False)

    op.create_table(
        "events",
        sa.Column("cursor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("chat_id", sa.String(length=100), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_events_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
        sa.UniqueConstraint("session_id", "sequence", name=op.f("uq_events_session_id_sequence")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_chat_id_cursor", ["chat_id", "cursor"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_events_session_id_cursor", ["session_id", "cursor"], unique=False)
        batch_op.create_index("ix_events_session_id_type_cursor", ["session_id", "type", "cursor"], unique=False)
        batch_op.create_index("ix_events_type_cursor", ["type", "cursor"], unique=False)

    op.create_table(
        "idempotency",
        sa.Column("api_key_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["api_key_id"], ["api_keys.id"], name=op.f("fk_idempotency_api_key_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_idempotency_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("api_key_id", "key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_idempotency_session_id"), ["session_id"], unique=False)

    op.create_table(
        "identities",
        sa.Column("lid", sa.String(length=100), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("phone", sa.String(length=100), nullable=False),
        sa.Column("merged", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_identities_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("lid", "session_id", name=op.f("pk_identities")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("ix_identities_phone", ["phone"], unique=False)
        batch_op.create_index("ix_identities_session_id", ["session_id", "phone"], unique=False)

    op.create_table(
        "message_hours",
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_message_hours_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "hour", "direction", "type", "failed", name=op.f("pk_message_hours")),
    )
    with op.batch_alter_table("message_hours", schema=None) as batch_op:
        batch_op.create_index("ix_message_hours_hour", ["hour"], unique=False)

    op.create_table(
        "messages",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("wa_message_id", sa.String(length=255), nullable=True),
        sa.Column("chat_id", sa.String(length=100), nullable=False),
        sa.Column("sender", sa.String(length=100), nullable=False),
        sa.Column("recipient", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=True),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("direction IN ('incoming', 'outgoing')", name=op.f("ck_messages_direction")),
        sa.CheckConstraint(
            "status IN ('pending', 'sent', 'delivered', 'read', 'failed')", name=op.f("ck_messages_status")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_messages_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_messages")),
        sa.UniqueConstraint("id", name=op.f("uq_messages_id")),
        sa.UniqueConstraint("session_id", "wa_message_id", name=op.f("uq_messages_session_id_wa_message_id")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_created_at", ["created_at", "session_id", "chat_id"], unique=False)
        batch_op.create_index("ix_messages_session_id_chat_id_row", ["session_id", "chat_id", "row"], unique=False)
        batch_op.create_index("ix_messages_session_id_row", ["session_id", "row"], unique=False)
        batch_op.create_index("ix_messages_session_id_sender_row", ["session_id", "sender", "row"], unique=False)

    op.create_table(
        "templates",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=True),
        sa.Column("footer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_templates_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_templates")),
        sa.UniqueConstraint("id", name=op.f("uq_templates_id")),
        sa.UniqueConstraint("session_id", "name", name=op.f("uq_templates_session_id_name")),
    )
    with op.batch_alter_table("templates", schema=None) as batch_op:
        batch_op.create_index("ix_templates_session_id_row", ["session_id", "row"], unique=False)

    op.create_table(
        "webhooks",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secret", sa.String(length=255), nullable=True),
        sa.Column("old_secret", sa.String(length=255), nullable=True),
        sa.Column("old_secret_until", sa.BigInteger(), nullable=True),
        sa.Column("headers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("filters", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=50), nullable=True),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("last_triggered_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_webhooks_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("id", name=op.f("uq_webhooks_id")),
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index("ix_webhooks_session_id_row", ["session_id", "row"], unique=False)

    op.create_table(
        "batch_items",
        sa.Column("batch_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.String(length=100), nullable=False),
        sa.Column("message", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_row"], ["batches.row"], name=op.f("fk_batch_items_batch_row"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_row", "item", name=op.f("pk_batch_items")),
    )
    op.create_table(
        "deliveries",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("event_cursor", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'dead')", name=op.f("ck_deliveries_state")),
        sa.ForeignKeyConstraint(
            ["event_cursor"], ["events.cursor"], name=op.f("fk_deliveries_event_cursor"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_dead",
            ["row"],
            unique=False,
            sqlite_where=sa.text("state = 'dead'"),
            postgresql_where=sa.text("state = 'dead'"),
        )
        batch_op.create_index(batch_op.f("ix_deliveries_event_cursor"), ["event_cursor"], unique=False)
        batch_op.create_index(
            "ix_deliveries_finished",
            ["finished_at"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_deliveries_open",
            ["webhook_id", "lane", "row"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_deliveries_queued",
            ["queued_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_deliveries_webhook_id_dead",
            ["webhook_id", "row"],
            unique=False,
            sqlite_where=sa.text("state = 'dead'"),
            postgresql_where=sa.text("state = 'dead'"),
        )
        batch_op.create_index(
            "ix_deliveries_webhook_id_done",
            ["webhook_id", "row"],
            unique=False,
            sqlite_where=sa.text("state = 'done'"),
            postgresql_where=sa.text("state = 'done'"),
        )
        batch_op.create_index(
            "ix_deliveries_webhook_id_pending",
            ["webhook_id", "row"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index("ix_deliveries_webhook_id_row", ["webhook_id", "row"], unique=False)

    op.create_table(
        "lanes",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("aside", sa.Boolean(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name=op.f("fk_lanes_webhook_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_lanes")),
        sa.UniqueConstraint("webhook_id", "lane", name=op.f("uq_lanes_webhook_id_lane")),
    )
    with op.batch_alter_table("lanes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lanes_leased",
            ["lease"],
            unique=False,
            sqlite_where=sa.text("lease IS NOT NULL"),
            postgresql_where=sa.text("lease IS NOT NULL"),
        )
        batch_op.create_index("ix_lanes_ready", ["webhook_id", "aside", "ready_at"], unique=False)

    op.create_table(
        "media",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("batch_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("mimetype", sa.String(length=255), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("place IN ('local', 's3')", name=op.f("ck_media_place")),
        sa.ForeignKeyConstraint(["batch_row"], ["batches.row"], name=op.f("fk_media_batch_row"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_media_message_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_media")),
        sa.UniqueConstraint("message_id", name=op.f("uq_media_message_id")),
    )
    with op.batch_alter_table("media", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_media_batch_row"), ["batch_row"], unique=False)
        batch_op.create_index(batch_op.f("ix_media_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            "ix_media_gone",
            ["row"],
            unique=False,
            sqlite_where=sa.text("message_id IS NULL AND batch_row IS NULL"),
            postgresql_where=sa.text("message_id IS NULL AND batch_row IS NULL"),
        )
        batch_op.create_index(
            "ix_media_local",
            ["row"],
            unique=False,
            sqlite_where=sa.text("place = 'local'"),
            postgresql_where=sa.text("place = 'local'"),
        )
        batch_op.create_index(batch_op.f("ix_media_name"), ["name"], unique=False)

    op.create_table(
        "sends",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("chat_id", sa.String(length=100), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("patient", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("code", sa.String(length=50), nullable=True),
        sa.Column("batch_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_item", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'cancelled', 'expired')",
            name=op.f("ck_sends_state"),
        ),
        sa.ForeignKeyConstraint(["batch_row"], ["batches.row"], name=op.f("fk_sends_batch_row"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_sends_message_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_sends_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_sends")),
        sa.UniqueConstraint("message_id", name=op.f("uq_sends_message_id")),
    )
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.create_index(
            "ix_sends_batch",
            ["batch_row", "batch_item"],
            unique=True,
            sqlite_where=sa.text("batch_row IS NOT NULL"),
            postgresql_where=sa.text("batch_row IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_sends_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_sends_expires",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_sends_finished",
            ["finished_at"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL AND batch_row IS NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL AND batch_row IS NULL"),
        )
        batch_op.create_index(
            "ix_sends_lane",
            ["session_id", "chat_id", "row"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'sending')"),
            postgresql_where=sa.text("state IN ('queued', 'sending')"),
        )
        batch_op.create_index("ix_sends_session_id_row", ["session_id", "row"], unique=False)

    op.create_table(
        "attempts",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("delivery_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=255), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_row"], ["deliveries.row"], name=op.f("fk_attempts_delivery_row"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index("ix_attempts_delivery_row_row", ["delivery_row", "row"], unique=False)

    # ### end Alembic commands ###
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)
