"""The delivery loop: claims lanes, posts what stands in them, writes down what came of it, in batches.

One dispatcher thread speaks to the database; workers only to the network. Each endpoint has a queue and a share of
the workers of its own: one that fails or is slow is given one or two, and whoever takes longer than a second no longer
counts against the others. What was answered with 2xx is written down before anything else is claimed, and kept until
that has worked: it is never posted again by this process.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from gateway import retries, settling, signing
from gateway.outbound import Outbound, Unreachable
from gateway.retries import Made, Rules
from gateway.settling import Done, Run
from gateway.ssrf import Blocked
from gateway.workers import Workers
from storage import Unavailable, deliveries, lanes
from storage.db import Database, Tx

log = logging.getLogger("openwa.delivery")
_POLL = 1.0  # seconds; a wake-up is never needed, it only comes sooner
_SLOW = 1.0  # seconds after which a run no longer counts as busy
_RUN_SECONDS = 5.0  # after which a worker begins nothing more of its run
_RUN_AIM, _RUN_MOST = 0.25, 100  # seconds that a run should last, and deliveries in it
_LANES_MOST = 16  # lanes for one worker at once
_KEEP = 512  # bytes of an answer
_TIDY_EVERY, _TIDY_MOST = 60_000, 1_000


class Delivery:
    """Webhook deliveries of one gateway."""

    def __init__(
        self,
        db: Database,
        outbound: Outbound,
        now: Callable[[], int],
        rules: Rules,
        *,
        timeout: float = 10.0,
        workers: int = 16,
        guarded: bool = True,
        retention: int = 14 * 24 * retries.HOUR,
        chance: Callable[[], float] = random.random,
        noted: Callable[[Made], None] = lambda _: None,
        posting: Callable[[bytes], None] = lambda _: None,
        enclose: Callable[[Any], str] = lambda parcel: str(parcel.data),
    ) -> None:
        """`timeout` is in seconds, `retention` (how long ended deliveries are kept) in milliseconds.

        In whichever thread makes an attempt: `enclose` makes its payload, `posting` gets the body, `noted` what came.
        """
        self._db = db
        self._outbound = outbound
        self._now = now
        self._rules = rules
        self._timeout = timeout
        self._guarded = guarded
        self._retention = retention
        self._chance = chance
        self._noted = noted
        self._posting = posting
        self._enclose = enclose
        self._lease = str(uuid4())
        self._lease_for = int((_RUN_SECONDS + 2 * timeout + 20) * 1000)
        self._workers = Workers(workers, slow=_SLOW)
        self._done: list[Done] = []
        self._pace: dict[str, float] = {}  # seconds an answer of this endpoint takes
        self._tidied = 0
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._loop = threading.Thread(target=self._run, name="delivery", daemon=True)

    # --- for requests ----------------------------------------------------------------------------

    def wake(self) -> None:
        """Deliveries were committed."""
        self._due.set()

    def check(self, url: str) -> None:
        """Whether webhooks may go there. Raises Blocked."""
        self._outbound.check(url, guarded=self._guarded)

    def ping(self, hook: Any, now: int) -> Made:
        """Post an event `test`, once; nothing is stored."""
        return self.attempt(hook, signing.test_parcel(hook, now))

    def attempt(self, hook: Any, parcel: Any) -> Made:
        """Post one delivery, once."""
        at, began = self._now(), time.monotonic()
        payload = signing.body(parcel, self._enclose(parcel))
        self._posting(payload)
        status, error, response, asked = None, None, None, None
        try:
            answer = self._outbound.post(
                hook.url, payload, signing.headers(hook, parcel, payload, at), self._timeout,
                keep=_KEEP, guarded=self._guarded,
            )  # fmt: skip
            status, response = (
                answer.status,
                answer.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
            )
            asked = retries.asked(answer.headers.get("Retry-After"), at)
        except (Blocked, Unreachable) as problem:
            error = str(problem)
        except Exception:  # a bug must not stop the queue
            log.exception("delivery %s was not posted", parcel.id)
            error = "The gateway could not post it"
        return Made(at, int((time.monotonic() - began) * 1000), status, error, response, asked)

    # --- the loop --------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up what a dead process held, and deliver from now on."""
        with self._db.write() as tx:
            lanes.recover(tx, self._now())
        self._loop.start()

    def stop(self, grace: float) -> None:
        """Begin nothing more; wait up to `grace` seconds for what is under way, and write it down."""
        self._stopping.set()
        self._due.set()
        if self._loop.is_alive():
            self._loop.join()
        self._workers.stop(grace)
        self._done.extend(self._workers.finished())
        try:
            self._step(self._now())
        except Unavailable:
            log.warning("%d runs were made and could not be written down", len(self._done))

    def turn(self, now: int) -> int:
        """Deliver in this thread all that is due at `now`; how many attempts were made."""
        made = 0
        while runs := self._step(now):
            self._done.extend(self._work(run) for run in runs)
            made += sum(len(done.tried) for done in self._done)
        self._tidy(now)
        return made

    def _run(self) -> None:
        self._db.spare_disk()
        while not self._stopping.is_set():
            self._due.wait(_POLL)
            self._due.clear()
            try:
                self._done.extend(self._workers.finished())
                for run in self._step(self._now()):
                    self._workers.submit(run.hook.id, lambda run=run: self._work(run), self._due.set)  # type: ignore[misc]
                self._tidy(self._now())
            except Unavailable:
                log.warning("the database does not answer")
                self._stopping.wait(_POLL)
            except Exception:
                log.exception("a turn of the delivery loop failed")
                self._stopping.wait(_POLL)

    def _step(self, now: int) -> list[Run]:
        """Write down what came back and lease what is to be done next, in one transaction."""
        batch = list(self._done)
        if not batch:
            with self._db.read() as tx:
                if not self._wanting(tx, now):
                    return []
        with self._db.write() as tx:
            disabled = settling.settle(tx, batch, self._rules, self._lease, self._chance, now) if batch else False
            self._note_pace(batch)
            runs = self._claim(tx, now)
        del self._done[: len(batch)]
        if disabled:
            self._due.set()
        return runs

    def _wanting(self, tx: Tx, now: int) -> list[Any]:
        """Endpoints that have something due and may have another worker, those with the fewest under way first."""
        if self._stopping.is_set() or self._workers.room() <= 0:
            return []
        busy = self._workers.busy()
        hooks = [hook for hook in lanes.ready(tx, now) if self._share(hook) > busy[hook.id]]
        return sorted(hooks, key=lambda hook: busy[hook.id])

    def _claim(self, tx: Tx, now: int) -> list[Run]:
        """Lease lanes as far as there are workers."""
        hooks, room, busy = self._wanting(tx, now), self._workers.room(), self._workers.busy()
        runs: list[Run] = []
        for n, hook in enumerate(hooks):
            if room <= 0:
                break
            workers = min(self._share(hook) - busy[hook.id], max(1, room // (len(hooks) - n)))
            made = self._lease_runs(tx, hook, workers, now)
            room -= len(made)
            runs.extend(made)
        return runs

    def _lease_runs(self, tx: Tx, hook: Any, workers: int, now: int) -> list[Run]:
        """Lanes of one endpoint, shared out among some workers: a quarter of a second's work for each."""
        much = (
            1 if hook.failures else max(1, min(_RUN_MOST, int(_RUN_AIM / max(self._pace.get(hook.id, _SLOW), 0.001))))
        )
        rows = lanes.claim(tx, hook.id, now, now + self._lease_for, self._lease, workers * min(much, _LANES_MOST))
        each = max(1, much * workers // max(1, len(rows)))
        found = lanes.parcels(tx, rows, each)
        due = {row: tuple(_until_late(found.get(row, ()), now)) for row in rows}
        lanes.release(tx, [row for row, parcels in due.items() if not parcels], self._lease)
        leased = [row for row in rows if due[row]]
        parts = [leased[n::workers] for n in range(min(workers, len(leased)))]
        return [Run(hook, tuple(part), tuple(parcel for row in part for parcel in due[row])) for part in parts]

    def _share(self, hook: Any) -> int:
        """How many workers an endpoint may have: few until it is known to answer quickly, one while it fails."""
        if hook.failures:
            return 1
        return 2 if self._pace.get(hook.id, _SLOW) >= _SLOW else max(1, self._workers.most // 2)

    def _work(self, run: Run) -> Done:
        """Post a run's deliveries in order. A lane where one fails is left; all, where the endpoint is in trouble."""
        made: list[tuple[Any, Made]] = []
        end = time.monotonic() + _RUN_SECONDS
        left: set[int] = set()
        for parcel in run.parcels:
            if self._stopping.is_set() or time.monotonic() > end:
                break
            if parcel.lane_row in left:
                continue
            one = self.attempt(run.hook, parcel)
            made.append((parcel, one))
            self._noted(one)
            if not one.ok:
                left.add(parcel.lane_row)
                if one.overloaded or one.gone or run.hook.failures:
                    break
        return Done(run, tuple(made))

    def _note_pace(self, batch: Iterable[Done]) -> None:
        for run, tried in batch:
            for _, made in tried:
                before = self._pace.get(run.hook.id, made.duration / 1000)
                self._pace[run.hook.id] = 0.7 * before + 0.3 * made.duration / 1000

    def _tidy(self, now: int) -> None:
        """Once a minute: give up what is beyond the horizon, forget what ended long ago."""
        if now - self._tidied < _TIDY_EVERY:
            return
        with self._db.write() as tx:
            over = deliveries.expire(tx, now - self._rules.horizon, now, _TIDY_MOST)
            over += deliveries.prune(tx, now - self._retention, _TIDY_MOST)
        if over < _TIDY_MOST:
            self._tidied = now


def _until_late(parcels: Iterable[Any], now: int) -> Iterable[Any]:
    for parcel in parcels:
        if parcel.next_at > now:
            return
        yield parcel
