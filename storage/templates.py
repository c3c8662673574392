"""Templates: texts with placeholders, under names that are unique in their session."""

from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, func, insert, select, update

from storage import Conflict, NotFound
from storage.db import Tx, one_at_a_time
from storage.tables import templates

Template = Row[Any]
MOST = 1_000  # of one session: a list of them is not paged


def create(tx: Tx, session_id: str, values: dict[str, Any], now: int) -> Template:
    """A new template. Raises Conflict where the name is taken, or the session has as many as it may."""
    one_at_a_time(tx, f"templates {session_id}")
    _refuse_taken(tx, session_id, values["name"], but="")
    if tx.execute(select(func.count()).where(templates.c.session_id == session_id)).scalar_one() >= MOST:
        raise Conflict(f"A session has at most {MOST} templates")
    row = {"id": str(uuid4()), "session_id": session_id, "created_at": now, "updated_at": now, **values}
    return tx.execute(insert(templates).values(row).returning(templates)).one()


def of_session(tx: Tx, session_id: str) -> list[Template]:
    """A session's templates, newest first."""
    return list(
        tx.execute(select(templates).where(templates.c.session_id == session_id).order_by(templates.c.row.desc()))
    )


def get(tx: Tx, session_id: str, template_id: str) -> Template:
    """One template of the session. Raises NotFound."""
    query = select(templates).where(templates.c.session_id == session_id, templates.c.id == template_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Template with id '{template_id}' not found")
    return row


def named(tx: Tx, session_id: str, name: str) -> Template:
    """The session's template of that name. Raises NotFound."""
    query = select(templates).where(templates.c.session_id == session_id, templates.c.name == name)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Template '{name}' not found")
    return row


def change(tx: Tx, session_id: str, template_id: str, values: dict[str, Any], now: int) -> Template:
    """Set the given columns. Raises NotFound; Conflict where the new name is taken."""
    one_at_a_time(tx, f"templates {session_id}")
    get(tx, session_id, template_id)
    if "name" in values:
        _refuse_taken(tx, session_id, values["name"], but=template_id)
    changed = update(templates).where(templates.c.id == template_id).values({**values, "updated_at": now})
    return tx.execute(changed.returning(templates)).one()


def remove(tx: Tx, session_id: str, template_id: str) -> None:
    """Delete a template. Raises NotFound."""
    get(tx, session_id, template_id)
    tx.execute(delete(templates).where(templates.c.id == template_id))


def _refuse_taken(tx: Tx, session_id: str, name: str, *, but: str) -> None:
    taken = select(templates.c.id).where(templates.c.session_id == session_id, templates.c.name == name)
    if tx.execute(taken.where(templates.c.id != but)).first() is not None:
        raise Conflict(f"Template with name '{name}' already exists")
