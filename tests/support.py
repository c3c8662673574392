"""What tests share: a gateway in this process, spoken to over WSGI, whose every answer is held against the document."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

import jsonschema_rs
import psycopg
from sqlalchemy import event
from werkzeug.test import Client, TestResponse

from engines.simulator import ManualClock, World
from gateway.document import bundle, resolve
from gateway.program import Program
from gateway.promise import closed_checker
from storage import prepared
from storage.db import Database, Tx, run_on_driver

ADMIN = "owa_k1_" + "ad" * 32
START = 1_800_000_000_000
SEEN: set[tuple[str, str]] = set()  # operation and status of every answer that `hold` was given; see tests/seen.py


@dataclass
class Gateway:
    """A gateway on a database of its own, with a clock moved by hand and no threads of its own."""

    program: Program
    clock: ManualClock
    world: World
    admin: str = ADMIN
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.program.app)

    def call(self, method: str, path: str, *, key: str | None = ADMIN, **kwargs: Any) -> TestResponse:
        """One request under /api; `key` None sends none. The answer is checked against the document."""
        headers = dict(kwargs.pop("headers", {}))
        if key is not None:
            headers.setdefault("X-API-Key", key)
        kwargs.setdefault("environ_base", {"REMOTE_ADDR": "127.0.0.1"})
        answer = self.client.open("/api" + path, method=method, headers=headers, **kwargs)
        hold(method, path, answer)
        return answer

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> TestResponse:
        return self.call("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> TestResponse:
        return self.call("PUT", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> TestResponse:
        return self.call("DELETE", path, **kwargs)

    def key(self, role: str = "viewer", **more: Any) -> str:
        """A fresh key of that role, its secret."""
        return str(self.post("/auth/api-keys", json={"name": f"a {role}", "role": role, **more}).json["apiKey"])

    def session(self, name: str = "my-bot", *, ready: bool = False) -> str:
        """A fresh session, its id; `ready` links it."""
        session_id = str(self.post("/sessions", json={"name": name}).json["id"])
        if ready:
            self.post(f"/sessions/{session_id}/start")
            self.clock.advance(5)
            assert self.get(f"/sessions/{session_id}").json["status"] == "ready"
        return session_id


@cache
def document() -> dict[str, Any]:
    """The bundled document."""
    return bundle()


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The document's operation for a concrete path under /api, None where it has none."""
    found = _match(path.partition("?")[0])
    return found.get(method.lower()) if found else None


def hold(method: str, path: str, answer: TestResponse) -> None:
    """Fail where the answer is not one that the document promises: status, content type, body, to the last field."""
    found = operation(method, path)
    if found is None or method == "HEAD":
        assert answer.status_code in (404, 405, 429, 503), f"{method} {path} is not in the document"
        _hold_body(document()["components"]["schemas"]["Error"], "Error", answer)
        return
    name = f"{found['operationId']} {answer.status_code}"
    SEEN.add((found["operationId"], str(answer.status_code)))
    assert str(answer.status_code) in found["responses"], (
        f"{name} is not documented: {answer.get_data(as_text=True)[:500]}"
    )
    content = resolve(document(), found["responses"][str(answer.status_code)]).get("content")
    if content is None:
        assert answer.get_data() == b"", f"{name} promises no body"
        return
    assert answer.mimetype in content or "*/*" in content, f"{name} came as {answer.content_type}"
    if answer.mimetype == "application/json":
        _hold_body(content["application/json"]["schema"], name, answer)


def hold_event(event: dict[str, Any]) -> None:
    """Fail where an event is not what the document says of its type."""
    mapping = document()["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    assert event["type"] in mapping, f"{event['type']} is no type of the document"
    schema = json.dumps({"$ref": mapping[event["type"]]})
    errors = [f"{list(e.instance_path)}: {e.message}" for e in checker(schema).iter_errors(event)]
    assert errors == [], f"{event['type']}: {errors[:5]}\n{json.dumps(event)[:500]}"


def _hold_body(schema: dict[str, Any], name: str, answer: TestResponse) -> None:
    value = json.loads(answer.get_data())
    errors = [f"{list(e.instance_path)}: {e.message}" for e in checker(json.dumps(schema)).iter_errors(value)]
    assert errors == [], f"{name}: {errors[:5]}\n{json.dumps(value)[:500]}"


@cache
def checker(schema: str) -> jsonschema_rs.Draft4Validator:
    """A validator of a response schema of the document (as JSON), closed: it takes no property that is not there."""
    return closed_checker(document(), json.loads(schema))


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    found = sorted(document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile("[^/]+".join(re.escape(p) for p in re.split(r"{[^}]+}", path))), item) for path, item in found]


def _match(path: str) -> dict[str, Any] | None:
    return next((item for pattern, item in _paths() if pattern.fullmatch(path)), None)


@contextmanager
def beside(server: str, name: str, template: str = "template0") -> Iterator[Database]:
    """A database on this PostgreSQL server beside the test's own, a copy of the template, gone afterwards."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
    db = Database(server.replace("/postgres?", f"/{name}?"))
    try:
        yield db
    finally:
        db.close()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returned, all of them made at the same moment in threads of their own."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@contextmanager
def writes(db: Database) -> Iterator[list[str]]:
    """Collects the statements that write, while it lasts."""
    seen: list[str] = []
    with statements(db) as asked:
        yield seen
    seen.extend(said for said, _ in asked if said.split(maxsplit=1)[0].upper() in ("INSERT", "UPDATE", "DELETE"))


@contextmanager
def statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Collects what is asked of the database while it lasts, with the values: by SQLAlchemy and past it."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:  # noqa: FBT001
        seen.append((statement, values[0] if many else values))

    def noting(tx: Tx, sql: str, given: Any = (), *, many: bool = False) -> Any:
        values = given[0] if many else given
        seen.append((sql, values if isinstance(values, dict) else tuple(values)))
        return run_on_driver(tx, sql, given, many=many)

    event.listen(db.engine, "before_cursor_execute", note)
    with mock.patch.object(prepared, "run_on_driver", noting):
        yield seen
    event.remove(db.engine, "before_cursor_execute", note)
