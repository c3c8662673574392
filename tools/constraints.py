"""`python3 -m tools.constraints`: resolve every dependency anew and write the versions into constraints.txt."""

import json
import re
import subprocess
import sys

from tools import venv

_HEAD = "# Versions that were tested together, for repeatable installs. Written by: python3 -m tools.constraints\n"
_OPTIONS = ("-qq", "--disable-pip-version-check", "--dry-run", "--ignore-installed", "--report", "-")


def main() -> int:
    """Ask pip for the newest versions that fit together; the exit status."""
    command = [
        str(venv.ready("dev")),
        "-m",
        "pip",
        "install",
        *_OPTIONS,
        *venv.requirements("dev", "whatsmeow", "double", "browser", "clients"),
    ]
    asked = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if asked.returncode:
        return asked.returncode
    found = [item["metadata"] for item in json.loads(asked.stdout)["install"]]
    lines = sorted(f"{normal(item['name'])}=={item['version']}\n" for item in found)
    (venv.ROOT / "constraints.txt").write_text(_HEAD + "".join(lines))
    print(f"{len(lines)} versions written to constraints.txt")
    return 0


def normal(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
