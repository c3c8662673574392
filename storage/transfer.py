"""The whole database as lines of JSON, out of one database and into another, whatever kind each is.

    {"format": "openwa-export", "schema": "0001", "exportedAt": …, "seal": null or {"salt": …, "check": …}}
    {"table": "sessions", "row": {…}}                        one line per row, in an order that foreign keys allow
    {"end": {"sessions": 2, …}}                              how many rows there were: a file without it is cut off

Neither direction holds more than a thousand rows. What triggers keep is not in the file; it comes to be by itself.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import orjson
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from sqlalchemy import Boolean, Column, Table, delete, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.types import JSON, Integer, String

from storage import StorageError, migrate
from storage.db import Database, Tx
from storage.exchange import anonymous
from storage.sealing import Seal
from storage.tables import sessions

metadata = sessions.metadata
FORMAT = "openwa-export"
DERIVED = {"message_hours"}  # kept by triggers
SEALED = {  # columns that are sealed, or left out where there is no passphrase
    "api_keys": ("hash",), "webhooks": ("secret", "old_secret", "headers"), "sessions": ("proxy_url",),
}  # fmt: skip
KEYS = {"api_keys", "idempotency"}  # tables that are nothing without secrets, and stay as they are then
_PORTION = 1_000
_CHECK = "openwa"
Progress = Callable[[str, int, int], None]


class BadFile(StorageError):
    """The file is no whole export of this release; the message says what is wrong and where."""


def dump(db: Database, now: str, seal: Seal | None, progress: Progress) -> Iterator[bytes]:
    """The database's lines, of one moment however long it takes; `now` is ISO 8601. `progress`: table, rows, of all."""
    told = {"salt": seal.salt, "check": seal.close(_CHECK)} if seal else None
    yield _line({"format": FORMAT, "schema": migrate.HEAD, "exportedAt": now, "seal": told})
    counts: dict[str, int] = {}
    with db.snapshot() as tx:
        for table in _tables(keys=seal is not None):
            total = int(tx.execute(select(func.count()).select_from(table)).scalar_one())
            name, columns = str(table.name), [str(column.name) for column in table.columns]  # plain, for orjson
            counts[name] = 0
            for row in _rows(tx, table):
                yield _line({"table": name, "row": _closed(name, dict(zip(columns, row, strict=True)), seal)})
                counts[name] += 1
                if counts[name] % _PORTION == 0 or counts[name] == total:
                    progress(name, counts[name], total)
    yield _line({"end": counts})


def load(db: Database, lines: Iterable[bytes], passphrase: str | None, progress: Progress) -> dict[str, int]:
    """Put the lines in the place of what the database holds, all or nothing; how many rows of each table.

    Raises BadFile, and WrongPassphrase where the passphrase does not open the secrets. Keys that are not in the file
    stay.
    """
    numbered = enumerate(lines, start=1)
    seal = _read_head(next(numbered, (1, b""))[1], passphrase)
    counts: Counter[str] = Counter()
    with db.write() as tx:
        for table in reversed(_tables(keys=seal is not None)):
            tx.execute(delete(table))
        for name, portion in itertools.groupby(_read_rows(numbered, counts, seal), lambda found: found[0]):
            for some in _portions(row for _, row in portion):
                _insert(tx, metadata.tables[name], some)
                progress(name, counts[name], 0)
        _renumber(tx)
    return dict(counts)


def _tables(*, keys: bool) -> list[Table]:
    return [one for one in metadata.sorted_tables if one.name not in DERIVED and (keys or one.name not in KEYS)]


def _rows(tx: Tx, table: Table) -> Iterable[Any]:
    return tx.execute(select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_PORTION))


def _closed(name: str, row: dict[str, Any], seal: Seal | None) -> dict[str, Any]:
    """The row with its secrets sealed, or without them: then a webhook sleeps, since its receiver would refuse it."""
    given = {column: row[column] for column in SEALED.get(name, ()) if row[column]}
    if seal is not None:
        return {**row, **{column: {"sealed": seal.close(value)} for column, value in given.items()}}
    if name == "sessions" and given:
        return {**row, "proxy_url": anonymous(row["proxy_url"])}
    if name == "webhooks" and given:
        without: dict[str, Any] = {"secret": None, "old_secret": None, "old_secret_until": None, "headers": {}}
        return {**row, **without, "active": False, "disabled_reason": "secrets_left_out"}
    return row


