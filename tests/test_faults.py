"""A short run of the fault harness on both databases, and whether its judge sees what is wrong."""

import contextlib
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from storage import events as events_log
from storage.tables import events, messages, sends
from tests.support import Gateway
from tools.faults.ledger import Asked, Ledger
from tools.faults.nursery import Nursery
from tools.faults.receiver import Heard
from tools.faults.run import run
from tools.faults.server import postgres_databases
from tools.faults.verdict import Evidence, judge

ADA = "447700900006@c.us"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_gateway_killed_while_it_works_loses_and_doubles_nothing(
    database: str, nursery: Nursery, request: pytest.FixtureRequest
) -> None:
    if database == "sqlite":
        outcome = run(iter(["sqlite:///{folder}/openwa.sqlite"]), rounds=6, seed=7, nursery=nursery)
    else:
        with contextlib.closing(postgres_databases(request.getfixturevalue("postgres_server"))) as urls:
            outcome = run(urls, rounds=6, seed=7, nursery=nursery)

    assert outcome.problems == []
    assert outcome.kills == 6
    assert outcome.figures["sends sent"] > 0
    assert outcome.figures["written by contacts"] > 0


# --- the judge -----------------------------------------------------------------------------------


def _heard(gateway: Gateway, session: str, message_id: str) -> Heard:
    """Every event once, as the gateway would have told it."""
    heard = Heard()
    with gateway.program.db.read() as tx:
        heard.cursors = [row.cursor for row in events_log.page(tx, 0, 1000)]
    heard.messages[session, message_id].add("one id")
    return heard


@pytest.fixture
def evidence(gateway: Gateway, database_url: str, tmp_path: Path) -> Evidence:
    """What is known after one send and one message, both as they should be."""
    session = gateway.session(ready=True)
    answer = gateway.post(f"/sessions/{session}/messages/send-text", json={"chatId": ADA, "text": "sync-1 000001"})
    written = gateway.post(f"/simulator/sessions/{session}/messages", json={"from": ADA, "text": "Hello"})
    gateway.clock.advance(5)
    asked = Asked("sync", "sync-1 000001", session, ADA, "k", 201, 1, answer.json["messageId"])
    journal = tmp_path / "journal.jsonl"
    fields = {"kind": "MessageReceived", "id": written.json["messageId"]}
    journal.write_text(json.dumps(["in", session, 1, fields, None]) + "\ncut off")
    return Evidence(
        Ledger([asked], {session: {written.json["messageId"]}}),
        {ADA: gateway.get(f"/simulator/contacts/{ADA}/inbox").json},
        {session: gateway.get(f"/simulator/sessions/{session}").json},
        journal,
        database_url,
        _heard(gateway, session, written.json["messageId"]),
    )


def test_the_judge_finds_nothing_where_nothing_is_wrong(evidence: Evidence) -> None:
    assert judge(evidence).problems == []


def _lose(evidence: Evidence) -> None:
    evidence.inboxes[ADA].clear()


def _double(evidence: Evidence) -> None:
    evidence.inboxes[ADA].append(deepcopy(evidence.inboxes[ADA][0]))


def _forget(evidence: Evidence) -> None:
    evidence.journal.write_text("")


def _silence(evidence: Evidence) -> None:
    evidence.heard = Heard()


def _rename(evidence: Evidence) -> None:
    assert evidence.heard is not None
    for ids in evidence.heard.messages.values():
        ids.add("another id")


def _reorder(evidence: Evidence) -> None:
    assert evidence.heard is not None
    evidence.heard.cursors.reverse()


def _miss(evidence: Evidence) -> None:
    assert evidence.heard is not None
    evidence.heard.cursors.pop()


def _repeat(evidence: Evidence) -> None:
    for view in evidence.views.values():
        view["repeats"] = 1


def _promise(evidence: Evidence) -> None:
    evidence.ledger.sends[0].wa_id = "another"


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (_lose, "sent, but not received"),
        (_double, "received twice"),
        (_forget, "stored, but never written"),
        (_silence, "written, but never told to the receiver"),
        (_rename, "told under two ids"),
        (_reorder, "heard out of order"),
        (_miss, "events never heard"),
        (_repeat, "handed over again"),
        (_promise, "promised otherwise"),
    ],
)
def test_the_judge_sees(evidence: Evidence, tamper: Callable[[Evidence], None], problem: str) -> None:
    tamper(evidence)

    assert problem in [found.partition(":")[0] for found in judge(evidence).problems]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (delete(events).where(events.c.cursor == 2), "cursors have gaps"),
        (delete(messages).where(messages.c.direction == "incoming"), "written, but not stored"),
        (delete(messages).where(messages.c.direction == "incoming"), "the sessions' totals are not the numbers of"),
        (update(sends).values(state="failed"), "not sent, but received"),
        (update(sends).values(state="sending"), "left over"),
        (update(messages).values(wa_message_id=None), "stored, but never written"),
    ],
    ids=["an event is gone", "a message is gone", "a total is wrong", "failed yet sent", "left over", "another id"],
)
def test_the_judge_sees_in_the_database(evidence: Evidence, gateway: Gateway, statement: Any, problem: str) -> None:
    with gateway.program.db.write() as tx:
        tx.execute(statement)

    assert any(found.startswith(problem) for found in judge(evidence).problems)
