"""Webhooks: endpoints that events are delivered to, what became of each delivery, and how to have it again."""

import base64
import re
import secrets
from typing import Any, Protocol

from handlers import shapes
from handlers.errors import BadRequest
from handlers.identity import known
from handlers.security import Caller
from storage import Conflict, audit, deliveries, idempotency, sessions, webhooks
from storage.db import Database, Tx

Json = dict[str, Any]
_COLUMNS = {"url": "url", "events": "events", "secret": "secret", "headers": "headers", "retryCount": "retry_count",
            "active": "active"}  # fmt: skip
_ADDRESSED = ("sender", "recipient", "mentions")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_HOUR = 3_600_000
_PORTION, _MOST_REPLAYED = 1_000, 100_000


class Courier(Protocol):
    """What delivers."""

    def check(self, url: str) -> None:
        """Raise where webhooks may not go to this URL."""

    def wake(self) -> None:
        """There is something to deliver."""

    def ping(self, hook: Any, now: int) -> Any:
        """Post an event `test`, once; `ok`, `status` and `error` say what came of it."""


def create(
    db: Database, delivery: Courier, now: int, caller: Caller, session_id: str, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Register an endpoint; it gets the session's events from now on."""
    with db.read() as tx:
        sessions.find(tx, session_id)
    delivery.check(body["url"])
    with db.write() as tx:
        session = sessions.find(tx, session_id)
        columns = {"events": ["message.received"], "retry_count": 3, **_columns(tx, session.id, body)}

        def work() -> tuple[Json, int]:
            row = webhooks.create(tx, session.id, columns, now)
            _audit(tx, "webhook_created", now, caller, row)
            return shapes.webhook(row), 201

        use = idempotency.use(caller.key_id, idempotency_key, "webhooks.create", body, session_id=session.id)
        return idempotency.once(tx, use, now, work)


def list_all(db: Database, caller: Caller, limit: int, offset: int) -> list[Json]:
    """The webhooks of every session that the key may see, newest first."""
    with db.read() as tx:
        return [shapes.webhook(row) for row in webhooks.page(tx, caller.sessions, limit, offset)]


def list_of_session(db: Database, session_id: str, limit: int, offset: int) -> list[Json]:
    """A session's webhooks, newest first."""
    with db.read() as tx:
        session = sessions.find(tx, session_id)
        return [shapes.webhook(row) for row in webhooks.page(tx, [session.id], limit, offset)]


def get(db: Database, session_id: str, id_: str) -> Json:
    """One webhook."""
    with db.read() as tx:
        return shapes.webhook(_find(tx, session_id, id_))


def update(db: Database, delivery: Courier, now: int, caller: Caller, session_id: str, id_: str, body: Json) -> Json:
    """Change what is given. Switching it on again, or a new URL, makes it well."""
    with db.read() as tx:
        row = _find(tx, session_id, id_)
    if "url" in body:
        delivery.check(body["url"])
    with db.write() as tx:
        row = webhooks.change(tx, row.session_id, id_, _columns(tx, row.session_id, body), now)
        _audit(tx, "webhook_updated", now, caller, row, changed=sorted(body))
    delivery.wake()
    return shapes.webhook(row)


def delete(db: Database, now: int, caller: Caller, session_id: str, id_: str) -> tuple[None, int]:
    """Remove a webhook with all it was to be sent."""
    with db.write() as tx:
        row = _find(tx, session_id, id_)
        webhooks.remove(tx, row.session_id, id_)
        _audit(tx, "webhook_deleted", now, caller, row)
    return None, 204


def test(db: Database, delivery: Courier, now: int, session_id: str, id_: str) -> Json:
    """Post one event `test`, once, and say what came of it."""
    with db.read() as tx:
        hook = _find(tx, session_id, id_)
    made = delivery.ping(hook, now)
    if made.error is not None:
        return {"success": False, "error": made.error}
    return {"success": made.ok, "statusCode": made.status}


def rotate_secret(
    db: Database, now: int, caller: Caller, session_id: str, id_: str, body: Json, idempotency_key: str = ""
) -> Json:
    """A new secret, shown this once, and to whoever repeats the request with its key; the old one signs along a while.

    A fresh secret is made from the caller's own key, so that it is kept nowhere but where it signs.
    """
    until = now + body.get("overlapHours", 24) * _HOUR
    with db.write() as tx:
        hook = _find(tx, session_id, id_)

        def work() -> tuple[Json, int]:
            nonce = secrets.token_hex(16)
            row = webhooks.rotate(tx, hook.session_id, id_, _secret(caller, nonce, body), until, now)
            _audit(tx, "webhook_secret_rotated", now, caller, row)
            return {"nonce": nonce, "until": shapes.moment(row.old_secret_until)}, 200

        use = idempotency.use(
            caller.key_id, idempotency_key, "webhooks.rotate_secret", id_, body, session_id=hook.session_id
        )
        kept, _ = idempotency.once(tx, use, now, work)
    return {"secret": _secret(caller, kept["nonce"], body), "oldSecretUntil": kept["until"]}


def list_deliveries(
    db: Database, session_id: str, id_: str, limit: int, offset: int, state: str | None = None
) -> list[Json]:
    """What a webhook was sent and is to be sent, newest first, with every attempt."""
    with db.read() as tx:
        hook = _find(tx, session_id, id_)
        return _told(tx, deliveries.page(tx, hook.id, state, limit, offset))


def get_delivery(db: Database, session_id: str, id_: str, delivery_id: str) -> Json:
    """One delivery with every attempt."""
    with db.read() as tx:
        return _told(tx, [deliveries.get(tx, _find(tx, session_id, id_).id, delivery_id)])[0]


def replay_delivery(db: Database, delivery: Courier, now: int, session_id: str, id_: str, delivery_id: str) -> Json:
    """Deliver it again, or now instead of later, under the same id."""
    with db.write() as tx:
        hook = _active(tx, session_id, id_)
        deliveries.replay(tx, hook.id, deliveries.event_of(tx, hook.id, delivery_id), now)
    delivery.wake()
    return get_delivery(db, session_id, id_, delivery_id)


def replay(db: Database, delivery: Courier, now: int, session_id: str, id_: str, body: Json) -> tuple[Json, int]:
    """Deliver an endpoint's failures again, or all that it wants of a time, in portions of one transaction each."""
    since = shapes.milliseconds(body.get("from"))
    until = shapes.milliseconds(body.get("to")) or now + 1
    with db.read() as tx:
        hook = _active(tx, session_id, id_)
        after, before = deliveries.window(tx, since, until) if since is not None else (0, 0)
    queued, reached = 0, since
    while queued < _MOST_REPLAYED:
        with db.write() as tx:
            if since is None:
                found = deliveries.failures(tx, hook.id, _PORTION)
                more, wanted = len(found) == _PORTION, found
            else:
                found = deliveries.happened(tx, hook.session_id, after, before, _PORTION)
                more, wanted = len(found) == _PORTION, deliveries.wanted(hook, found, since, until)
                after, reached = (found[-1].cursor, found[-1].created_at) if found else (after, reached)
            queued += deliveries.replay(tx, hook.id, wanted, now)
        if not more:
            break
    delivery.wake()
    return {"queued": queued, "complete": not more, "nextFrom": shapes.moment(reached) if more and since else None}, 202


def list_failures(db: Database, limit: int, offset: int, session_id: str | None = None) -> list[Json]:
    """Dead deliveries of all webhooks, newest first."""
    with db.read() as tx:
        only = [sessions.find(tx, session_id).id] if session_id is not None else []
        return _told(tx, deliveries.dead(tx, only, limit, offset))


def _find(tx: Tx, session_id: str, webhook_id: str) -> webhooks.Webhook:
    return webhooks.get(tx, sessions.find(tx, session_id).id, webhook_id)


def _active(tx: Tx, session_id: str, webhook_id: str) -> webhooks.Webhook:
    hook = _find(tx, session_id, webhook_id)
    if not hook.active:
        raise Conflict("The webhook is not active; switch it on first")
    return hook


def _told(tx: Tx, rows: list[deliveries.Delivery]) -> list[Json]:
    attempts = deliveries.attempts_of(tx, [row.row for row in rows])
    return [shapes.delivery(row, attempts[row.row]) for row in rows]


def _secret(caller: Caller, nonce: str, body: Json) -> str:
    """The secret that a rotation asks for, or a fresh one: `whsec_` and 32 bytes in base64, as the standard has it."""
    fresh = bytes.fromhex(caller.derive(f"a webhook's secret {nonce}"))
    return body.get("secret") or f"whsec_{base64.b64encode(fresh).decode()}"


def _columns(tx: Tx, session_id: str, body: Json) -> Json:
    for name in body.get("headers", ()):  # a name's form is nothing OpenAPI 3.0 can say
        if not _HEADER.fullmatch(name):
            raise BadRequest("headers must have names of letters, digits and dashes")
    columns = {_COLUMNS[name]: value for name, value in body.items() if name in _COLUMNS and value is not None}
    if "secret" in body:
        columns |= {"secret": body["secret"] or None, "old_secret": None, "old_secret_until": None}
    if "filters" in body:
        conditions = [_neutral(tx, session_id, one) for one in (body["filters"] or {}).get("conditions", ())]
        columns["filters"] = body["filters"] and {"conditions": conditions}
    return columns


def _neutral(tx: Tx, session_id: str, condition: Json) -> Json:
    if condition["field"] not in _ADDRESSED:
        return condition
    return {**condition, "value": [known(tx, session_id, text) for text in condition["value"]]}


def _audit(tx: Tx, action: str, now: int, caller: Caller, row: webhooks.Webhook, **more: Any) -> None:
    audit.record(tx, action, now, session_id=row.session_id, metadata={"id": row.id, **more}, **caller.traces())
