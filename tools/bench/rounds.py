"""Interleaved rounds: in each, every server is asked the same for the same time, so that a slow minute hits all."""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.bench import cost, load
from tools.bench.server import Cores, Failed, Target

_TRIES = 2
_DISTURBED = 0.06  # of the server's core, used by others
_CALM = 0.15  # of a core, used by anyone


@dataclass(frozen=True, eq=False)
class Job:
    """One row of the table: requests for one target, and the status that every answer must have."""

    scenario: str
    target: Target
    requests: Sequence[bytes]
    status: int


@dataclass(frozen=True)
class Run:
    """One job in one round. Milliseconds; CPU µs per answer; `foreign`: others' share of the server's core."""

    rate: float
    p50: float
    p99: float
    cpu: float | None
    foreign: float | None


@dataclass
class Row:
    """A job on so many connections: its runs, and in each round its CPU beside the floor's."""

    scenario: str
    server: str
    connections: int
    runs: list[Run] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


def once(job: Job, cores: Cores, connections: int, seconds: float) -> Run:
    """Load one target and read what it cost. Raises Failed when an answer was not as expected."""
    pids = cost.tree(job.target.pid) if job.target.pid else []
    own, core = cost.cpu_seconds(pids), cost.core_seconds(cores.server)
    began = time.perf_counter()
    sample = load.run(job.target.address, job.requests, connections=connections, seconds=seconds)
    own, core = cost.cpu_seconds(pids) - own, cost.core_seconds(cores.server) - core
    answers, wall = len(sample.latencies), time.perf_counter() - began
    if set(sample.statuses) != {job.status} or sample.broken:
        raise Failed(
            f"{job.target.name}: {job.scenario} on {connections} connections should answer {job.status} only, "
            f"but: {dict(sample.statuses)}, {sample.broken} connections lost"
        )
    known = bool(pids) and cores.server != cores.load
    return Run(
        rate=sample.rate,
        p50=sample.percentile(0.50) * 1000,
        p99=sample.percentile(0.99) * 1000,
        cpu=own / answers * 1e6 if pids else None,
        foreign=max(0.0, core - own) / wall if known else None,
    )


def measure(
    jobs: Sequence[Job], floor: Job, cores: Cores, *, widths: Sequence[int], seconds: float, repeats: int
) -> list[Row]:
    """Every job on every number of connections, `repeats` rounds after a warm-up; the floor comes first."""
    everyone = (floor, *jobs)
    for job in everyone:
        once(job, cores, 8, min(seconds, 1.0))
    rows = {(job, width): Row(job.scenario, job.target.name, width) for width in widths for job in everyone}
    for _ in range(repeats):
        for width in widths:
            bare = math.nan
            for job in everyone:
                run = _undisturbed(job, cores, width, seconds)
                bare = (run.cpu or math.nan) if job is floor else bare
                rows[job, width].runs.append(run)
                rows[job, width].ratios.append((run.cpu or math.nan) / bare)
    return list(rows.values())


def _undisturbed(job: Job, cores: Cores, width: int, seconds: float) -> Run:
    """The first of two runs in which others left the server's core alone, or the less disturbed of them."""
    runs: list[Run] = []
    while len(runs) < _TRIES and (not runs or (runs[-1].foreign or 0.0) > _DISTURBED):
        _await_calm(cores)
        runs.append(once(job, cores, width, seconds))
    return min(runs, key=lambda run: run.foreign or 0.0)


def _await_calm(cores: Cores) -> None:
    """Wait, at most a second, until both cores idle: for others, and for what the last run left to do."""
    for _ in range(5):
        before = [cost.core_seconds(core) for core in (cores.server, cores.load)]
        time.sleep(0.2)
        busy = [cost.core_seconds(core) - was for core, was in zip((cores.server, cores.load), before, strict=True)]
        if max(busy) <= 0.2 * _CALM:
            return


def middle(values: Sequence[float]) -> tuple[float, float]:
    """The median and half of the spread."""
    return statistics.median(values), (max(values) - min(values)) / 2
