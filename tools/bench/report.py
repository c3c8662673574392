"""The figures as a person reads them, and as a program does."""

import dataclasses
import json
import math
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tools.bench.cost import Memory
from tools.bench.rounds import Row, middle
from tools.bench.scenarios import CHECKED_ALL, DURABLE, FLAT, SCENARIOS

_BUSY = 0.1
_START, _PSS, _P99 = 1.0, 87.0, 100.0  # seconds, MiB, milliseconds on the widest run


@dataclass(frozen=True)
class Footprint:
    """Seconds from exec to the first healthy answer, on an empty folder and then again; memory at rest and loaded."""

    first_start: float
    starts: Sequence[float]
    idle: Memory
    loaded: Memory


@dataclass(frozen=True)
class Goal:
    """One figure beside what it should be."""

    what: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def table(rows: Sequence[Row]) -> str:
    """Every row, medians with half of their spread."""
    head = ("server", "requests", "conns", "requests/s", "p50 ms", "p99 ms", "CPU µs", "x hello", "others %")
    return _aligned([head, *(_cells(row) for row in rows)])


def _cells(row: Row) -> tuple[str, ...]:
    foreign = [run.foreign for run in row.runs if run.foreign is not None]
    return (
        row.server,
        row.scenario,
        str(row.connections),
        _spread((run.rate for run in row.runs), 0),
        _spread((run.p50 for run in row.runs), 2),
        _spread((run.p99 for run in row.runs), 1),
        _spread((run.cpu or math.nan for run in row.runs), 0),
        _spread(row.ratios, 2),
        f"{max(foreign):.0%}".rstrip("%") if foreign else "-",
    )


def _spread(values: Iterable[float], digits: int) -> str:
    center, half = middle(list(values))
    return "-" if math.isnan(center) else f"{center:,.{digits}f} ±{half:,.{digits}f}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def goals(rows: Sequence[Row], footprint: Footprint | None) -> list[Goal]:
    """What the issues ask for and these rows can tell: CPU and rates where most connections are not yet a queue."""
    widths = sorted({row.connections for row in rows})
    usual, widest = widths[len(widths) // 2], widths[-1]
    at = {(row.server, row.scenario): row for row in rows if row.connections == usual}
    found = []
    for scenario in SCENARIOS:
        ours, theirs = at.get(("gateway", scenario.name)), at.get(("peer", scenario.name))
        if ours and scenario.target:
            found.append(Goal(f"{scenario.name}: CPU in hellos", statistics.median(ours.ratios), scenario.target))
        if ours and theirs and scenario.peer:
            beside = [a.rate / b.rate for a, b in zip(ours.runs, theirs.runs, strict=True)]
            found.append(
                Goal(f"{scenario.name}: times the peer's rate", statistics.median(beside), scenario.peer, at_least=True)
            )
    for big, small, bound in FLAT:
        if (one := at.get(("gateway", big))) and (other := at.get(("gateway", small))):
            grown = [a / b for a, b in zip(one.ratios, other.ratios, strict=True)]
            found.append(Goal(f"{big}: CPU beside {small}", statistics.median(grown), bound))
    slow = [
        statistics.median(run.p99 for run in row.runs)
        for row in rows
        if row.server == "gateway" and row.connections == widest and row.scenario not in {*DURABLE, CHECKED_ALL}
    ]
    if slow:
        found.append(Goal(f"slowest p99 of what sends nothing, on {widest} connections, ms", max(slow), _P99))
    if footprint:
        found.append(Goal("start to first healthy answer, s", statistics.median(footprint.starts), _START))
        found.append(Goal("idle memory, PSS MiB", footprint.idle.pss, _PSS))
    return found


def verdict(found: Sequence[Goal]) -> str:
    """The goals as lines."""
    lines = [("", "", "measured", "wanted")]
    lines += [
        (
            "ok  " if goal.met else "MISS",
            goal.what,
            f"{goal.value:.2f}",
            f"{'>=' if goal.at_least else '<='} {goal.bound:g}",
        )
        for goal in found
    ]
    return _aligned(lines)


def caution(rows: Sequence[Row]) -> str:
    """What to think of these figures where others used the server's core as well."""
    shares = [run.foreign for row in rows for run in row.runs if run.foreign is not None]
    if not shares or statistics.median(shares) <= _BUSY:
        return "The server had its core to itself."
    return (
        f"Others used {statistics.median(shares):.0%} of the server's core: rates, latencies and start are as much "
        "theirs as ours; a big program loses more to shared caches than a bare hello. Measure again on a calm machine."
    )


def size(footprint: Footprint) -> str:
    """Start-up and memory in words."""
    start, half = middle(footprint.starts)
    often, first = len(footprint.starts), footprint.first_start
    lines = [
        f"start to first healthy answer: {start:.2f} s ±{half:.2f} ({often} times); on an empty folder {first:.2f} s"
    ]
    for when, memory in (("at rest", footprint.idle), ("after the load", footprint.loaded)):
        lines.append(
            f"memory {when}: PSS {memory.pss:.0f} MiB, RSS {memory.rss:.0f} MiB, {memory.processes} process(es)"
        )
    return "\n".join(lines)


def machine() -> str:
    """What it ran on."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def as_json(
    rows: Sequence[Row], footprint: Footprint | None, found: Sequence[Goal], figures: Sequence[Any] = ()
) -> str:
    """Every run of every row, not only the medians."""
    everything: dict[str, Any] = {
        "machine": machine(),
        "rows": [dataclasses.asdict(row) for row in rows],
        "footprint": footprint
        and {"first_start": footprint.first_start, "starts": footprint.starts}
        | {"idle": footprint.idle._asdict(), "loaded": footprint.loaded._asdict()},
        "flow": [dataclasses.asdict(figure) for figure in figures],
        "goals": [dataclasses.asdict(goal) | {"met": goal.met} for goal in found],
    }
    return json.dumps(everything, indent=1)
