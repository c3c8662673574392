"""`python3 -m tools.clients LANG …`: makes clients, in a fresh clone too: its environment first, then make.py."""

import os
import sys

from tools import venv

if __name__ == "__main__":
    python = str(venv.ready("clients"))
    os.execv(python, [python, "-m", "tools.clients.make", *sys.argv[1:]])  # noqa: S606 - one process: signals reach it
