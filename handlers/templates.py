"""Templates: texts with placeholders, kept by name and sent filled in."""

from typing import Any

from handlers import shapes
from handlers.security import Caller
from storage import idempotency, sessions, templates
from storage.db import Database

Json = dict[str, Any]


def create(
    db: Database, now: int, caller: Caller, session_id: str, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Keep a new template."""
    with db.write() as tx:
        session = sessions.find(tx, session_id)
        use = idempotency.use(caller.key_id, idempotency_key, "templates.create", body, session_id=session.id)
        return idempotency.once(
            tx, use, now, lambda: (shapes.template(templates.create(tx, session.id, body, now)), 201)
        )


def list_all(db: Database, session_id: str) -> list[Json]:
    """A session's templates, newest first."""
    with db.read() as tx:
        return [shapes.template(row) for row in templates.of_session(tx, sessions.find(tx, session_id).id)]


def get(db: Database, session_id: str, id_: str) -> Json:
    """One template."""
    with db.read() as tx:
        return shapes.template(templates.get(tx, sessions.find(tx, session_id).id, id_))


def update(db: Database, now: int, session_id: str, id_: str, body: Json) -> Json:
    """Change what is given; null takes a header or a footer away."""
    with db.write() as tx:
        return shapes.template(templates.change(tx, sessions.find(tx, session_id).id, id_, body, now))


def delete(db: Database, session_id: str, id_: str) -> tuple[None, int]:
    """Forget a template; what was sent with it stays."""
    with db.write() as tx:
        templates.remove(tx, sessions.find(tx, session_id).id, id_)
    return None, 204
