"""Names to addresses, with a deadline."""

import socket
import threading
from typing import Any

from gateway.ssrf import is_address

_MOST_AT_ONCE = threading.BoundedSemaphore(32)


class NoName(Exception):
    """The name does not resolve; the message is a code such as ENOTFOUND."""


def look_up(host: str, port: int, timeout: float) -> list[Any]:
    """The addresses of `host` as `socket.getaddrinfo` gives them, within `timeout` seconds. Raises NoName.

    A name server that hangs keeps a spare thread, not the caller.
    """
    if not _MOST_AT_ONCE.acquire(timeout=timeout):
        raise NoName("EAI_AGAIN")
    done: list[Any] = []
    finished = threading.Event()

    def ask() -> None:
        try:
            done.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            done.append(error)
        finally:
            _MOST_AT_ONCE.release()
            finished.set()

    if is_address(host):
        ask()
    else:
        threading.Thread(target=ask, name="lookup", daemon=True).start()
    if not finished.wait(timeout):
        raise NoName("ETIMEOUT")
    if isinstance(done[0], Exception):
        raise NoName("ENOTFOUND")
    return list(done[0])
