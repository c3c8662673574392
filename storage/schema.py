"""What tables are made of: names of constraints, and types that both databases have."""

from typing import Any

from sqlalchemy import MetaData, text
from sqlalchemy.types import JSON, BigInteger, Integer

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only for INTEGER
Json = JSON(none_as_null=True)


def only(where: str) -> dict[str, Any]:
    """Index options: only rows for which `where` holds, on both databases."""
    return {"sqlite_where": text(where), "postgresql_where": text(where)}
