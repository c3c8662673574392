"""One worker process as its engine sees it: started with a clean environment, asked over a socket pair, reaped."""

import contextlib
import itertools
import logging
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from engines import base
from engines.whatsmeow import exits, frames

log = logging.getLogger(__name__)

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
              "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")  # fmt: skip
_ROOT = Path(__file__).resolve().parents[2]
_SEND_SECONDS = 10
_LAST_WORDS = 60
_MOST_ASKS = 64
_BUSY_SECONDS = 5.0


class Process:
    """A running worker. `on_report` gets its reports, from the thread that `serve`s."""

    def __init__(
        self, account: base.Account, settings: frames.Settings, on_report: Callable[[frames.Report], None]
    ) -> None:
        self._on_report = on_report
        self._asks: dict[int, Future[frames.Answer]] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_MOST_ASKS)
        self._numbers = itertools.count(1)
        self._gone = self._ended = False
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engines.whatsmeow.worker", str(theirs.fileno())],
                env=_environment(account.directory),
                cwd=account.directory,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                umask=0o077,
                start_new_session=True,
            )
        self._channel = frames.Channel(ours, frames.Outward, send_seconds=_SEND_SECONDS)
        self._listener = threading.Thread(target=self._listen, name=f"worker-words-{account.name}", daemon=True)
        self._listener.start()
        self._begin = frames.Begin(account.directory, account.proxy_url, settings)

    @property
    def pid(self) -> int:
        return self._process.pid

    def serve(self) -> int:
        """Take frames until the worker is gone; returns how it ended. Asks that were open have no known outcome."""
        try:
            self._channel.send(self._begin)
            while True:
                self._take(self._channel.receive())
        except (EOFError, OSError):
            pass
        with self._lock:
            self._gone = True
            asks, self._asks = self._asks, {}
        for future in asks.values():
            future.set_exception(base.OutcomeUnknown("The WhatsApp engine went away while it worked on this"))
        self._channel.close()
        return self._reap()

    def _reap(self) -> int:
        try:
            code = self._process.wait(_SEND_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._listener.join(1.0)
        if code not in (exits.DONE, exits.AGAIN) and not self._ended and (code != exits.RETRY or self._words):
            log.error("worker %d ended with %d: %s", self.pid, code, " | ".join(self.last_words()))
        return code

    def _take(self, frame: frames.Answer | frames.Failure | frames.Report) -> None:
        if isinstance(frame, frames.Report):
            self._on_report(frame)
            return
        with self._lock:
            future = self._asks.pop(frame.id, None)
        if future is None:
            return  # nobody waits for it any more
        if isinstance(frame, frames.Answer):
            future.set_result(frame)
        else:
            future.set_exception(_raised(frame))

    def ask(self, verb: str, seconds: float, arguments: dict[str, Any]) -> frames.Answer:
        """Have a verb done. Raises what the worker raised, OutcomeUnknown when it took too long."""
        if not self._room.acquire(timeout=min(seconds, _BUSY_SECONDS)):
            raise base.EngineError("The session is busy: too many requests at once")
        try:
            future: Future[frames.Answer] = Future()
            number = next(self._numbers)
            with self._lock:
                if self._gone:
                    raise base.NotConnected("Session is not connected. The WhatsApp client is not ready.")
                self._asks[number] = future
            self._send(frames.Ask(number, verb, seconds, frames.pack(arguments)))
            try:
                return future.result(seconds)
            except TimeoutError as error:
                with self._lock:
                    self._asks.pop(number, None)
                raise base.OutcomeUnknown("WhatsApp did not answer in time") from error
        finally:
            self._room.release()

    def _send(self, frame: frames.Inward) -> None:
        try:
            self._channel.send(frame)
        except OSError as error:
            self._process.kill()  # it does not read: half a frame may be under way
            raise base.OutcomeUnknown("The WhatsApp engine does not respond") from error

    def committed(self, numbers: list[int]) -> None:
        """Tell that these reports arrived, unless the worker is gone."""
        with contextlib.suppress(OSError):
            self._channel.send(frames.Committed(numbers))

    def hang_up(self) -> None:
        """Ask it to end: it notices the end of the pair."""
        self._ended = True
        self._channel.close()

    def end(self, seconds: float) -> None:
        """Ask it to end, and see to it within so many seconds."""
        self.hang_up()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def kill(self) -> None:
        """End it at once."""
        self._ended = True
        self._process.kill()

    def last_words(self) -> list[str]:
        """The last lines of its standard error."""
        return list(self._words)

    def _listen(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        with stream:
            for line in iter(lambda: stream.readline(4096), b""):
                word = line.decode(errors="replace").rstrip()
                self._words.append(word)
                if word.startswith("ERROR "):
                    log.warning("worker %d: %s", self.pid, word)


def _environment(home: str) -> dict[str, str]:
    """Nothing of the gateway's environment but what the network and the dynamic linker need."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), str(_ROOT)]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path),
        "HOME": home,
        "MALLOC_ARENA_MAX": "2",
        "NEONIZE_BOT_TAG": "off",
    }


def _raised(failure: frames.Failure) -> base.EngineError:
    kind = getattr(base, failure.error, base.EngineError)
    return base.Refused(failure.message, failure.reason or "refused") if kind is base.Refused else kind(failure.message)
