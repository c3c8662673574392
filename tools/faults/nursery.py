"""`python -m tools.faults.nursery`: gateways that start quickly, forked from a process that has read their code.

A line of JSON on its standard input is a question, a line on its standard output the answer. When the input ends, it
kills what it started and goes.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """Our end of one such process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tools.faults.nursery"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def close(self) -> None:
        """End it, and what it started."""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait(30)
            self._process.stdout.close()

    def born(self, environment: Mapping[str, str], log: Path) -> "Child":
        """A gateway in that environment."""
        return Child(self, int(self.ask(start=dict(environment), log=str(log))))

    def ask(self, **question: Any) -> Any:
        """Ask one thing. Raises RuntimeError where the process is gone."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the nursery has no pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery is gone")
        return json.loads(answer)


class Child:
    """A process of the nursery, with the verbs of `subprocess.Popen` that the harness needs."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self._pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._ask(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, when it has one. Raises TimeoutExpired."""
        if timeout is not None:
            command = ("wait", str(self._pid), str(timeout))
            if not self._nursery.ask(within=timeout, pid=self._pid):
                raise subprocess.TimeoutExpired(command, timeout)
        status = self._ask(0)
        return -1 if status is None else status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is known to be gone."""
        if self._status is None:
            os.kill(self._pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _ask(self, options: int) -> int | None:
        if self._status is None:
            self._status = self._nursery.ask(wait=self._pid, options=options)
        return self._status


def main() -> None:
    """Answer until the input ends."""
    from gateway import cli, document, program, server  # noqa: F401, PLC0415 - what takes long, once

    document.bundle()
    children: set[int] = set()
    for line in sys.stdin:
        question = json.loads(line)
        if "start" in question:
            answer: Any = _fork(question["start"], question["log"], cli.main)
            children.add(answer)
        elif "within" in question:
            answer = _ended(question["pid"], question["within"])
        else:
            pid, status = os.waitpid(question["wait"], question["options"])
            answer = os.waitstatus_to_exitcode(status) if pid else None
            children -= {pid}
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _fork(environment: dict[str, str], log: str, serve: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.setsid()  # our terminal's Ctrl-C is not its business
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, output, output)):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(environment)
    status = 1
    try:
        status = serve(["serve"])
    finally:
        sys.stdout.flush()
        os._exit(status)


def _ended(pid: int, within: float) -> bool:
    """Whether a child ends in so many seconds; it stays to be waited for."""
    for _ in range(int(within / 0.02)):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        signal.sigtimedwait([], 0.02)
    return False


if __name__ == "__main__":
    main()
