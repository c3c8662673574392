"""`python -m tools.fuzz`: schemathesis against the real server, over every operation, with seeded data.

Rounds side by side, each with a gateway of its own: the boundaries of everything on SQLite, the same every time, shared
out by operation, and what chance brings, with a fresh seed, on PostgreSQL. On both the document's links are followed.
Any option makes it one round, with every phase.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from gateway.document import bundle
from tools.faults.server import databases
from tools.fuzz_seed import seed
from tools.stage import KEY, METRICS, Gateway, serving, taking

HERE = Path(__file__).parent
_NEVER = {  # operations that nothing can make succeed, with the reason
    "infra.update_config": "the configuration is read from the environment, once",
    "settings.update": "the configuration is read from the environment, once",
}
_CHANCE = 3  # operations that a run may miss by chance: told, but no finding; a hole in what is seeded is dozens
_LAST = "infra.import_data"  # puts what it is given in the place of everything that is there
_CLOSING = re.compile(r"^=+ (.*) in [\d.]+s =+$", re.MULTILINE)


class Round(NamedTuple):
    """One run of schemathesis against a gateway of its own. `minutes` 0 ends when all is done.

    `operation` is the only one, `part` a regular expression of the operationIds that are its share.
    """

    seed: int
    database: str
    phases: str = "examples,coverage,fuzzing,stateful"
    examples: int = 10
    minutes: int = 0
    operation: str = ""
    part: str = ""

    def again(self, operation: str = "") -> str:
        """The command that makes the same requests again, for one operation or all."""
        only = operation or self.operation
        long = f" --minutes {self.minutes}" if self.minutes and not only else ""
        command = f"python -m tools.fuzz --seed {self.seed} --database {self.database} --examples {self.examples}"
        return command + long + (f" --operation {only}" if only else "")


class Seen(NamedTuple):
    """What a round did. Operations go by method and path, `POST /sessions`; `faults` are errors the gateway logged."""

    output: str
    requests: int
    tried: set[str]
    succeeded: set[str]
    failed: set[str]
    faults: list[str]
    crashed: bool


def run(one: Round) -> Seen:
    """Make a gateway, put something into it and let schemathesis loose on it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openwa-fuzz-")))
        url = next(stack.enter_context(databases(one.database))).format(folder=folder)
        gateway = stack.enter_context(serving(folder, SIMULATOR_LINK_AFTER="3600000", DATABASE_URL=url))
        for name, values in seed(gateway, stack.enter_context(taking()).url).items():
            (folder / name).write_text("\n".join(map(json.dumps, values)))
        if one.operation:
            runs = [_schemathesis(one, gateway, folder, "--include-operation-id", one.operation)]
        else:
            share = ("--include-operation-id-regex", one.part) if one.part else ()
            runs = [_schemathesis(one, gateway, folder, *share, "--exclude-operation-id", _LAST)]
            if re.search(one.part, _LAST) and one.phases != "stateful":
                runs.append(_schemathesis(one, gateway, folder, "--include-operation-id", _LAST))
        return _added(runs, gateway.faults())


