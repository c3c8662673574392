"""How bytes arrive: an HTTP CONNECT proxy that leads every name to one TLS port, which serves websocket and media."""

import asyncio
import contextlib
import ssl

from aiohttp import web

from .pki import Certificates


class Proxy:
    """A CONNECT proxy that connects every host to `target`; `mode` may make it refuse or hang."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.mode = "open"
        self.port = 0
        self.hosts: list[str] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port of the loopback address."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and let go of what is open."""
        if self._server:
            loop = asyncio.get_running_loop()
            for listening in self._server.sockets:  # who was accepted but not handed over would never be closed
                loop.remove_reader(listening.fileno())
            await asyncio.sleep(0)
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a client or the test ended the tunnel
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.hosts.append(head.split()[1].decode())
        if self.mode == "hang":
            await self._hang()
            return
        if self.mode == "refuse":
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        with contextlib.closing(inner_writer):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))

    async def _hang(self) -> None:
        """Say nothing until the test asks for something else, from its own thread: nothing here could be awaited."""
        while self.mode == "hang":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other end was first
    finally:
        writer.close()


class Site:
    """The TLS port: routes of an aiohttp application under the private certificate."""

    def __init__(self, app: web.Application, certificates: Certificates) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server)
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of the loopback address."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()
