"""Run as a process of its own, which the library may abort: clients come and go while others are asked, for a while.

`python -m tests.whatsmeow.race SECONDS DIRECTORY` ends with 0 where nothing was aborted. The network has to refuse.
"""

import os
import sys
import threading
import time
from pathlib import Path

from engines.whatsmeow.frames import Settings
from engines.whatsmeow.inside import lean

lean.prepare()

from engines.whatsmeow.inside.custody import Custody  # noqa: E402
from engines.whatsmeow.inside.notebook import Notebook  # noqa: E402
from engines.whatsmeow.inside.session import Session, fence  # noqa: E402


def make(directory: Path) -> Session:
    """A client that the library knows, and that reaches nobody."""
    directory.mkdir(exist_ok=True)
    custody = Custody(Notebook(directory / "notebook.db"), directory / "whatsmeow.db", lambda: None)
    session = Session(directory, Settings(), None, custody, lambda _: None, lambda _: None)
    session.connect()
    return session


def main(seconds: float, folder: Path) -> None:
    """Four threads ask, two let clients come and go."""
    until, asked = time.monotonic() + seconds, make(folder / "asked")
    fence.listed(asked.client.uuid)

    def ask() -> None:
        while True:
            fence.IsConnected(asked.client.uuid)

    def come_and_go(name: str) -> None:
        while time.monotonic() < until:
            make(folder / name).close()

    for _ in range(4):
        threading.Thread(target=ask, daemon=True).start()
    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)
    main(float(sys.argv[1]), Path(sys.argv[2]))
    os._exit(0)
