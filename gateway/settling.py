"""What becomes of a delivery and of its endpoint after a try: written down in one transaction for a whole batch."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gateway import retries
from gateway.retries import Made, Rules
from handlers import happenings
from storage import deliveries, events, lanes, webhooks
from storage.db import Tx
from storage.deliveries import Failed

log = logging.getLogger("openwa.delivery")
_REJOIN = 1_000


class Run(NamedTuple):
    """What one worker does in one go: deliveries of some leased lanes of one endpoint, in order."""

    hook: Any
    lanes: tuple[int, ...]
    parcels: tuple[Any, ...]


class Done(NamedTuple):
    """A run with the attempts that were made in it."""

    run: Run
    tried: tuple[tuple[Any, Made], ...]


def settle(tx: Tx, batch: Sequence[Done], rules: Rules, lease: str, chance: Callable[[], float], now: int) -> bool:
    """Note every attempt, move deliveries and endpoints on, give the lanes back; whether a webhook was disabled."""
    hooks = webhooks.health(tx, sorted({done.run.hook.id for done in batch}))
    known = [done for done in batch if done.run.hook.id in hooks]  # a deleted webhook took all of its own along
    made_by = {
        hook_id: [made for done in known if done.run.hook.id == hook_id for _, made in done.tried] for hook_id in hooks
    }
    judged = {hook.id: _judge(tx, hook, made_by[hook.id], rules, chance, now) for hook in hooks.values()}
    tried = [(done.run.hook, parcel, made) for done in known for parcel, made in done.tried]
    there = deliveries.mark_done(tx, [parcel.row for _, parcel, made in tried if made.ok], now)
    failed = [
        Failed(parcel.row, *retries.again(rules, hook.retry_count, parcel, made, chance(), now))
        for hook, parcel, made in tried
        if not made.ok
    ]
    there |= deliveries.mark_failed(tx, failed, now)
    deliveries.record(tx, [_attempt(parcel, made) for _, parcel, made in tried if parcel.row in there])
    for hook_id, said in judged.items():
        if said == "recovered":
            lanes.rejoin(tx, hook_id, now, _REJOIN)
    lanes.release(tx, [row for done in known for row in done.run.lanes], lease)
    return "disabled" in judged.values()


def _judge(tx: Tx, hook: Any, attempts: Iterable[Made], rules: Rules, chance: Callable[[], float], now: int) -> str:
    """Note how the endpoint is doing now, with the event where it is disabled for it: before any lane is locked."""
    state = {"failures": hook.failures, "failing_since": hook.failing_since, "paused_until": hook.paused_until}
    changes: dict[str, Any] = {}
    for made in sorted(attempts, key=lambda made: made.at):
        one = retries.health(rules, state, made, chance(), now)
        state |= {name: value for name, value in one.items() if name in state}
        changes |= one
    if changes:
        webhooks.note(tx, hook.id, changes)
    if hook.active and changes.get("active") is False:
        log.warning("webhook %s is disabled: %s", hook.id, changes["disabled_reason"])
        said = happenings.webhook_disabled(hook.session_id, hook.id, hook.url, changes["disabled_reason"], now)
        events.append(tx, hook.session_id, [said], now)
        return "disabled"
    return "recovered" if hook.failures and not state["failures"] else ""


def _attempt(parcel: Any, made: Made) -> dict[str, Any]:
    return {
        "delivery_row": parcel.row, "at": made.at, "duration": made.duration, "status_code": made.status,
        "error": made.error, "response": made.response,
    }  # fmt: skip
