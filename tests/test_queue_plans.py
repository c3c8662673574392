"""What the loops ask again and again is answered from an index of what is open, however much was sent before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import batches, migrate, sends
from storage.db import Database, Tx
from tests.support import statements

LANE = sends.Lane("session", "chat")


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda tx: sends.claim(tx, LANE, 1), "ix_sends_lane"),
        (lambda tx: sends.due_lanes(tx, 1, 10), "ix_sends_due"),
        (sends.open_counts, "ix_sends_lane"),
        (lambda tx: sends.take_expired(tx, 1, 10), "ix_sends_expires"),
        (sends.left_sending, "ix_sends_lane"),
        (lambda tx: batches.agenda(tx, 10), "ix_batches_open"),
    ],
)
def test_open_rows_are_found_by_their_index(work: Callable[[Tx], Any], index: str, tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'plans.sqlite'}")
    migrate.upgrade(db)
    with db.write() as tx:
        with statements(db) as asked:
            work(tx)
        statement, values = asked[-1]
        plan = [row.detail for row in tx.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)]
    db.close()

    assert [step for step in plan if index in step] != [], plan
    assert [step for step in plan if step in ("SCAN sends", "SCAN batches")] == []
