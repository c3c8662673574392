"""Statements asked with nearly every request: written with SQLAlchemy, compiled once, run by the driver itself.

Even a statement that is built only once costs SQLAlchemy 30 to 60 µs a call to find its compiled form and to wrap what
comes back, and each read of a row's column a look-up; here a call takes 7 µs, and rows are named tuples.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Dialect

from storage.db import Tx, run_on_driver

_Convert = Callable[[Any], Any]


class Prepared:
    """One SELECT, INSERT, UPDATE or DELETE; what differs from call to call is a `bindparam`, lists cannot be.

    Where the databases spell it differently, `statement` makes it for a dialect's name. `columns` are those an INSERT
    fills, where the statement does not say.
    """

    def __init__(self, statement: Any, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._made: dict[str, _Made] = {}

    def all(self, tx: Tx, **values: Any) -> list[Any]:
        """Every row, with the statement's columns as fields."""
        made = self._of(tx.dialect)
        rows = run_on_driver(tx, made.sql, made.given(values)).fetchall()
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
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
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
            partial(tuple.__new__, row),  # what `_make` does, without a Python frame for each row
        )


class _Made(NamedTuple):
    """The statement for one dialect. `positions` are parameters in their order, None where the driver takes names."""

    sql: str
    positions: list[str] | None
    literals: dict[str, Any]
    binds: list[tuple[str, _Convert]]
    results: list[tuple[int, _Convert]]
    row: Callable[[Sequence[Any]], Any]

    def given(self, values: dict[str, Any]) -> Any:
        """The values as the driver takes them."""
        values = {**self.literals, **values} if self.literals else values
        for name, convert in self.binds:
            values[name] = convert(values[name])
        return values if self.positions is None else [values[name] for name in self.positions]


def _converted(row: tuple[Any, ...], results: list[tuple[int, _Convert]]) -> list[Any]:
    values = list(row)
    for index, convert in results:
        if values[index] is not None:
            values[index] = convert(values[index])
    return values
