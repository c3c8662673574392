"""What a turn of the delivery loop costs does not depend on how much waits, or was done."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from storage import deliveries
from storage.db import Database
from tests.delivery_stage import Stage
from tests.support import statements

MANY = 100_000
SERIES = {
    True: "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {0})",
    False: "WITH series AS (SELECT generate_series(1, {0}) AS n)",
}
SCAN = re.compile(r"SCAN (?!.*USING)|Seq Scan on (?:deliveries|lanes|attempts)")


@pytest.fixture
def big(stage: Stage) -> tuple[Stage, str]:
    """An endpoint with a hundred thousand deliveries: some done, some waiting in one chat, some in a chat each."""
    hook = stage.hook()
    stage.happen("1@c.us")
    for first, lane, state in ((1, "'done'", "done"), (2, "'busy'", "pending"), (3, "'chat ' || n", "pending")):
        _fill(stage, hook, first * MANY * 10, lane, state, MANY // 3)
    with stage.db.write() as tx:
        tx.execute(
            text(
                "INSERT INTO lanes (webhook_id, lane, aside, ready_at) SELECT DISTINCT webhook_id, lane, false, next_at"
                " FROM deliveries WHERE state = 'pending' AND lane <> '1@c.us'"
            )
        )
        if not stage.db.is_sqlite:  # which keeps statistics by itself; with none it walks indexes only by guess
            tx.execute(text("ANALYZE"))
    return stage, hook


def test_every_statement_walks_an_index(big: tuple[Stage, str]) -> None:
    """Those of a turn, and those of every list."""
    stage, hook = big
    with statements(stage.db) as seen:
        for _ in range(2):
            stage.delivery._done.extend(stage.delivery._work(run) for run in stage.delivery._step(stage.now))  # noqa: SLF001
        stage.delivery._tidy(stage.now)  # noqa: SLF001
        with stage.db.read() as tx:
            for state in (None, "pending", "done", "dead"):
                deliveries.page(tx, hook, state, 50, 0)
            deliveries.dead(tx, [], 50, 0)
            deliveries.failures(tx, hook, 50)

    assert len(seen) > 15
    asked = [(said, values) for said, values in seen if said.startswith(("SELECT", "UPDATE", "DELETE"))]
    plans = [plan for statement, values in asked for plan in _scans(stage.db, statement, values)]
    assert plans == [], "\n\n".join(plans)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_turn_costs_the_same_with_a_hundred_thousand_waiting(stage: Stage) -> None:
    """Counted in SQLite's own steps, so that a busy machine changes nothing."""
    hook = stage.hook()
    costs = []
    for size in (100, MANY):
        with stage.db.write() as tx:
            tx.execute(text("DELETE FROM deliveries"))
            tx.execute(text("DELETE FROM lanes"))
        stage.happen(*[f"{n}@c.us" for n in range(40)])
        _fill(stage, hook, size * 10, "'0@c.us'", "pending", size)
        _fill(stage, hook, size * 100, "'done'", "done", size)
        stage.now += 1
        stage.delivery._pace[hook] = 0.01  # noqa: SLF001 - as quick as it was in the round before
        costs.append(_steps(stage))

    assert costs[1] < costs[0] * 1.1, costs


def _fill(stage: Stage, hook: str, first: int, lane: str, state: str, number: int) -> None:
    """Deliveries of the first event, without their events being many: the queue is what is looked at."""
    ended = stage.now if state == "done" else "NULL"
    columns = "id, webhook_id, event_cursor, lane, state, attempts, next_at, queued_at, created_at, finished_at"
    values = (
        f"'dlv_' || ({first} + n), '{hook}', 1, {lane}, '{state}', 0, {stage.now}, {stage.now}, {stage.now}, {ended}"
    )
    series = SERIES[stage.db.is_sqlite].format(number)
    with stage.db.write() as tx:
        insert = f"INSERT INTO deliveries ({columns}) {series} SELECT {values} FROM series"  # noqa: S608
        tx.execute(text(insert))


def _steps(stage: Stage) -> int:
    count = [0]

    def more() -> int:
        count[0] += 1
        return 0

    for role in (stage.db.read, stage.db.write):
        with role() as tx:
            tx.connection.driver_connection.set_progress_handler(more, 100)
    done = [stage.delivery._work(run) for run in stage.delivery._step(stage.now)]  # noqa: SLF001
    stage.delivery._stopping.set()  # noqa: SLF001 - write down, claim no more
    stage.delivery._done.extend(done)  # noqa: SLF001
    stage.delivery._step(stage.now)  # noqa: SLF001
    stage.delivery._stopping.clear()  # noqa: SLF001
    return count[0]


def _scans(db: Database, statement: str, values: Any) -> list[str]:
    """The lines of the plan that read a whole table, with the statement."""
    explain = "EXPLAIN QUERY PLAN " if db.is_sqlite else "EXPLAIN "
    with db.read() as tx:
        lines = [str(row[-1]) for row in tx.exec_driver_sql(explain + statement, values)]
    return [f"{line}: {statement}" for line in lines if SCAN.search(line) and "webhooks" not in line]
