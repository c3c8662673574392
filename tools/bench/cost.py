"""What a process costs, as the Linux kernel counts it under /proc."""

import os
import re
from pathlib import Path
from typing import NamedTuple

_TICK = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_ROLLUP = re.compile(r"^(Rss|Pss):\s+([0-9]+) kB", re.MULTILINE)


class Memory(NamedTuple):
    """MiB of a process tree: pages counted in every process, pages shared out among them, and how many processes."""

    rss: float
    pss: float
    processes: int


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, None when the process is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def tree(root: int) -> list[int]:
    """`root` and every process below it."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time that the processes, and the children they have buried, have used."""
    return sum(sum(map(int, fields[11:15])) for pid in pids if (fields := _stat(pid))) / _TICK


def core_seconds(core: int) -> float:
    """Time that one core has spent on anything but idling and waiting for disks."""
    for line in (_PROC / "stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) / _TICK
    raise LookupError(f"no core {core}")


def memory(pids: list[int]) -> Memory:
    """The memory of the processes."""
    kib, living = {"Rss": 0, "Pss": 0}, 0
    for pid in pids:
        try:
            rollup = _ROLLUP.findall((_PROC / str(pid) / "smaps_rollup").read_text())
        except OSError:
            continue
        living += 1
        for name, size in rollup:
            kib[name] += int(size)
    return Memory(kib["Rss"] / 1024, kib["Pss"] / 1024, living)


def pin(pid: int, core: int) -> None:
    """Keep every thread that a process has now on one core; children and threads to come inherit it."""
    for task in (_PROC / str(pid) / "task").iterdir():
        os.sched_setaffinity(int(task.name), {core})
