"""`python -m tools.faults`: kill a gateway that works, many times, and say whether anything was lost or doubled."""

import argparse
import random
import signal
import sys
import time

from tools.faults.nursery import Nursery
from tools.faults.run import Outcome, run
from tools.faults.server import databases


def main() -> int:
    """Run it and print what came out; 0 where nothing is wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped too
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how often to kill (1000)")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--engine", choices=["simulator", "whatsmeow"], default="simulator")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    parser.add_argument("--epoch", type=int, default=200, help="kills after which all is judged and begun anew (200)")
    parser.add_argument("--minutes", type=float, default=120, help="kill no more after so long (120)")
    parser.add_argument("--share", type=int, default=1, help="sessions of a whatsmeow worker (1)")
    args = parser.parse_args()
    if args.engine == "whatsmeow":
        return _real(args)
    again = f"python -m tools.faults --rounds {args.rounds} --database {args.database} --epoch {args.epoch}"
    print(f"seed {args.seed}; the same choices again: {again} --seed {args.seed}", flush=True)
    until, nursery = time.monotonic() + args.minutes * 60, Nursery()
    try:
        with databases(args.database) as urls:
            outcome = run(urls, args.rounds, args.seed, epoch=args.epoch, until=until, nursery=nursery, tell=_progress)
    finally:
        nursery.close()
    print(table(args.database, outcome))
    return 1 if outcome.problems else 0


def _real(args: argparse.Namespace) -> int:
    """The same with the real engine, its workers killed as well; needs neonize and what the double is made of."""
    from tools.faults import real  # noqa: PLC0415

    begun = time.monotonic()
    again = f"python -m tools.faults --engine whatsmeow --rounds {args.rounds} --share {args.share}"
    print(f"seed {args.seed}; the same choices again: {again} --seed {args.seed}", flush=True)
    story = real.run(args.rounds, args.seed, args.share, begun + args.minutes * 60, _progress)
    print(real.table(story, time.monotonic() - begun))
    return 1 if story.problems else 0


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def table(database: str, outcome: Outcome) -> str:
    """The figures, and what is wrong."""
    lines = [f"{outcome.kills} kills on {database} ({outcome.early} while it started) in {outcome.seconds:.0f} s"]
    lines += [f"  {name:<40} {number:>8}" for name, number in sorted(outcome.figures.items())]
    lines += [f"WRONG: {problem}" for problem in outcome.problems] or ["Nothing was lost, nothing came twice."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
