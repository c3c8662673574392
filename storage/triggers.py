"""What the database keeps by itself, beyond what tables can say: counts of messages by the hour, and their words.

Each message is counted where it is written, whoever writes it and whatever becomes of it; hour 0 is all time.

PostgreSQL keeps the words in an index of `messages`. SQLite has a table for them, `message_texts`, that
storage/search.py fills some time after the message, since it costs nearly as much as the message itself; what is in
there follows its message when that changes or goes.
"""

_SQLITE = (
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
)
_POSTGRESQL = (
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
)
STATEMENTS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def ours(name: str | None, kind: str, _parents: object = None) -> bool:
    """Whether tables.py has to know of this table or index of a database; alembic calls it `include_name`."""
    return not (kind in ("table", "index") and str(name).startswith(("message_texts", "ix_messages_words")))
