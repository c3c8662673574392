"""Taking data out and in through the API, in the form of OpenWA's own export; and media files in an archive."""

import base64
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support import Gateway
from tests.test_stats import say

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 1000).decode()
OPENWA = {  # as OpenWA itself writes it: more columns than we have, times as its databases have them
    "sessions": [
        {"id": "8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a", "name": "shop", "status": "ready", "phone": "628123456789",
         "pushName": "Shop", "config": {"maxReconnectAttempts": 5}, "proxyUrl": None, "proxyType": None,
         "connectedAt": "2026-06-25 09:20:00", "lastActiveAt": None, "createdAt": "2026-06-25T09:20:00.000Z",
         "updatedAt": "2026-06-25T09:20:00.000Z", "reconnects": 7},
    ],
    "webhooks": [
        {"id": "3a9c1f0e-5b7d-4e2a-8c6f-0d1e2f3a4b5c", "sessionId": "8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a",
         "url": "https://example.com/hook", "events": ["message.received"], "secret": "s3cret", "headers": {"X-A": "b"},
         "filters": None, "active": True, "retryCount": 3, "lastTriggeredAt": None,
         "createdAt": "2026-06-25T09:20:00.000Z", "updatedAt": "2026-06-25T09:20:00.000Z"},
    ],
    "messages": [
        {"id": f"5d3a6f5e-1f6b-4a2e-9a41-0e9d9d3c5b{n:02}", "sessionId": "8f3c2b1a-9d4e-4c7a-8b2f-1e6d5a4c3b2a",
         "waMessageId": f"false_1@c.us_{n}", "chatId": "1@c.us", "from": "1@c.us", "to": "628123456789@c.us",
         "body": f"hello {n}", "type": "text", "direction": "incoming", "timestamp": 1782379200 + n, "metadata": None,
         "status": "delivered", "createdAt": f"2026-06-25T09:20:0{n}.000Z"}
        for n in range(3)
    ],
    "messageBatches": [], "templates": [], "baileysStoredMessages": [{"id": 1}], "lidMappings": [],
}  # fmt: skip


def load(gateway: Gateway, tables: Any, **more: Any) -> Any:
    return gateway.post("/infra/import-data", json={"tables": tables, **more})


def test_an_export_of_openwa_comes_in(gateway: Gateway) -> None:
    gateway.session("given-way")
    answer = load(gateway, OPENWA)
    counts = {"sessions": 1, "webhooks": 1, "templates": 0, "messages": 3}
    assert {"imported": True, "counts": counts, "warnings": ["baileysStoredMessages were left out"]} == answer.json
    (session,) = gateway.get("/sessions").json
    assert ("shop", "disconnected", "628123456789") == tuple(session[name] for name in ("name", "status", "phone"))
    page = gateway.get("/sessions/shop/messages").json
    assert (["hello 2", "hello 1", "hello 0"], 3) == ([one["body"] for one in page["messages"]], page["total"])
    assert 3 == gateway.get("/stats/overview").json["messages"]["received"]
    assert 3 == gateway.get("/search?q=hello").json["total"]
    assert ["https://example.com/hook"] == [hook["url"] for hook in gateway.get("/sessions/shop/webhooks").json]


PROXIES = {  # as given, as exported
    "http://proxy.example.com:8080": "http://proxy.example.com:8080",
    "socks5://me:s3cret@proxy.example.com/": "socks5://proxy.example.com/",
    "http://me:s3@cret@[::1]:8080": "http://[::1]:8080",
    "http://me:s3cret@[": "http://[",  # no address, and taken all the same
    "http://[@": "http://",
}


def test_a_proxy_goes_out_without_user_and_password_however_odd_it_is(gateway: Gateway) -> None:
    for number, given in enumerate(PROXIES):
        proxied = {"name": f"proxied-{number}", "proxyUrl": given}
        assert 201 == gateway.post("/sessions", json=proxied).status_code
    sessions = json.loads(gateway.get("/infra/export-data").get_data())["tables"]["sessions"]
    assert [*PROXIES.values()] == [one["proxyUrl"] for one in sorted(sessions, key=lambda one: one["name"])]


def test_what_goes_out_comes_in_again(gateway: Gateway) -> None:
    load(gateway, OPENWA)
    out = gateway.get("/infra/export-data")
    exported = json.loads(out.get_data())
    assert {"sessions": 1, "webhooks": 1, "messages": 3} == {name: n for name, n in exported["counts"].items() if n}
    assert ("s3cret" not in out.get_data(as_text=True), False) == (True, exported["tables"]["webhooks"][0]["active"])
    answer = gateway.post("/infra/import-data", json=exported)
    assert (True, []) == (answer.json["imported"], answer.json["warnings"])
    again = json.loads(gateway.get("/infra/export-data").get_data())
    assert exported["tables"]["messages"] == again["tables"]["messages"]


def test_running_sessions_are_stopped_only_where_that_is_asked(gateway: Gateway) -> None:
    gateway.session(ready=True)
    assert 409 == load(gateway, OPENWA).status_code
    assert load(gateway, OPENWA, force=True).json["imported"]
    assert [] == gateway.program.engines.running()


