"""What is forgotten in time: old events, sends and audit lines, yesterday's idempotency keys, receipts of nothing."""

from collections.abc import Callable

from storage import audit, batches, events, idempotency, sends
from storage.db import Database, Tx

EVERY = 600.0  # seconds between turns
_BATCH = 1_000  # rows per transaction, so that no other writer waits long
_DAY = 86_400_000


def turn(db: Database, now: int, days: int, audit_days: int) -> int:
    """Forget events with sends, and audit lines, so old at `now` (epoch milliseconds), 0 for none; how many events.

    Of the rest, what is a day old.
    """
    with db.write() as tx:
        idempotency.prune(tx, now - _DAY)
        sends.prune_early(tx, now - _DAY)
    _forget(db, audit.prune, now, audit_days)
    _forget(db, batches.prune, now, days)
    _forget(db, sends.prune, now, days)
    return _forget(db, events.prune, now, days)


def _forget(db: Database, prune: Callable[[Tx, int, int], int], now: int, days: int) -> int:
    forgotten, batch = 0, _BATCH if days else 0
    while batch == _BATCH:
        with db.write() as tx:
            batch = prune(tx, now - days * _DAY, _BATCH)
        forgotten += batch
    return forgotten
