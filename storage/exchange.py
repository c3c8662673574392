"""The data as OpenWA's own export has it: rows of its tables, out of ours and into them. Times are ISO 8601.

Secrets are not in it: a webhook that had some sleeps, a proxy has no password. Neither are keys, events, deliveries,
batches; `storage.transfer` moves the whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError

from storage import StorageError, messages
from storage.db import Tx
from storage.tables import identities, sessions, webhooks
from storage.tables import messages as messages_table

Row = dict[str, Any]
NAMES = ("sessions", "webhooks", "messages", "messageBatches", "templates", "baileysStoredMessages", "lidMappings")
_PORTION = 500
_MOST_WARNINGS = 50
_USER = re.compile(r"^([^:/?#]+://)[^/?#]*@")
_TABLES: dict[str, Table | None] = {
    "sessions": sessions, "webhooks": webhooks, "messages": messages_table,
    "templates": sessions.metadata.tables.get("templates"), "lidMappings": identities,
}  # fmt: skip


class Misfit(StorageError):
    """Rows do not fit; `warnings` say which and why."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__("; ".join(warnings))
        self.warnings = warnings


def rows(tx: Tx, name: str, moment: Callable[[int | None], str | None]) -> Iterator[Row]:
    """The rows of one of OpenWA's tables, oldest first; `moment` writes epoch milliseconds."""
    table, shape = _TABLES.get(name), _SHAPES.get(name)
    if table is not None and shape is not None:
        asked = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_PORTION)
        for row in tx.execute(asked):
            yield shape(row, moment)


def read(tables: Mapping[str, list[Any]]) -> dict[str, list[Row]]:
    """The rows as columns of ours, without tables that are not `taken`. Raises Misfit with what is wrong."""
    found: dict[str, list[Row]] = {}
    warnings: list[str] = []
    for name in filter(taken, tables):
        found[name] = []
        for number, one in enumerate(tables[name]):
            try:
                found[name].append(_SCHEMAS[name].load(one))
            except ValidationError as error:
                warnings.append(f"{name}[{number}]: {error}"[:300])
            if len(warnings) >= _MOST_WARNINGS:
                raise Misfit(warnings)
    if warnings:
        raise Misfit(warnings)
    return found


def taken(name: str) -> bool:
    """Whether rows of this table are imported."""
    return name in _SCHEMAS and _TABLES.get(name) is not None


def write(tx: Tx, found: Mapping[str, list[Row]], now: int) -> dict[str, int]:
    """Put these rows (as `read` made them) in the place of all sessions and what belongs to them; how many of each.

    Raises Misfit where they do not fit together, and then the transaction is to be given up.
    """
    tx.execute(delete(sessions))
    counts: dict[str, int] = {}
    try:
        for name in ("sessions", "webhooks", "templates"):
            table, given = _TABLES[name], found.get(name, [])
            if table is not None and given:
                tx.execute(
                    insert(table), [{**_DEFAULTS[name], "created_at": now, "updated_at": now, **row} for row in given]
                )
            counts[name] = len(given)
        said = sorted(found.get("messages", ()), key=lambda row: row.get("created_at", now))
        counts["messages"] = sum(_add(tx, session, some, now) for session, some in _by_session(said))
    except (IntegrityError, DataError) as error:
        raise Misfit([str(error.orig)[:300]]) from error
    return counts


def _add(tx: Tx, session_id: str, some: Iterable[Row], now: int) -> int:
    added, left = 0, iter(some)
    active = select(sessions.c.last_active_at).where(sessions.c.id == session_id)
    before = tx.execute(active).scalar()
    while portion := list(islice(left, _PORTION)):
        added += len(messages.add(tx, session_id, portion, now))
    tx.execute(update(sessions).where(sessions.c.id == session_id).values(last_active_at=before))
    return added


def _by_session(said: Iterable[Row]) -> Iterator[tuple[str, Iterator[Row]]]:
    """Rows by session, in the order they have."""
    yield from groupby(sorted(said, key=lambda row: str(row["session_id"])), lambda row: str(row["session_id"]))


# --- what rows look like in OpenWA's export ---------------------------------------------------------


def _session(row: Any, moment: Any) -> Row:
    return {
        "id": row.id, "name": row.name, "status": row.status, "phone": row.phone, "pushName": row.push_name,
        "config": row.config, "proxyUrl": row.proxy_url and anonymous(row.proxy_url), "proxyType": row.proxy_type,
        "connectedAt": moment(row.connected_at), "lastActiveAt": moment(row.last_active_at),
        "createdAt": moment(row.created_at), "updatedAt": moment(row.updated_at),
    }  # fmt: skip


def _webhook(row: Any, moment: Any) -> Row:
    return {
        "id": row.id, "sessionId": row.session_id, "url": row.url, "events": row.events, "secret": None, "headers": {},
        "filters": row.filters, "active": row.active and not (row.secret or row.headers),
        "retryCount": row.retry_count, "lastTriggeredAt": moment(row.last_triggered_at),
        "createdAt": moment(row.created_at), "updatedAt": moment(row.updated_at),
    }  # fmt: skip