def _line(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _parsed(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise BadFile(f"Line {number} is no JSON object: this is no export, or it is damaged")
    return found


def _read_head(line: bytes, passphrase: str | None) -> Seal | None:
    head = _parsed(line, 1)
    if head.get("format") != FORMAT:
        raise BadFile("This is no export of OpenWA Gateway")
    if head.get("schema") != migrate.HEAD:
        raise BadFile(f"The file has schema {head.get('schema')}, this release {migrate.HEAD}: export it anew")
    told = head.get("seal")
    if told is None:
        return None
    if passphrase is None:
        raise BadFile("The file's secrets are sealed; name the passphrase")
    seal = Seal(passphrase, str(told.get("salt")))
    seal.open(str(told.get("check")))
    return seal


def _read_rows(
    lines: Iterable[tuple[int, bytes]], counts: Counter[str], seal: Seal | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its table, checked and opened; raises BadFile unless the file is whole."""
    allowed = {table.name for table in _tables(keys=seal is not None)}
    for number, line in lines:
        found = _parsed(line, number)
        if "end" in found:
            if {name: n for name, n in found["end"].items() if n} != dict(counts):
                raise BadFile("The file does not hold as many rows as it says")
            return
        name, row = found.get("table"), found.get("row")
        if name not in allowed or not isinstance(row, dict):
            raise BadFile(f"Line {number} is no row of a table")
        if seal is not None:
            row = {
                key: seal.open(value["sealed"]) if _is_sealed(name, key, value) else value for key, value in row.items()
            }
        if not _fits(_kinds(name), row):
            try:
                row = _schema(name).load(row)  # which says what is wrong with it
            except ValidationError as error:
                raise BadFile(f"Line {number}, {name}: {error}") from None
        counts[name] += 1
        yield name, row
    raise BadFile("The file is cut off")


def _is_sealed(name: str, column: str, value: Any) -> bool:
    return column in SEALED.get(name, ()) and isinstance(value, dict) and value.keys() == {"sealed"}


def _portions(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while some := list(itertools.islice(left, _PORTION)):
        yield some


def _insert(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    made = insert(table)
    if tx.dialect.name == "postgresql":  # many rows in one statement, and one run of the triggers: see triggers.py
        made = made.returning(*table.primary_key.columns)
    try:
        tx.execute(made, rows)
    except (IntegrityError, DataError) as error:
        raise BadFile(f"Rows of {table.name} do not fit together: {error.orig}") from error


def _renumber(tx: Tx) -> None:
    """New rows are numbered behind the imported ones; SQLite does so by itself."""
    if tx.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "row" in table.primary_key.columns:
            newest = select(func.max(table.c.row)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(table.name, "row")
            tx.execute(select(func.setval(sequence, func.coalesce(newest, 1), newest.is_not(None))))


def _fits(kinds: dict[str, tuple[Any, ...]], row: dict[str, Any]) -> bool:
    """Whether a row is plainly one of its table: a schema takes thirty times as long to find that nothing is wrong."""
    if row.keys() != kinds.keys():
        return False
    for name, value in row.items():
        types, most = kinds[name]
        if type(value) not in types:
            return False
        if most is not None and value is not None and (value if type(value) is int else len(value)) > most:
            return False
    return True


@cache
def _kinds(name: str) -> dict[str, tuple[Any, ...]]:
    """The types that a column takes, and the largest number or length."""
    found: dict[str, tuple[Any, ...]] = {}
    for column in metadata.tables[name].columns:
        nothing = (type(None),) if column.nullable else ()
        if isinstance(column.type, JSON):
            found[str(column.name)] = ((dict, list, str, int, float, bool, *nothing), None)
        elif isinstance(column.type, Boolean):
            found[str(column.name)] = ((bool, *nothing), None)
        elif isinstance(column.type, Integer):
            found[str(column.name)] = ((int, *nothing), 2**63 - 1)
        else:
            found[str(column.name)] = ((str, *nothing), getattr(column.type, "length", None))
    return found


@cache
def _schema(name: str) -> Schema:
    columns = {column.name: _field(column) for column in metadata.tables[name].columns}
    return Schema.from_dict(dict(columns))(unknown=RAISE)


def _field(column: Column[Any]) -> fields.Field[Any]:
    more: dict[str, Any] = {"required": True, "allow_none": bool(column.nullable)}
    if isinstance(column.type, JSON):
        return fields.Raw(**more)
    if isinstance(column.type, Boolean):
        return fields.Boolean(truthy={True}, falsy={False}, **more)
    if isinstance(column.type, Integer):
        return fields.Integer(strict=True, validate=validate.Range(-(2**63), 2**63 - 1), **more)
    assert isinstance(column.type, String)  # noqa: S101 - tables have no other types
    return fields.String(validate=validate.Length(max=column.type.length) if column.type.length else None, **more)
