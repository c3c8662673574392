"""Alembic's entry: runs the steps on the connection that storage/migrate.py hands over."""

from alembic import context

from storage.tables import sessions
from storage.triggers import ours

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=sessions.metadata,
    render_as_batch=True,
    include_name=ours,
)
context.run_migrations()