def _message(row: Any, moment: Any) -> Row:
    return {
        "id": row.id, "sessionId": row.session_id, "waMessageId": row.wa_message_id, "chatId": row.chat_id,
        "from": row.sender, "to": row.recipient, "body": row.body, "type": row.type, "direction": row.direction,
        "timestamp": row.timestamp, "metadata": row.metadata, "status": row.status,
        "createdAt": moment(row.created_at),
    }  # fmt: skip


def _template(row: Any, moment: Any) -> Row:
    return {
        "id": row.id, "sessionId": row.session_id, "name": row.name, "body": row.body, "header": row.header,
        "footer": row.footer, "createdAt": moment(row.created_at), "updatedAt": moment(row.updated_at),
    }  # fmt: skip


def _lid(row: Any, moment: Any) -> Row:
    return {"lid": row.lid, "phone": row.phone, "updatedAt": moment(row.created_at)}


def anonymous(url: str) -> str:
    """A proxy's address without user and password: better a proxy that refuses than none.

    By hand: Python's reader of URLs refuses some that were taken (`http://[`), and with one such an export would end.
    """
    return _USER.sub(r"\1", url)


_SHAPES: dict[str, Callable[[Any, Any], Row]] = {
    "sessions": _session, "webhooks": _webhook, "messages": _message, "templates": _template, "lidMappings": _lid,
}  # fmt: skip


# --- and how they are read --------------------------------------------------------------------------


class _Moment(fields.Field[int]):
    """ISO 8601, or as databases write it, in UTC where it does not say; epoch milliseconds."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        try:
            read = datetime.fromisoformat(str(value))
            return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise ValidationError("Not a valid time.") from None


def _text(most: int, name: str = "", *, least: int = 0, **more: Any) -> fields.String:
    return fields.String(validate=validate.Length(least, most), data_key=name or None, **more)


def _one_of(words: str, **more: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(words.split()), **more)


_MADE: dict[str, Any] = {
    "created_at": _Moment(data_key="createdAt"),
    "updated_at": _Moment(data_key="updatedAt"),
}
_OF_SESSION = {"session_id": _text(36, "sessionId", required=True)}
_ID = {"id": _text(36, required=True)}
_NULL: dict[str, Any] = {"allow_none": True, "load_default": None}
_STATUSES = "created initializing qr_ready authenticating ready disconnected failed action_required"
_SCHEMAS = {
    "sessions": Schema.from_dict({
        **_ID, **_MADE, "name": _text(100, least=1, required=True), "status": _one_of(_STATUSES, required=True),
        "phone": _text(20, **_NULL), "push_name": _text(100, "pushName", **_NULL),
        "config": fields.Dict(load_default=dict), "proxy_url": _text(255, "proxyUrl", **_NULL),
        "proxy_type": _text(10, "proxyType", **_NULL), "connected_at": _Moment(data_key="connectedAt", **_NULL),
        "last_active_at": _Moment(data_key="lastActiveAt", **_NULL),
    })(unknown=EXCLUDE),
    "webhooks": Schema.from_dict({
        **_ID, **_OF_SESSION, **_MADE, "url": _text(2048, required=True), "secret": _text(255, **_NULL),
        "events": fields.List(_text(50), required=True),
        "headers": fields.Dict(_text(100), _text(1024), load_default=dict),
        "filters": fields.Dict(**_NULL), "active": fields.Boolean(load_default=True),
        "retry_count": fields.Integer(data_key="retryCount", load_default=3, validate=validate.Range(0, 5)),
        "last_triggered_at": _Moment(data_key="lastTriggeredAt", **_NULL),
    })(unknown=EXCLUDE),
    "messages": Schema.from_dict({
        **_ID, **_OF_SESSION, "created_at": _Moment(data_key="createdAt"),
        "wa_message_id": _text(255, "waMessageId", **_NULL), "chat_id": _text(100, "chatId", required=True),
        "sender": _text(100, "from", required=True), "recipient": _text(100, "to", required=True),
        "body": fields.String(**_NULL), "type": _text(20, load_default="text"),
        "direction": _one_of("incoming outgoing", required=True), "timestamp": fields.Integer(**_NULL),
        "metadata": fields.Dict(**_NULL), "status": _one_of("pending sent delivered read failed", required=True),
    })(unknown=EXCLUDE),
    "templates": Schema.from_dict({
        **_ID, **_OF_SESSION, **_MADE, "name": _text(100, least=1, required=True), "body": fields.String(required=True),
        "header": _text(1024, **_NULL), "footer": _text(1024, **_NULL),
    })(unknown=EXCLUDE),
}  # fmt: skip
_DEFAULTS: dict[str, Row] = {
    "sessions": {"wanted": False, "message_count": 0, "event_sequence": 0},
    "webhooks": {"failures": 0, "paused_until": 0},
    "templates": {},
}
