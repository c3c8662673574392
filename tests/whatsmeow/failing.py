"""Run as a process of its own, which loads the library as a worker does: a disk that fails, and an acknowledgement.

`python -m tests.whatsmeow.failing DIRECTORY` ends with 0 where none was sent while the socket was open.
"""

import ctypes
import os
import sys
import threading
from pathlib import Path

from engines.whatsmeow.inside import lean

lean.prepare()

from engines.whatsmeow.inside.custody import Custody, LogEntry  # noqa: E402
from engines.whatsmeow.inside.notebook import Notebook  # noqa: E402


def main(folder: Path) -> None:
    """A message is kept, and its disk fails before that is settled."""
    notebook, gave_up = Notebook(folder / "notebook.db"), threading.Event()
    custody = Custody(notebook, folder / "whatsmeow.db", gave_up.set)
    custody.keep(17, b"", ["3A"], opened=True)
    os.close(notebook._log)  # noqa: SLF001
    entry = LogEntry(Message='<receipt id="3A" to="1@lid"/>', Level="DEBUG", Name="Client/Send").SerializeToString()
    text = ctypes.create_string_buffer(entry)
    sent = threading.Thread(target=lambda: custody.listen(ctypes.addressof(text), len(entry)), daemon=True)
    sent.start()
    assert gave_up.wait(10)
    assert sent.is_alive()
    custody.close()
    sent.join(10)
    assert not sent.is_alive()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    os._exit(0)
