"""What is forgotten in time: events that are older than anyone should need."""

from storage import events
from storage.db import Database

EVERY = 600.0  # seconds between turns
_BATCH = 1_000  # events per transaction, so that no other writer waits long
_DAY = 86_400_000


def turn(db: Database, now: int, days: int) -> int:
    """Forget the events that are more than `days` old at `now` (epoch milliseconds); how many. 0 days keeps all."""
    forgotten, batch = 0, _BATCH if days else 0
    while batch == _BATCH:
        with db.write() as tx:
            batch = events.prune(tx, now - days * _DAY, _BATCH)
        forgotten += batch
    return forgotten
