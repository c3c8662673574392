"""`python -m tools.mutants`: whether the fuzz and the contract tests bite.

Each fault is put into a copy of the program, alone, and what should catch it is run there: the fuzz on one operation,
or a test. A fault that nothing notices is a hole in the net.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
_FUZZ = ("tools.fuzz", "--seed", "1", "--examples", "5", "--operation")
_TEST = ("pytest", "-q", "-x", "-k", "sqlite or not postgres")


class Fault(NamedTuple):
    """Something done wrong on purpose: a text of a file and what stands there instead, and what has to notice."""

    name: str
    file: str
    old: str
    new: str
    catcher: tuple[str, ...]


_FOLDED = 'key not in ("example", "examples"'
FAULTS = (
    Fault("a dropped field", "handlers/shapes.py", '        "name": row.name,\n        "status"', '        "status"',
          (*_FUZZ, "sessions.get")),
    Fault("a wrong success", "handlers/sessions.py", "shapes.session(row), 201", "shapes.session(row), 200",
          (*_FUZZ, "sessions.create")),
    Fault("an undocumented status", "gateway/errors.py", "storage.NotFound: Kind(404,", "storage.NotFound: Kind(410,",
          (*_FUZZ, "sessions.get")),
    Fault("a laxer bound", "gateway/validation.py", _FOLDED, f'{_FOLDED}, "maxLength"', (*_FUZZ, "sessions.create")),
    Fault("an extra property accepted", "gateway/validation.py", _FOLDED, f'{_FOLDED}, "additionalProperties"',
          (*_FUZZ, "sessions.create")),
    Fault("an extra query parameter accepted", "gateway/validation.py",
          "problems.append(wording.unexpected(name[:100]))", "continue", (*_FUZZ, "sessions.list_all")),
    Fault("a required property forgotten", "gateway/validation.py", _FOLDED, f'{_FOLDED}, "required"',
          (*_FUZZ, "auth.create_api_key")),
    Fault("another media type", "gateway/app.py", 'content_type="application/json"', 'content_type="text/plain"',
          (*_FUZZ, "sessions.list_all")),
    Fault("any key is good enough", "handlers/security.py", 'raise Unauthorized("Invalid API key")',
          "return {}", (*_FUZZ, "sessions.get_stats")),
    Fault("a role not asked for", "handlers/security.py", "if _RANK[key.role] < _RANK[required]:", "if not required:",
          (*_TEST, "tests/test_everywhere.py")),
    Fault("an event without its reason to be", "handlers/happenings.py", '"sessionId": session_id,', "",
          (*_TEST, "tests/test_happenings.py")),
)  # fmt: skip


def caught(fault: Fault) -> tuple[bool, str]:
    """Whether the fault was noticed, and what its catcher printed last. Raises ValueError where it does not apply."""
    with tempfile.TemporaryDirectory(prefix="openwa-mutant-") as folder:
        _copy(Path(folder))
        file = Path(folder) / fault.file
        text = file.read_text()
        if fault.old not in text:
            raise ValueError(f"{fault.name}: {fault.file} does not say {fault.old!r} any more")
        file.write_text(text.replace(fault.old, fault.new))
        ended = subprocess.run(
            [sys.executable, "-m", *fault.catcher], cwd=folder, env={**os.environ, "PYTHONPATH": folder},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
    lines = [line for line in ended.stdout.splitlines() if line.strip()]
    found = ended.returncode == 1 and any(" failed" in line or line.startswith("FAILED") for line in lines)
    return found, "\n".join(lines[-5:])


def _copy(folder: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def main(arguments: list[str]) -> int:
    """Put each in and see; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--only", help="faults whose name has this in it")
    wanted = parser.parse_args(arguments).only or ""
    faults = [fault for fault in FAULTS if wanted in fault.name]
    begin = time.monotonic()
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:  # each waits for its gateway now and then
        outcomes = list(pool.map(caught, faults))
    for fault, (found, last) in zip(faults, outcomes, strict=True):
        print(f"{fault.name}: {'caught' if found else 'NOT CAUGHT by ' + ' '.join(fault.catcher)}")
        if not found:
            print(last)
    missed = sum(not found for found, _ in outcomes)
    print(f"mutants: {len(faults) - missed} passed, {missed} failed in {time.monotonic() - begin:.0f} s")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
