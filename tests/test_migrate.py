"""Migrations: from nothing to the tables of this release, on both databases, and not a step against a newer one."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from storage import NewerDatabase, migrate
from storage.db import Database
from storage.tables import metadata
from storage.triggers import ours
from tests.support import beside


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        db = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield db
        db.close()
        return
    with beside(request.getfixturevalue("postgres_server"), "nothing") as db:
        yield db


def test_an_empty_database_has_no_version(empty: Database) -> None:
    assert migrate.version(empty) is None


def test_from_nothing_the_steps_make_exactly_the_tables(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.read() as tx, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # alembic cannot read partial indexes back on SQLite
        context = MigrationContext.configure(
            tx, opts={"compare_type": True, "compare_server_default": True, "include_name": ours}
        )
        assert [] == compare_metadata(context, metadata)


def test_every_constraint_has_the_name_of_the_convention(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.read() as tx:
        found = inspect(tx)
        named = [
            (table, kind, one["name"])
            for table in found.get_table_names()
            if table != "alembic_version" and ours(table, "table")
            for kind, read in (
                ("uq", found.get_unique_constraints),
                ("fk", found.get_foreign_keys),
                ("ck", found.get_check_constraints),
            )
            for one in read(table)
        ]
    assert [] == [one for one in named if not str(one[2]).startswith(f"{one[1]}_{one[0]}")]


def test_a_second_time_changes_nothing(empty: Database) -> None:
    migrate.upgrade(empty)
    migrate.upgrade(empty)
    assert migrate.HEAD == migrate.version(empty)


def test_a_newer_database_is_refused_and_left_alone(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text("DROP TABLE audit_logs"))
    with pytest.raises(NewerDatabase, match=f"schema 9999, this release knows {migrate.HEAD}"):
        migrate.upgrade(empty)
    with empty.read() as tx:
        assert not inspect(tx).has_table("audit_logs")
    assert "9999" == migrate.version(empty)


def test_the_program_does_not_start_on_a_newer_database(empty: Database, tmp_path: Path) -> None:
    migrate.upgrade(empty)
    with empty.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    url = empty.engine.url.render_as_string(hide_password=False)
    environ = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "gateway.cli", "serve"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (1, "", True) == (ended.returncode, ended.stdout, "newer release" in ended.stderr)
