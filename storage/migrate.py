"""Brings a database to this release's schema, and refuses one that a newer release has made."""

from pathlib import Path

from sqlalchemy import Column, String, inspect, select, table

from storage import NewerDatabase
from storage.db import Database

HERE = Path(__file__).parent / "migrations"
_VERSIONS = sorted(path.stem.partition("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))
HEAD = _VERSIONS[-1] if _VERSIONS else ""


def upgrade(db: Database) -> None:
    """Apply what is missing, each step in a transaction. Raises NewerDatabase and touches nothing then."""
    current = version(db)
    if current == HEAD:
        return
    if current is not None and current not in _VERSIONS:
        raise NewerDatabase(
            f"The database has schema {current}, this release knows {HEAD}: it was used by a newer release"
        )
    from alembic import command  # noqa: PLC0415 - a third of a second that only a new schema needs to pay
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(HERE))
    with db.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "head")


def version(db: Database) -> str | None:
    """The schema the database has, None for an empty one."""
    with db.read() as tx:
        if not inspect(tx).has_table("alembic_version"):
            return None
        return tx.execute(select(_alembic.c.version_num)).scalar()


_alembic = table("alembic_version", Column("version_num", String))
