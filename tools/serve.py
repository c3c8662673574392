"""`python3 -m tools.serve`: the gateway from a fresh clone. Makes its environment, then becomes `openwa serve`."""

import os
import sys

from tools import venv

if __name__ == "__main__":
    real = os.environ.get("ENGINE_TYPE") == "whatsmeow"
    python = str(venv.ready("whatsmeow") if real else venv.ready())
    os.execv(python, [python, "-m", "gateway.cli", "serve", *sys.argv[1:]])  # noqa: S606 - one process: signals reach it
