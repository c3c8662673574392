"""The law of imports, and the sizes that keep a file at one thing."""

import ast
import re
import subprocess
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = {"engines", "gateway", "handlers", "storage"}
MAY_IMPORT = {
    "storage": {"storage"},
    "engines": {"engines"},
    "handlers": {"handlers", "storage", "engines"},
    "gateway": OURS,
}
FRAMEWORK = {"connexion", "flask", "werkzeug"}
MAY_FRAMEWORK = {
    "gateway/answers.py",
    "gateway/app.py",
    "gateway/errors.py",
    "gateway/gate.py",
    "gateway/lean.py",
    "handlers/security.py",
}
SOCKETS = {"socket", "http.client", "urllib.request", "requests", "httpx", "aiohttp", "ssl", "asyncio"}
KNOWN_ERRORS = {status.value for status in HTTPStatus if status >= 400}
MAY_SOCKETS = ("gateway/outbound.py", "gateway/lookup.py", "engines/")  # lookup asks for names and opens none
LISTS = ("storage/migrations/versions/", "storage/tables.py")  # all tables, to be seen together
STEPS = "storage/migrations/versions/"  # one step lists the tables it makes, however many; alembic drafts it


def files(*folders: str) -> list[Path]:
    """The Python files of these folders that git knows, or would know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    ).stdout.split()
    return [ROOT / name for name in listed if not folders or name.split("/")[0] in folders]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it, by full name."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert 0 == node.level, f"{path}: relative imports hide who imports whom"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, names: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


def test_each_package_imports_only_what_the_law_allows() -> None:
    broken = {
        f"{name_of(path)} imports {module}"
        for package, allowed in MAY_IMPORT.items()
        for path in files(package)
        for module in imports(path)
        if module.split(".")[0] in OURS - allowed
    }
    assert set() == broken


def test_nobody_but_tools_and_tests_imports_tools_or_tests() -> None:
    broken = [name_of(path) for path in files(*OURS) if any(within(m, {"tools", "tests"}) for m in imports(path))]
    assert [] == broken


def test_the_web_framework_is_known_in_these_files_only() -> None:
    found = {name_of(path) for path in files(*OURS) if any(within(m, FRAMEWORK) for m in imports(path))}
    assert found - MAY_FRAMEWORK == set()


def test_sqlalchemy_is_known_in_storage_only() -> None:
    broken = [
        name_of(path)
        for path in files("gateway", "handlers", "engines")
        if not name_of(path).startswith("engines/whatsmeow/inside/")  # a worker process keeps a notebook of its own
        if any(within(m, {"sqlalchemy", "alembic", "sqlite3", "psycopg"}) for m in imports(path))
    ]
    assert [] == broken


def test_sockets_are_opened_by_outbound_and_engines_only() -> None:
    found = [name_of(path) for path in files(*OURS) if any(within(m, SOCKETS) for m in imports(path))]
    assert [] == [name for name in found if not name.startswith(MAY_SOCKETS)]


def test_the_server_is_known_in_two_files_only() -> None:
    found = [name_of(path) for path in files(*OURS) if any(within(m, {"waitress"}) for m in imports(path))]
    assert ["gateway/channel.py", "gateway/server.py"] == found


def test_error_statuses_stand_in_the_error_table() -> None:
    """Handlers raise; which status that is, one table says. Readiness alone answers 503 with a body of its own."""
    found = {
        f"{name_of(path)}: {node.value}"
        for path in files("handlers", "gateway")
        if name_of(path) not in ("gateway/errors.py", "gateway/gate.py", "gateway/channel.py", "gateway/link.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in KNOWN_ERRORS
    }
    assert {"handlers/health.py: 503"} == found


def test_how_addresses_are_written_is_known_to_engines_only() -> None:
    """engines/addresses.py takes them apart; storage, which imports nothing of ours, knows one ending besides."""
    server = re.compile(r"@(c\.us|lid|g\.us|s\.whatsapp\.net|newsletter|broadcast)\Z")
    found = {
        f"{name_of(path)}: {node.value}"
        for path in files("handlers", "gateway", "storage")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and server.search(node.value)
    }
    assert {"storage/identities.py: @lid"} == found


def test_handlers_do_not_repeat_what_the_document_says() -> None:
    """A required field is there: `body[...]`, never `if "name" not in body`."""
    checks = re.compile(r"not in body|body\.get\([^,()]+\) is None|not body\.get|if not body")
    assert [] == [name_of(path) for path in files("handlers") if checks.search(path.read_text())]


def test_files_stay_under_300_lines() -> None:
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in files()}
    large = {name for name, lines in sizes.items() if lines > 300 and not name.startswith(LISTS)}
    assert set() == large


def test_functions_stay_under_40_lines() -> None:
    long = {
        f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in files()
        if not name_of(path).startswith(STEPS)
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 40
    }
    assert {} == long
