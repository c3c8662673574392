"""One worker process as the gateway sees it: started with a clean environment, asked over a socket pair, reaped."""

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
from pathlib import Path

from engines import base
from engines.whatsmeow import exits, frames
from engines.whatsmeow.seat import Seat

log = logging.getLogger(__name__)

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
              "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")  # fmt: skip
_ROOT = Path(__file__).resolve().parents[2]
_SEND_SECONDS = 10
_LAST_WORDS = 60
_WORN = 50


class Process:
    """A running worker: it serves at most `seats` sessions, and ends when the last of them has left."""

    def __init__(self, seats: int, home: str) -> None:
        self._most, self._begun = seats, 0
        self._seats: dict[str, Seat] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._closed = False
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engines.whatsmeow.worker", str(theirs.fileno()), str(seats)],
                env=_environment(home),
                cwd=home,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                umask=0o077,
                start_new_session=True,
            )
        self._channel = frames.Channel(ours, frames.Outward, send_seconds=_SEND_SECONDS)
        self._listener = threading.Thread(target=self._listen, name=f"worker-words-{self.pid}", daemon=True)
        self._listener.start()
        threading.Thread(target=self._serve, name=f"worker-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def sit(
        self, account: base.Account, settings: frames.Settings, on_report: Callable[[frames.Report], None]
    ) -> Seat | None:
        """A place for a session, which begins at once; None where there is none."""
        with self._lock:
            # neonize keeps a little of every session that was here, so a worker that served many is let go
            worn = self._begun >= self._most + (_WORN if self._most > 1 else 0)
            if self._closed or worn or len(self._seats) >= self._most or account.session_id in self._seats:
                return None
            self._begun += 1
            seat = self._seats[account.session_id] = Seat(self, account.session_id, on_report, self._numbers)
        with contextlib.suppress(OSError):  # who serves the seat learns that the process is gone
            self._channel.send(frames.Begin(account.session_id, account.directory, account.proxy_url, settings))
        return seat

    @property
    def closed(self) -> bool:
        """Whether it takes nobody any more."""
        return self._closed

    def alone(self) -> bool:
        """Whether nobody else can be hurt by its end."""
        with self._lock:
            return len(self._seats) <= 1

    def send(self, frame: frames.Inward) -> None:
        """Send a frame. Raises OSError; a worker that does not read is killed: half a frame may be under way."""
        try:
            self._channel.send(frame)
        except OSError:
            self._process.kill()
            raise

    def kill(self) -> None:
        """End it at once."""
        with self._lock:
            self._closed = True
        self._process.kill()

    # --- the listening threads

    def _serve(self) -> None:
        """Pass frames on until the worker is gone."""
        try:
            while True:
                self._take(self._channel.receive())
        except (EOFError, OSError):
            pass
        with self._lock:
            asked, self._closed = self._closed, True
            left = list(self._seats.values())
            self._seats.clear()
        for seat in left:
            seat.away()
        self._channel.close()
        code = self._reap(quiet=asked)
        for seat in left:
            seat.ended(code)

    def _take(self, frame: frames.Outward) -> None:
        with self._lock:
            seat = self._seats.get(frame.session)
            if isinstance(frame, frames.Ended):
                self._seats.pop(frame.session, None)
                self._closed = not self._seats
                last = self._closed
        if seat is None:
            return
        if isinstance(frame, frames.Ended):
            if last:
                self._channel.close()  # it notices, and ends
            seat.away()
            seat.ended(frame.code)
        else:
            seat.take(frame)

    def _reap(self, *, quiet: bool) -> int:
        try:
            code = self._process.wait(_SEND_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._listener.join(1.0)
        if not quiet and code not in (exits.DONE, exits.AGAIN) and (code != exits.RETRY or self._words):
            log.error("worker %d ended with %d: %s", self.pid, code, " | ".join(self._words))
        return code

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
        "GOGC": "50",  # a worker is idle most of the time: a small heap is worth more than rare collections
    }
