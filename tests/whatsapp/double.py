"""The handle a test holds: the server in a thread of its own, people, and the environment that leads a worker here."""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from . import pki, shadow
from .accounts import Account
from .contact import Contact
from .nodes import Jid
from .phone import Phone
from .server import Server

_PATIENCE = 30.0
_ROUNDS = 5  # of the loop, in which what was closed really ends
_T = TypeVar("_T")


class Double:
    """A running double; use it as a context manager."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="whatsapp-double-"))
        self._certificates = pki.issue(self._directory)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="whatsapp-double", daemon=True)
        self.server = Server(shadow.library(), self._certificates)
        self._package = shadow.build(self._directory / "shadow", self.server.root.public)

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self.server.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self._directory)

    async def _stop(self) -> None:
        await self.server.stop()
        while late := asyncio.all_tasks() - {asyncio.current_task()}:  # who lost its connection is there again already
            await asyncio.sleep(0)  # one that is cancelled before it began would close nothing
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the server's thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    @property
    def environment(self) -> dict[str, str]:
        """What a worker needs to find the double: nothing in the product knows of it."""
        return {
            "PYTHONPATH": str(self._package),
            "SSL_CERT_FILE": str(self._certificates.authority),
            "HTTPS_PROXY": self.proxy_url,
        }

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.server.proxy.port}"

    def phone(self, name: str = "Owner") -> Phone:
        """A person whose account an engine may link."""
        return Phone(self.server, self.server.directory.add(name))

    def contact(self, name: str = "Contact") -> Contact:
        """A person to write with."""
        return Contact(self.server, self.server.directory.add(name))

    def group(self, owner: Account, subject: str, *members: Account) -> Jid:
        """A group that exists before anybody's engine asked for it."""
        return self.run(self.server.groups.create(owner, subject, list(members))).jid
