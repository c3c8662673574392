"""One double for all tests of the engine, and sessions on it."""

import itertools
import os

import pytest

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def double():
    from tests.whatsapp.double import Double  # noqa: PLC0415 - needs neonize; who lacks it skips before

    with pytest.MonkeyPatch.context() as patch, Double() as running:
        for name, value in running.environment.items():
            patch.setenv(
                name, os.pathsep.join(filter(None, [value, os.environ.get(name)])) if "PATH" in name else value
            )
        yield running


@pytest.fixture(autouse=True)
def _sound_double(double):
    """The double itself must not have failed, and must have understood every question."""
    yield
    errors, unknown = list(double.server.errors), list(double.server.queries.unknown)
    double.server.errors.clear()
    double.server.queries.unknown.clear()
    assert errors == []
    assert unknown == []


@pytest.fixture(scope="module")
def workers():
    """What the engines of a module have in common; one worker process each."""
    from engines.whatsmeow.workers import Workers  # noqa: PLC0415

    return Workers()


@pytest.fixture
def line(double, tmp_path, workers):
    """A session of its own, not started."""
    from tests.whatsmeow.kit import Line  # noqa: PLC0415

    with Line(double, tmp_path / "session", f"line-{next(_serial)}", workers) as made:
        yield made


@pytest.fixture(scope="module")
def shared(double, tmp_path_factory):
    """A linked session that the tests of a module share; each takes a contact of its own."""
    from tests.whatsmeow.kit import Line  # noqa: PLC0415

    with Line(double, tmp_path_factory.mktemp("shared") / "session", f"shared-{next(_serial)}") as made:
        made.link()
        yield made


@pytest.fixture
def contact(double):
    return double.contact(f"Contact {next(_serial)}")


@pytest.fixture
def linked(line):
    """A session of its own, linked."""
    line.link()
    line.sink.events.clear()
    return line


@pytest.fixture
def network(double):
    """The proxy, put right again afterwards."""
    yield double.server.proxy
    double.server.proxy.mode = "open"


@pytest.fixture
def file(tmp_path):
    """Writes bytes into a file of ours."""

    def write(data: bytes, name: str = "blob") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write