@pytest.mark.parametrize("tables", [{}, {"sessions": []}, {"sessions": [], "messages": []}])
def test_an_empty_import_removes_nothing(gateway: Gateway, tables: Any) -> None:
    gateway.session()
    assert 400 == load(gateway, tables).status_code
    assert 1 == len(gateway.get("/sessions").json)


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("messages", {"status": "lost"}, "messages[0]"),
        ("messages", {"sessionId": "8f3c2b1a-0000-4c7a-8b2f-1e6d5a4c3b2a"}, ""),
        ("messages", {"createdAt": "yesterday"}, "Not a valid time"),
        ("messages", {"chatId": None}, "messages[0]"),
        ("sessions", {"name": ""}, "sessions[0]"),
        ("sessions", {"status": "happy"}, "sessions[0]"),
        ("webhooks", {"retryCount": 99}, "webhooks[0]"),
    ],
)
def test_a_row_that_does_not_fit_changes_nothing(gateway: Gateway, table: str, change: Any, said: str) -> None:
    gateway.session("stays")
    rows = json.loads(json.dumps(OPENWA))
    rows[table][0].update(change)
    answer = load(gateway, rows)
    assert (200, False, {}) == (answer.status_code, answer.json["imported"], answer.json["counts"])
    assert said in answer.json["warnings"][0]
    assert ["stays"] == [session["name"] for session in gateway.get("/sessions").json]


def test_a_large_history_goes_out_in_pieces(gateway: Gateway) -> None:
    session = gateway.session()
    for n in range(30):
        say(gateway, session, "1@c.us", body=f"{n} " + "x" * 5_000)
    answer = gateway.client.get("/api/infra/export-data", headers={"X-API-Key": gateway.admin}, buffered=False)
    largest = max(map(len, answer.response))
    assert largest < 10_000
    assert "Content-Length" not in answer.headers


def test_taking_data_out_and_in_is_written_down(gateway: Gateway) -> None:
    gateway.get("/infra/export-data")
    load(gateway, OPENWA)
    gateway.get("/infra/storage/export")
    assert ["infra_storage_exported", "infra_data_imported", "infra_data_exported"] == [
        line["action"] for line in gateway.get("/audit").json["data"]
    ]


# --- media files -----------------------------------------------------------------------------------


@pytest.fixture
def pictured(gateway: Gateway) -> Gateway:
    """A session that has sent a picture."""
    session = gateway.session(ready=True)
    body = {"chatId": "628123456789@c.us", "base64": PIXEL, "mimetype": "image/png"}
    assert 201 == gateway.post(f"/sessions/{session}/messages/send-image", json=body).status_code
    return gateway


def directory(gateway: Gateway) -> Path:
    return gateway.program.config.data_dir


def test_media_files_are_counted(pictured: Gateway) -> None:
    told = {"storageType": "local", "count": 1, "sizeBytes": 1008, "sizeMB": "0.00"}
    assert told == pictured.get("/infra/storage/files/count").json


def test_missing_files_come_back_from_an_archive(pictured: Gateway) -> None:
    told = pictured.get("/infra/storage/export").json
    assert "1 files exported" == told["message"]
    archive = directory(pictured) / told["download"]
    assert 0o600 == archive.stat().st_mode & 0o777
    (kept,) = (path for path in (directory(pictured) / "media").iterdir() if path.is_file())
    before = kept.read_bytes()
    kept.unlink()
    answers = [pictured.post("/infra/storage/import", json={"filePath": told["download"]}).json for _ in range(2)]
    assert [{"imported": True, "count": n, "storageType": "local"} for n in (1, 0)] == answers
    assert before == kept.read_bytes()


def test_an_archive_writes_nothing_but_what_is_missing(pictured: Gateway, tmp_path: Path) -> None:
    """Foreign names, and names that lead out of the directory, are passed over; so are other bytes."""
    (kept,) = (path for path in (directory(pictured) / "media").iterdir() if path.is_file())
    kept.unlink()
    other = tmp_path / "other"
    other.write_bytes(b"y" * 1008)
    with tarfile.open(directory(pictured) / "bad.tar", "w") as archive:
        for name in ("../escaped", "stranger", kept.name):
            archive.add(other, name)
    answer = pictured.post("/infra/storage/import", json={"filePath": "bad.tar"}).json
    assert (0, False, False) == (answer["count"], (directory(pictured) / "escaped").exists(), kept.exists())


@pytest.mark.parametrize("path", ["../outside.tar", "/etc/passwd", "nowhere.tar", "exports", ".api-key", "x" * 400])
def test_only_archives_in_the_data_directory_are_read(pictured: Gateway, path: str) -> None:
    (directory(pictured).parent / "outside.tar").write_bytes(b"")
    (directory(pictured) / "exports").mkdir(exist_ok=True)
    assert 400 == pictured.post("/infra/storage/import", json={"filePath": path}).status_code


def test_data_and_files_are_for_admins_of_the_whole_gateway(gateway: Gateway) -> None:
    bound = gateway.key("admin", allowedSessions=[gateway.session()])
    for path in ("export-data", "storage/files/count", "storage/export"):
        answers = [gateway.get(f"/infra/{path}", key=key).status_code for key in (gateway.key("operator"), bound)]
        assert [403, 401] == answers, path
