"""`python3 -m tools.check [STEP ...]`: the one command that people, hooks and CI run. Stops at the first failure."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tools import venv

_WORKERS = str((os.cpu_count() or 1) + 1)  # one more than cores: many tests wait, for a server or for a disk
_ELSEWHERE = ("test_document.py", "whatsmeow", "browser", "clients")  # in steps of their own
STEPS = {  # in this order; each is a module and its arguments, run by the environment's Python
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "document": ["pytest", "-q", "tests/test_document.py"],
    "tests": ["pytest", "-n", _WORKERS, *(f"--ignore=tests/{name}" for name in _ELSEWHERE)],
    "fuzz": ["tools.fuzz"],
    "mutants": ["tools.mutants"],
    "browser": ["pytest", "tests/browser"],
    "clients": ["pytest", "-n", "2", "--dist", "loadfile", "tests/clients"],
    "whatsmeow": ["pytest", "-n", _WORKERS, "--dist", "loadfile", "tests/whatsmeow"],
}
PACKAGES = {
    "whatsmeow": ("whatsmeow", "double"),
    "browser": ("browser",),
    "clients": ("clients",),
}  # what a step needs besides the group dev
PROGRAMS = {"browser": ("chromium",), "clients": ("java", "npm")}
# Without what it needs a step is not run, and said not to be.
NEEDS = {"document": "tests/test_document.py", "fuzz": "tools/fuzz.py"}
_COUNTED = (
    "document",
    "tests",
    "fuzz",
    "mutants",
    "browser",
    "clients",
    "whatsmeow",
)  # these end with pytest's closing line
_OUTCOME = re.compile(r"\b(\d+) (passed|failed|error|skipped|xfailed|xpassed)")


def main(wanted: list[str]) -> int:
    """Run these steps, or all; the exit status."""
    unknown = [name for name in wanted if name not in STEPS]
    if unknown:
        print(f"No step is called {', '.join(unknown)}. The steps are: {' '.join(STEPS)}", file=sys.stderr)
        return 2
    begin, counts = time.monotonic(), Counter[str]()
    steps = wanted or [*STEPS]
    _install(steps)
    print(f"environment ready in {time.monotonic() - begin:.1f} s\n", flush=True)
    not_run = []
    for name in steps:
        hindrance = _hindrance(name)
        if hindrance:
            print(f"--- {name}: not run, {hindrance}\n", flush=True)
            not_run.append(name)
            continue
        print(f"--- {name}", flush=True)
        start = time.monotonic()
        passed = _run(STEPS[name], counts if name in _COUNTED else Counter())
        print(f"--- {name} {'ok' if passed else 'FAILED'} in {time.monotonic() - start:.1f} s\n", flush=True)
        if not passed:
            counts["failed"] = counts["failed"] + counts["error"] or 1
            print(f"stopped after {time.monotonic() - begin:.0f} s at: python3 -m tools.check {name}")
            print(_closing(counts))
            return 1
    print(f"{time.monotonic() - begin:.0f} s" + (f"; not run: {', '.join(not_run)}" if not_run else ""))
    print(_closing(counts))
    return 0


def _install(steps: list[str]) -> None:
    """What all of these steps need, at once, which takes half as long as one by one; what cannot be had, later."""
    missing = {name for name in steps if any(shutil.which(program) is None for program in PROGRAMS.get(name, ()))}
    groups = {group for name in steps if name not in missing for group in PACKAGES.get(name, ())}
    try:
        venv.ready("dev", *groups)
    except SystemExit:
        venv.ready("dev")


def _hindrance(name: str) -> str | None:
    """Why a step cannot be run here, None where it can."""
    if name in NEEDS and not (venv.ROOT / NEEDS[name]).exists():
        return f"there is no {NEEDS[name]}"
    missing = [program for program in PROGRAMS.get(name, ()) if shutil.which(program) is None]
    if missing:
        return f"there is no {', '.join(missing)}"
    if name in PACKAGES:
        try:
            venv.ready("dev", *PACKAGES[name])
        except SystemExit:
            return "its packages cannot be installed here"
    return None


def _run(arguments: list[str], counts: Counter[str]) -> bool:
    """Run a step, show its output as it comes and add what its closing line counts; whether it passed."""
    closing = ""
    with subprocess.Popen(
        [str(venv.PYTHON), "-u", "-m", *arguments], cwd=venv.ROOT, stdout=subprocess.PIPE, text=True, env=_environ()
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            closing = line if _OUTCOME.search(line) else closing
    for number, outcome in _OUTCOME.findall(closing):
        counts[outcome] += int(number)
    return process.returncode == 0


def _environ() -> dict[str, str]:
    """Tests keep their many small databases in memory where the system has room for that: each commit is a sync."""
    memory = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**31
    return {**({"PYTEST_DEBUG_TEMPROOT": str(memory)} if roomy else {}), **os.environ}


def _closing(counts: Counter[str]) -> str:
    """The last line, alone on it how many tests came out how: programs that read a CI's output look for just that."""
    return f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
