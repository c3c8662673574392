"""How fast, how big and how soon: `python -m tools.bench`.

The real server runs on one core with a database of its own, the requests come from another. Beside it runs a bare WSGI
"hello" under the same waitress: the floor that CPU is compared with, in the same round. Read ratios, not absolutes.

A peer that speaks the same API can be measured in the same rounds. Start it by hand, on the same core, with twenty
sessions of which the oldest has 10,000 messages and with its rate limits off:

    taskset -c 0 <command of the peer> &
    python -m tools.bench --peer-url http://127.0.0.1:27850 --peer-header "X-API-Key: ..." --peer-pid $!
"""

import argparse
import contextlib
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from tools.bench import cost, flow, report, rounds, scenarios, seeding, server


def main() -> int:
    """Measure, print, and say 1 when the server did not do what was asked."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped too
    wanted = _arguments()
    if wanted.engine == "whatsmeow":
        from tools.bench import real  # noqa: PLC0415 - needs neonize, and what the double is made of

        return real.main(wanted.sessions)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            rows, footprint, figures = _measure(wanted, Path(folder))
    except (server.Failed, OSError) as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    found = [*report.goals(rows, footprint), *flow.goals(figures)]
    print(
        report.machine(),
        report.table(rows),
        flow.lines(figures),
        report.caution(rows),
        report.size(footprint),
        report.verdict(found),
        sep="\n\n",
    )
    if wanted.json:
        wanted.json.write_text(report.as_json(rows, footprint, found, figures))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("tools.bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--engine", choices=["simulator", "whatsmeow"], default="simulator", help="whatsmeow: only that"
    )
    parser.add_argument("--sessions", type=int, default=50, help="most sessions of the real engine (50)")
    parser.add_argument("--quick", action="store_true", help="a rough figure in half a minute")
    parser.add_argument(
        "--only", type=lambda names: names.split(","), help=", ".join([*(s.name for s in scenarios.SCENARIOS), "flow"])
    )
    parser.add_argument("--seconds", type=float, help="of each run (1)")
    parser.add_argument("--repeats", type=int, help="rounds (5)")
    parser.add_argument("--connections", type=lambda text: [int(n) for n in text.split(",")], help="1,8,64")
    parser.add_argument("--starts", type=int, help="how often the start is timed (5)")
    parser.add_argument("--serve", type=shlex.split, default=list(server.SERVE), help="the server's command")
    parser.add_argument("--json", type=Path, help="write every run there")
    parser.add_argument("--peer-url", type=urlsplit)
    parser.add_argument("--peer-header", action="append", default=[], help='"Name: value"; may be repeated')
    parser.add_argument("--peer-pid", type=int, help="reads its CPU and pins it to the server's core")
    wanted = parser.parse_args()
    usual = (0.5, 3, [8], 3) if wanted.quick else (1.0, 5, [1, 8, 64], 5)
    for name, value in zip(("seconds", "repeats", "connections", "starts"), usual, strict=True):
        if getattr(wanted, name) is None:
            setattr(wanted, name, value)
    return wanted


def _measure(wanted: argparse.Namespace, folder: Path) -> tuple[list[rounds.Row], report.Footprint, list[flow.Figure]]:
    cores = server.Cores.available()
    gateway, data = server.gateway(folder, wanted.serve), folder / "data"
    with gateway.running(cores.server) as (target, first_start):
        places = seeding.seed(target, data)
    checked = {how: server.checking(folder, wanted.serve, how) for how in ("sample", "all") if _lists(wanted)}
    starts = []
    for _ in range(wanted.starts - 1):
        with gateway.running(cores.server) as (_, seconds):
            starts.append(seconds)
    with contextlib.ExitStack() as stack:
        target, seconds = stack.enter_context(gateway.running(cores.server))
        starts.append(seconds)
        time.sleep(1 if wanted.quick else 5)
        idle = cost.memory(cost.tree(target.pid or 0))
        seeding.link(target, places)
        checking = {how: stack.enter_context(one.running(cores.server))[0] for how, one in checked.items()}
        hello, _ = stack.enter_context(server.hello(folder).running(cores.server))
        floor = rounds.Job("hello", hello, [hello.request("GET", "/")], 200)
        jobs = _jobs(wanted, target, places, checking, _peer(wanted, cores))
        with server.on(cores.load):
            rows = rounds.measure(
                jobs, floor, cores, widths=wanted.connections, seconds=wanted.seconds, repeats=wanted.repeats
            )
            figures = [] if wanted.only and "flow" not in wanted.only else flow.measure(target, places["linked"], data)
        loaded = cost.memory(cost.tree(target.pid or 0))
    return rows, report.Footprint(first_start, starts, idle, loaded), figures


def _peer(wanted: argparse.Namespace, cores: server.Cores) -> server.Target | None:
    if wanted.peer_url is None:
        return None
    if wanted.peer_pid:
        cost.pin(wanted.peer_pid, cores.server)
    headers = dict(header.split(": ", 1) for header in wanted.peer_header)
    return server.Target("peer", (wanted.peer_url.hostname, wanted.peer_url.port or 80), headers, wanted.peer_pid)


def _lists(wanted: argparse.Namespace) -> bool:
    return not wanted.only or scenarios.CHECKED in wanted.only


def _jobs(
    wanted: argparse.Namespace,
    target: server.Target,
    places: dict[str, str],
    checking: dict[str, server.Target],
    peer: server.Target | None,
) -> list[rounds.Job]:
    """Ours and, right after it, that with CONTRACT_CHECK and the peer's, scenario by scenario."""
    theirs = seeding.seed_peer(peer) if peer else {}
    jobs = []
    for scenario in scenarios.SCENARIOS:
        if wanted.only and scenario.name not in wanted.only:
            continue
        jobs.append(rounds.Job(scenario.name, target, scenario.requests(target, places), scenario.status))
        for how, one in checking.items() if scenario.name == scenarios.CHECKED else ():
            requests = scenario.requests(one, places)
            jobs.append(rounds.Job(f"{scenario.name}, check {how}", one, requests, scenario.status))
        if peer and scenario.peer:
            jobs.append(rounds.Job(scenario.name, peer, scenario.requests(peer, theirs), scenario.status))
    return jobs


if __name__ == "__main__":
    sys.exit(main())