def _schemathesis(one: Round, gateway: Gateway, folder: Path, *which: str) -> Seen:
    rules = shutil.copy(HERE / "fuzz.toml", folder)  # beside the dictionaries that it names
    (folder / "openapi.json").write_text(json.dumps(bundle()))  # an operation that it is loaded from is not fuzzed
    report = folder / "events.ndjson"
    report.unlink(missing_ok=True)
    single = which[0] == "--include-operation-id"
    phases = one.phases.replace(",stateful", "") if single else one.phases
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(rules), "run",
        "openapi.json", "--url", gateway.url, "--checks", "all", "--mode", "all", "--phases", phases,
        "--max-examples", str(one.examples), "--seed", str(one.seed), "--report-ndjson-path", "events.ndjson",
        *(["--max-time", str(one.minutes * 60)] if one.minutes else []), *which,
    ]  # fmt: skip
    environ = {**os.environ, "FUZZ_KEY": KEY, "FUZZ_METRICS_TOKEN": METRICS, "PYTHONPATH": str(HERE.parent)}
    ended = subprocess.run(
        command, env=environ, cwd=folder, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return _seen(ended, report.read_text().splitlines() if report.exists() else [])


def _added(seen: list[Seen], faults: list[str]) -> Seen:
    """What the runs of one round did together."""
    worst = next((one for one in seen if one.failed or one.crashed), seen[0])
    tried, succeeded, failed = (
        set[str]().union(*(getattr(s, n) for s in seen)) for n in ("tried", "succeeded", "failed")
    )
    requests, crashed = sum(one.requests for one in seen), any(one.crashed for one in seen)
    return Seen(worst.output, requests, tried, succeeded, failed, faults, crashed)


def _seen(ended: subprocess.CompletedProcess[str], events: list[str]) -> Seen:
    requests, failed, succeeded, tried = 0, set[str](), set[str](), set[str]()
    for line in events:
        ((kind, event),) = json.loads(line).items()
        if kind == "NonFatalError":
            failed.add(event["label"])
        if kind != "ScenarioFinished":
            continue
        recorder = event["recorder"]
        answers = recorder.get("interactions", {})
        requests += len(answers)
        for case_id, case in recorder.get("cases", {}).items():
            name = f"{case['value']['method']} {case['value']['path']}"
            answer = answers.get(case_id, {}).get("response") or {}
            tried.add(name)
            succeeded |= {name} if 200 <= answer.get("status_code", 0) < 300 else set()
        failed |= {recorder["label"]} if event["status"] in ("failure", "error") else set()
    # schemathesis' closing line looks like pytest's, and whoever counts tests would count it
    output = _CLOSING.sub(r"\1", ended.stdout)
    return Seen(output, requests, tried, succeeded, failed, [], ended.returncode != 0 and not failed)


def _documented() -> dict[str, str]:
    """The operationIds by method and path."""
    paths = bundle()["paths"].items()
    return {f"{method.upper()} {path}": one["operationId"] for path, item in paths for method, one in item.items()}


def _tell(rounds: list[Round], seen: list[Seen], seconds: float) -> int:
    """Say with what was fuzzed, what never succeeded, and how to see each finding again; how many there are."""
    known = _documented()
    tried, succeeded, failed = (
        set[str]().union(*(getattr(s, n) for s in seen)) for n in ("tried", "succeeded", "failed")
    )
    findings = 0
    for one, what in zip(rounds, seen, strict=True):
        print(what.output if what.failed or what.crashed else _summary(what.output))
        print(*what.faults[:5], sep="\n")
        for name in sorted(what.failed):
            print(f"To see {name} again: {one.again(known.get(name, ''))}")
        if what.crashed or (what.faults and not what.failed):
            print(f"To see it again: {one.again()}")
        findings += len(what.faults) + what.crashed
    never = sorted((tried & known.keys()) - succeeded)
    if not any(one.operation for one in rounds):
        untried = sorted(known.keys() - tried)
        print(f"Operations that were not tried: {', '.join(untried) or 'none'}")
        findings += 0 if any(one.minutes for one in rounds) else len(untried)
        unexpected = [known[name] for name in never if known[name] not in _NEVER]
        print(f"Operations that should have succeeded once, and never did: {', '.join(unexpected) or 'none'}")
        findings += len(unexpected) if len(unexpected) > _CHANCE else 0
    findings += len(failed)
    print(
        f"fuzz: seeds {', '.join(dict.fromkeys(f'{one.seed} ({one.database})' for one in rounds))}; "
        f"{sum(what.requests for what in seen)} requests, {len(tried & known.keys())} of {len(known)} operations; "
        f"{len((tried - failed) & known.keys())} passed, {findings} failed in {seconds:.0f} s"
    )
    return findings


def _summary(output: str) -> str:
    """The part of schemathesis' report that a round without findings is worth."""
    return output[output.rfind("\nTest Phases:") :].strip()


def main(arguments: list[str]) -> int:
    """Fuzz, and say with what and what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, help="the same seed makes the same requests; a fresh one unless given")
    parser.add_argument("--database", choices=["sqlite", "postgres"])
    parser.add_argument("--examples", type=int, help="random requests per operation and phase")
    parser.add_argument("--minutes", type=int, help="go on for so long")
    parser.add_argument("--operation", help="only this operationId")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    fresh = secrets.randbelow(2**31)
    rounds = [
        Round(1, "sqlite", "examples,coverage", examples=8, part="^[a-m]"),
        Round(1, "sqlite", "examples,coverage", examples=8, part="^[n-z]"),
        Round(1, "sqlite", "stateful", examples=8),
        Round(fresh, "postgres", "fuzzing,stateful", examples=8),
    ]
    if given:
        rounds = [Round(**{"seed": fresh, "database": "sqlite", **given})]
    print(f"Fuzzing with {' and '.join(dict.fromkeys(one.again() for one in rounds))}", flush=True)
    begin = time.monotonic()
    with ThreadPoolExecutor(len(rounds)) as pool:
        seen = list(pool.map(run, rounds))
    return int(_tell(rounds, seen, time.monotonic() - begin) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
