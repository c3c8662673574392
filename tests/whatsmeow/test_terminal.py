"""A real number linked from the terminal: `openwa serve` shows the code of who waits, `openwa link` does it all."""

import contextlib
import os
import pty
import subprocess
import sys
import threading

import pytest

from tests.whatsmeow import kit  # first: it skips where neonize is missing

# isort: split
from gateway.terminal import drawn
from tests.receiver import listening
from tests.whatsmeow.house import Real, eventually

assert kit


class Screen:
    """A terminal, and what was written on it."""

    def __init__(self) -> None:
        self._written = b""
        self._ours, self.theirs = pty.openpty()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                self._written += os.read(self._ours, 1 << 16)
            except OSError:
                return  # nobody writes any more

    @property
    def text(self) -> str:
        return self._written.decode(errors="replace").replace("\r\n", "\n")


@pytest.fixture
def house(double, tmp_path):
    with listening() as receiver:
        yield Real(tmp_path, receiver, double)


@contextlib.contextmanager
def run(house, screen: Screen, *command: str):
    """A command of the gateway's own, in that terminal."""
    environment = house.server._environment  # noqa: SLF001 - the same gateway, run otherwise
    run = [sys.executable, "-m", "gateway.cli", *command]
    with subprocess.Popen(run, env=environment, stdout=screen.theirs) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_number_is_linked_in_one_go_and_both_terminals_show_the_code(house):
    gateway, other = Screen(), Screen()
    with run(house, gateway, "serve"):
        eventually(lambda: "/api" in gateway.text)
        with run(house, other, "link", "my-number") as linking:
            code = eventually(lambda: house.server.ask("GET", "/sessions/my-number/qr")[1].get("qrText"))
            eventually(lambda: drawn(code) in gateway.text)
            eventually(lambda: drawn(code) in other.text)
            house.double.run(house.phone.scan(code))
            assert 0 == linking.wait(30)
        eventually(lambda: other.text.endswith(f"'my-number' is linked as +{house.number}.\n"))
        eventually(lambda: f"'my-number' is linked as +{house.number}." in gateway.text)
