"""Deletion is complete: nothing of a session is left, in whatever table or file."""

import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, cast, func, select
from sqlalchemy.types import JSON, String

import engines.base as engines
from engines.simulator import Draft
from gateway.inbound import Inbound
from storage import credentials
from storage.tables import audit_logs
from storage.tables import sessions as sessions_table
from storage.transfer import metadata
from tests.receiver import Receiver
from tests.simulator_stage import HIDDEN
from tests.support import Gateway

KEPT = {"audit_logs"}  # who did what is not forgotten with it
NEVER = {"api_keys", "counters"}  # nothing in them is a session's


@pytest.fixture
def settings() -> dict[str, str]:
    return {"WEBHOOK_SSRF_PROTECT": "false"}


def rows(gateway: Gateway) -> dict[str, int]:
    """How many rows each table has."""
    with gateway.program.db.read() as tx:
        return {
            table.name: int(tx.execute(select(func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
        }


def mentions(gateway: Gateway, words: list[str]) -> set[str]:
    """Columns of any table in which one of these words stands anywhere."""

    def text_of(column: Column[Any]) -> Any:
        return cast(column, String) if isinstance(column.type, JSON) else column

    with gateway.program.db.read() as tx:
        return {
            f"{table.name}.{column.name}"
            for table in metadata.sorted_tables
            for column in table.columns
            if isinstance(column.type, String | JSON)
            for word in words
            if tx.execute(select(func.count()).where(text_of(column).contains(word, autoescape=True))).scalar_one()
        }


def files(gateway: Gateway) -> set[str]:
    """Every file of the data directory that is not the gateway's own."""
    root = gateway.program.config.data_dir
    own = (".api-key", "openwa.sqlite")
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.name.startswith(own)}


def live(gateway: Gateway, name: str, receiver: Receiver) -> str:
    """A session with some of everything; its id."""
    session = gateway.session(name, ready=True)
    base, chat = f"/sessions/{session}", "628123456789@c.us"
    hook = {"url": receiver.url, "events": ["*"], "secret": f"secret-of-{name}"}
    assert 201 == gateway.post(f"{base}/webhooks", json=hook).status_code
    for n, headers in enumerate(({}, {"Prefer": "respond-async"}, {"Idempotency-Key": f"key-of-{name}"})):
        body = {"chatId": chat, "text": f"text {n} of {name}"}
        assert gateway.post(f"{base}/messages/send-text", json=body, headers=headers).status_code in (201, 202)
    assert 202 == gateway.post(
        f"{base}/messages/send-bulk",
        json={"messages": [{"chatId": chat, "type": "text", "content": {"text": f"bulk of {name}"}}]},
    ).status_code  # fmt: skip
    template = {"name": "greeting", "body": f"template of {name}"}
    keyed = {"Idempotency-Key": f"template-of-{name}"}
    assert 201 == gateway.post(f"{base}/templates", json=template, headers=keyed).status_code
    picture = {"base64": base64.b64encode(f"picture of {name}".encode()).decode(), "mimetype": "image/png"}
    assert 201 == gateway.post(f"{base}/messages/send-image", json={"chatId": chat, **picture}).status_code
    assert 201 == gateway.post(f"{base}/status/send-image", json={"image": picture}).status_code
    gateway.world.control.storm(session, chat, 2, body=f"{{n}} incoming of {name}")
    seen = gateway.world.control.media("image", f"media for {name}".encode(), "image/png", f"{name}.png")
    gateway.world.control.write(session, chat, seen)
    gateway.world.control.write(session, HIDDEN, Draft("text", f"hidden to {name}"))
    gateway.clock.advance(1)
    gateway.post(f"/simulator/sessions/{session}/reveal", json={"contact": HIDDEN})
    gateway.world.control.fail_sends(session, "unknown_lost")
    assert 504 == gateway.post(f"{base}/messages/send-text", json={"chatId": chat, "text": name}).status_code
    early = engines.ReceiptReceived((f"true_{chat}_{name}",), chat, "delivered", chat, 1)
    Inbound(gateway.program.db, gateway.clock.now).record(session, [early])
    gateway.clock.advance(1)
    gateway.get("/search?q=text")
    gateway.program.delivery.turn(gateway.clock.now())
    gateway.program.bulk.turn(gateway.clock.now())
    for future in gateway.program.sender.turn(gateway.clock.now()):
        future.result(10)
    link(gateway, session)
    return session


def link(gateway: Gateway, session: str) -> Path:
    """What an engine keeps of a linked number; where."""
    directory = gateway.program.config.data_dir / "sessions" / session
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "credentials").write_text(f"credentials of {session}")
    return directory


def test_nothing_of_a_deleted_session_is_left(gateway: Gateway, receiver: Receiver) -> None:
    before, files_before = rows(gateway), files(gateway)
    session = live(gateway, "doomed", receiver)
    filled = {name for name, count in rows(gateway).items() if count > before[name]}
    assert set() == {table.name for table in metadata.sorted_tables} - filled - NEVER
    assert {f"sessions/{session}/credentials"} < files(gateway) - files_before
    assert 3 == len({name for name in files(gateway) if name.startswith("media/")})
    assert 204 == gateway.delete(f"/sessions/{session}").status_code
    gateway.clock.advance(60)

    left = {name: count - before[name] for name, count in rows(gateway).items() if count != before[name]}
    assert set() == left.keys() - KEPT - {"counters"}
    assert {"audit_logs.session_id", "audit_logs.session_name"} >= mentions(gateway, [session, "doomed"]) - {
        "audit_logs.path"
    }
    assert files_before == files(gateway)
    if gateway.program.db.is_sqlite:
        with gateway.program.db.read() as tx:
            assert 0 == tx.exec_driver_sql("SELECT count(*) FROM message_texts_docsize").scalar_one()


def test_the_others_keep_everything(gateway: Gateway, receiver: Receiver) -> None:
    live(gateway, "staying", receiver)
    before = rows(gateway)
    doomed = live(gateway, "doomed", receiver)
    gateway.delete(f"/sessions/{doomed}")
    after = rows(gateway)
    open_ = {"lanes"}  # a row of it goes as soon as its deliveries are through
    assert {} == {name: n - before[name] for name, n in after.items() if n < before[name] and name not in open_}
    with gateway.program.db.read() as tx:
        assert ["staying"] == list(tx.execute(select(sessions_table.c.name)).scalars())


def test_credentials_of_a_deletion_that_a_crash_cut_short_go_at_the_next_start(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those: what the database does not know may belong to one that is imported tomorrow."""
    doomed, stays = (link(gateway, gateway.session(name)) for name in ("doomed", "stays"))
    stranger = link(gateway, "3fa85f64-5717-4562-b3fc-2c963f66afa6")
    (stays / "deleted").touch()  # that deletion was never committed
    monkeypatch.setattr(credentials, "remove", lambda *_: None)
    gateway.delete("/sessions/doomed")
    monkeypatch.undo()
    before = doomed.exists()
    with gateway.program.db.write() as tx:
        credentials.finish(tx, gateway.program.config.data_dir)
    assert (True, [False, True, True]) == (before, [one.exists() for one in (doomed, stays, stranger)])
    assert ["credentials"] == [path.name for path in stays.iterdir()]


def test_every_table_with_a_session_is_emptied_by_its_foreign_key() -> None:
    """A new table cannot be forgotten: whoever names a session refers to it, and goes with it."""
    loose = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name == "session_id"
        and table is not audit_logs
        and {"CASCADE"} != {key.ondelete for key in column.foreign_keys if key.column is sessions_table.c.id}
    }
    assert set() == loose


def test_the_key_that_made_a_session_is_forgotten_with_it(gateway: Gateway) -> None:
    keyed = {"Idempotency-Key": "made-once"}
    made = [gateway.post("/sessions", json={"name": "doomed"}, headers=keyed) for _ in range(2)]
    assert 204 == gateway.delete("/sessions/doomed").status_code
    again = gateway.post("/sessions", json={"name": "doomed"}, headers=keyed)
    assert (made[0].json, 201, False) == (made[1].json, again.status_code, again.json == made[0].json)
