"""What is forgotten in time: old events, idempotency keys of yesterday, receipts that nothing was sent for."""

from storage import events, idempotency, sends
from storage.db import Database

EVERY = 600.0  # seconds between turns
_BATCH = 1_000  # events per transaction, so that no other writer waits long
_DAY = 86_400_000


def turn(db: Database, now: int, days: int) -> int:
    """Forget events more than `days` old at `now` (epoch milliseconds), 0 for none; of the rest what is a day old."""
    with db.write() as tx:
        idempotency.prune(tx, now - _DAY)
        sends.prune_early(tx, now - _DAY)
    forgotten, batch = 0, _BATCH if days else 0
    while batch == _BATCH:
        with db.write() as tx:
            batch = events.prune(tx, now - days * _DAY, _BATCH)
        forgotten += batch
    return forgotten
