"""Statements asked with nearly every request: written with SQLAlchemy, compiled once, run by the driver itself.

Even a statement that is built only once costs SQLAlchemy 30 to 60 µs a call to find its compiled form and to wrap what
comes back, and each read of a row's column a look-up; here a call takes 7 µs, and rows are named tuples.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import methodcaller
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Dialect, func, select

from storage.db import Tx, run_on_driver

_Convert = Callable[[Any], Any]


class Prepared:
    """One SELECT, INSERT, UPDATE or DELETE; what differs from call to call is a `bindparam`, lists cannot be.

    Where the databases spell it differently, `statement` makes it for a dialect's name. `columns` are those an INSERT
    fills, where the statement does not say. A `page` is a SELECT of many rows, which SQLite hands over in one piece.
    """

    def __init__(self, statement: Any, columns: Sequence[str] | None = None, *, page: bool = False) -> None:
        self._statement = statement
        self._columns = columns
        self._page = page
        self._made: dict[str, _Made] = {}

    def all(self, tx: Tx, **values: Any) -> list[Any]:
        """Every row, with the statement's columns as fields."""
        made = self._of(tx.dialect)
        rows = made.fetch(run_on_driver(tx, made.sql, made.given(values)))
        if made.results:
            rows = [_converted(row, made.results) for row in rows]
        return [made.row(row) for row in rows]

    def one(self, tx: Tx, **values: Any) -> Any | None:
        """The first row, None where there is none."""
        rows = self.all(tx, **values)
        return rows[0] if rows else None

    def value(self, tx: Tx, **values: Any) -> Any | None:
        """The first column of the first row, None where there is none."""
        rows = self.all(tx, **values)
        return rows[0][0] if rows else None

    def run(self, tx: Tx, **values: Any) -> int:
        """Do it; how many rows it touched."""
        made = self._of(tx.dialect)
        return int(run_on_driver(tx, made.sql, made.given(values)).rowcount)

    def many(self, tx: Tx, rows: Iterable[dict[str, Any]]) -> None:
        """Do it once for each row of values."""
        made = self._of(tx.dialect)
        run_on_driver(tx, made.sql, [made.given(dict(row)) for row in rows], many=True)

    def _of(self, dialect: Dialect) -> "_Made":
        return self._made.get(dialect.name) or self._made.setdefault(dialect.name, self._make(dialect))

    def _make(self, dialect: Dialect) -> "_Made":
        statement = self._statement(dialect.name) if callable(self._statement) else self._statement
        whole = self._page and dialect.name == "sqlite"
        compiled = (_as_json(statement) if whole else statement).compile(dialect=dialect, column_keys=self._columns)
        shown = list(getattr(statement, "exported_columns", ()))
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in shown]
        binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
        row: Any = namedtuple("Row", [str(column.key) for column in shown])  # type: ignore[misc]  # noqa: PYI024 - fields are the statement's
        return _Made(
            str(compiled),
            list(compiled.positiontup or ()) if compiled.positional else None,
            {name: bind.value for name, bind in compiled.binds.items() if not bind.required},
            [(name, convert) for name, convert in binds.items() if convert is not None],
            [(index, convert) for index, convert in enumerate(results) if convert is not None],
            _from_json if whole else methodcaller("fetchall"),
            partial(tuple.__new__, row),  # what `_make` does, without a Python frame for each row
        )


class _Made(NamedTuple):
    """The statement for one dialect. `positions` are parameters in their order, None where the driver takes names."""

    sql: str
    positions: list[str] | None
    literals: dict[str, Any]
    binds: list[tuple[str, _Convert]]
    results: list[tuple[int, _Convert]]
    fetch: Callable[[Any], list[Any]]
    row: Callable[[Sequence[Any]], Any]

    def given(self, values: dict[str, Any]) -> Any:
        """The values as the driver takes them."""
        values = {**self.literals, **values} if self.literals else values
        for name, convert in self.binds:
            values[name] = convert(values[name])
        return values if self.positions is None else [values[name] for name in self.positions]


def _as_json(statement: Any) -> Any:
    """All rows of a SELECT as one JSON text, for SQLite: its driver lets go of the GIL and takes it again at each step.

    Each step lets in whoever waits on another core: on two, a page of fifty messages took 1.7 times as much CPU in
    fifty steps as in one. JSON carries text and 64-bit integers as they are, JSON columns as the text they are kept as;
    of a REAL it would lose digits, and a BLOB it refuses. SQLite aggregates in the order of a subquery that has both
    ORDER BY and LIMIT.
    """
    return select(func.json_group_array(func.json_array(*statement.subquery().c)))


def _from_json(cursor: Any) -> list[Any]:
    ((rows,),) = cursor.fetchall()
    found: list[Any] = orjson.loads(rows)
    return found


def _converted(row: Sequence[Any], results: list[tuple[int, _Convert]]) -> list[Any]:
    values = list(row)
    for index, convert in results:
        if values[index] is not None:
            values[index] = convert(values[index])
    return values
