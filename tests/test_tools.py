"""The environment and the one command that checks: what developers run before anything else works."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from tools import check, constraints, venv

ROOT = Path(__file__).parent.parent
NO_ENSUREPIP = "import sys; sys.modules['ensurepip'] = None; from tools import venv; venv.ready()"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A project without an environment, in which commands are only noted; making one leaves a Python there."""
    ran: list[tuple[str, ...]] = []
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["a"]\n[dependency-groups]\ndev = ["b"]\n')
    (tmp_path / "constraints.txt").write_text("a==1\n")
    home = tmp_path / ".venv"

    def run(*command: str) -> None:
        ran.append(command)
        (home / "bin").mkdir(parents=True, exist_ok=True)
        venv.PYTHON.touch()

    monkeypatch.setattr(venv, "ROOT", tmp_path)
    monkeypatch.setattr(venv, "HOME", home)
    monkeypatch.setattr(venv, "PYTHON", home / "bin" / "python")
    monkeypatch.setattr(venv, "STAMP", home / "openwa.json")
    monkeypatch.setattr(venv, "_works", venv.PYTHON.exists)
    monkeypatch.setattr(venv, "_run", run)
    return ran


def test_an_environment_is_made_once(house: list[tuple[str, ...]]) -> None:
    venv.ready()
    venv.ready()
    assert [command[2] for command in house] == ["venv", "pip"]


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_it_is_renewed_when_what_it_rests_on_has_changed(house: list[tuple[str, ...]], changed: str) -> None:
    venv.ready()
    with (venv.ROOT / changed).open("a") as file:
        file.write("# new\n")
    venv.ready()
    assert [command[2] for command in house] == ["venv", "pip", "pip"]


def test_a_group_is_added_and_stays(house: list[tuple[str, ...]]) -> None:
    venv.ready()
    venv.ready("dev")
    venv.ready()
    assert [command[-1] for command in house if command[2] == "pip"] == ["a", "b"]


def test_what_was_left_half_made_is_finished(house: list[tuple[str, ...]]) -> None:
    venv.ready()
    venv.STAMP.unlink()
    venv.ready()
    assert [command[2] for command in house] == ["venv", "pip", "pip"]


def test_a_python_that_cannot_make_environments_is_told_apart(tmp_path: Path) -> None:
    fresh = tmp_path / "tools"
    fresh.mkdir()
    for name in ("__init__.py", "venv.py"):
        (fresh / name).write_bytes((ROOT / "tools" / name).read_bytes())
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    ran = subprocess.run(
        [sys.executable, "-c", NO_ENSUREPIP], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, "apt install python3-venv" in ran.stderr) == (1, True), ran.stderr


def test_an_old_python_is_told_which_it_should_be() -> None:
    older = f"import sys; sys.version_info = (3, 9); exec(open({str(ROOT / 'tools' / '__init__.py')!r}).read())"
    ran = subprocess.run([sys.executable, "-c", older], capture_output=True, text=True, check=False)
    assert (ran.returncode, "needs Python 3.11 or newer" in ran.stderr) == (1, True)


def test_every_direct_dependency_has_its_version_in_the_constraints() -> None:
    names = {constraints.normal(re.split(r"[\[<>=!~; ]", asked)[0]) for asked in venv.requirements("dev")}
    assert names - {line.split("==")[0] for line in pinned()} == set()


def test_the_constraints_are_versions_and_nothing_else() -> None:
    assert [line for line in pinned() if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []


def pinned() -> list[str]:
    return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]


def test_the_wheel_holds_every_file_of_the_program(tmp_path: Path) -> None:
    files = [path for path in program_files() if path.suffix in (".py", ".yaml") or path.parent.name == "pages"]
    for path in [*files, ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE"]:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    build = [sys.executable, "-c", "from setuptools import build_meta; build_meta.build_wheel('.')"]
    subprocess.run(build, cwd=tmp_path, capture_output=True, check=True)
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {path.relative_to(ROOT).as_posix() for path in files}


def program_files() -> list[Path]:
    folders = ["engines", "gateway", "handlers", "openapi", "storage"]
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split()]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets `check` run these Python programs as its steps."""

    def become(**programs: str) -> None:
        monkeypatch.setattr(check, "STEPS", {name: ["timeit", "-n1", "-r1", text] for name, text in programs.items()})
        monkeypatch.setattr(venv, "ready", lambda *_: None)
        monkeypatch.setattr(venv, "PYTHON", Path(sys.executable))
        monkeypatch.setattr(check, "NEEDS", {"browser": "nowhere"})

    return become


def test_check_ends_with_what_the_tests_counted(steps: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    steps(
        lint="print('3 errors found')", tests="print('=== 41 passed, 2 skipped in 0.5s ===')", fuzz="print('1 passed')"
    )
    assert check.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "42 passed, 0 failed, 2 skipped"


def test_check_stops_at_the_first_failure(steps: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    steps(lint="raise SystemExit(1)", tests="print('never')")
    assert check.main([]) == 1
    shown = capsys.readouterr().out
    assert "never" not in shown
    assert shown.splitlines()[-1].startswith("0 passed, 1 failed")
    assert shown.splitlines()[-2].endswith("python3 -m tools.check lint")


def test_check_counts_tests_that_failed(steps: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    steps(tests="print('2 failed, 5 passed, 1 error in 0.5s'); raise SystemExit(1)")
    assert check.main(["tests"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("5 passed, 3 failed")


def test_check_never_calls_passed_what_it_did_not_run(
    steps: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    steps(browser="print('never')")
    assert check.main([]) == 0
    assert "browser ok" not in (shown := capsys.readouterr().out)
    assert shown.splitlines()[-2].endswith("; not run: browser")
