"""The virtual environment beside the project: made when first asked for, renewed when what it rests on has changed."""

import fcntl
import hashlib
import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
PYTHON = HOME / "bin" / "python"
STAMP = HOME / "openwa.json"
_INPUTS = ("pyproject.toml", "constraints.txt")


def ready(*groups: str) -> Path:
    """The Python of an environment that holds the project and these dependency groups or extras.

    Takes milliseconds where nothing has changed since the last time. Ends the program with a sentence where the
    environment cannot be made.
    """
    if not _has(groups):
        with (ROOT / "pyproject.toml").open() as lock:  # two commands started at once make one environment
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _has(groups):
                _make(sorted({*groups, *_stamp().get("groups", ())}))
    return PYTHON


def requirements(*groups: str) -> list[str]:
    """What pyproject.toml asks for: the project's own dependencies, then those of the groups and extras."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = asked["project"]
    known = {**project.get("optional-dependencies", {}), **asked["dependency-groups"]}
    return sum((known[group] for group in groups), list(project["dependencies"]))


def _has(groups: tuple[str, ...]) -> bool:
    stamp = _stamp()
    return stamp.get("inputs") == _inputs() and {*groups} <= {*stamp["groups"]} and PYTHON.exists()


def _stamp() -> dict[str, Any]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def _inputs() -> str:
    """A digest of what the environment rests on; the folder too, which an editable install remembers."""
    parts = [str(ROOT).encode(), *((ROOT / name).read_bytes() for name in _INPUTS)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _make(groups: list[str]) -> None:
    if not _works():
        _say(f"Making a virtual environment in {HOME}")
        if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
            sys.exit(
                f"This Python ({sys.executable}) cannot make virtual environments: its modules venv and ensurepip are "
                "missing. On Debian and Ubuntu: sudo apt install python3-venv"
            )
        _run(sys.executable, "-m", "venv", "--clear", str(HOME))
    _say("Installing what is needed; this takes a minute or so, once")
    STAMP.unlink(missing_ok=True)
    # What is imported is compiled then; all of it, now, would take longer than anything else here.
    options = ("-qq", "--no-compile", "--disable-pip-version-check", "--no-input", "--constraint")
    _run(
        str(PYTHON),
        "-m",
        "pip",
        "install",
        *options,
        str(ROOT / "constraints.txt"),
        "--editable",
        str(ROOT),
        *requirements(*groups),
    )
    STAMP.write_text(json.dumps({"inputs": _inputs(), "groups": groups}))


def _works() -> bool:
    """Whether there is an environment to install into; not so where it was left half made or its Python is gone."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        sys.exit("That did not work; the reason stands above. Nothing is broken: run the same command again.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
