"""Run as a process of its own, which msgspec ended once: many threads read what none has read before.

`python -m tests.whatsmeow.first` ends with 0 where nothing was ended.
"""

import sys
import threading

from engines import base
from engines.whatsmeow import frames


def main() -> None:
    """Eight threads begin at once."""
    message = base.Message("id", "1@c.us", "1@c.us", "text", "x", 1)
    told = [
        base.MessageReceived(message),
        base.StateChanged("ready"),
        base.ReceiptReceived(("a",), "c", "read", "s", 1),
    ]
    report, ready = frames.report("s", 1, told), threading.Barrier(8)

    def read() -> None:
        ready.wait()
        frames.events(report)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.setswitchinterval(1e-6)
    main()
