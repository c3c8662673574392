"""API keys: stored as hashes, looked up on every request, never shown again."""

import hashlib
import hmac
import secrets
import threading
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from storage import Conflict, NotFound
from storage.db import Database, Tx, one_at_a_time
from storage.prepared import Prepared
from storage.tables import api_keys

Key = Row[Any]
_GUARDED = (
    api_keys.c.id, api_keys.c.name, api_keys.c.role, api_keys.c.allowed_ips, api_keys.c.allowed_sessions,
    api_keys.c.is_active, api_keys.c.expires_at,
)  # fmt: skip
_BY_HASH = Prepared(select(*_GUARDED).where(api_keys.c.hash == bindparam("digest")))


class Known(NamedTuple):
    """What the guard needs of a key. Lists are None where there is no limit."""

    id: str
    name: str
    role: str
    allowed_ips: list[str]
    allowed_sessions: list[str]
    is_active: bool
    expires_at: int | None


def new_secret() -> str:
    """A fresh key: `owa_k1_` and 64 hex characters."""
    return f"owa_k1_{secrets.token_hex(32)}"


def hash_of(secret: str, pepper: str) -> str:
    """What is stored of a key: SHA-256, or HMAC-SHA-256 under the pepper when there is one."""
    raw = secret.encode("utf-8", "surrogateescape")
    if pepper:
        return hmac.new(pepper.encode(), raw, hashlib.sha256).hexdigest()
    return hashlib.sha256(raw).hexdigest()


def find_by_hash(tx: Tx, digest: str) -> Known | None:
    """The key with this hash, on the hottest path there is: one indexed read, no cache, so revocation is immediate."""
    row = _BY_HASH.one(tx, digest=digest)
    return None if row is None else Known(*row)


def usable(tx: Tx, ids: Collection[str], now: int) -> dict[str, Known]:
    """Those of these keys that are active and not expired, by id."""
    columns = api_keys.c
    query = select(
        columns.id, columns.name, columns.role, columns.allowed_ips, columns.allowed_sessions,
        columns.is_active, columns.expires_at,
    )  # fmt: skip
    lasting = or_(columns.expires_at.is_(None), columns.expires_at > now)
    rows = tx.execute(query.where(columns.id.in_(ids), columns.is_active, lasting))
    return {row.id: Known(*row) for row in rows}


def create(tx: Tx, values: dict[str, Any], secret: str, pepper: str, now: int) -> Key:
    """Store a key under its hash. Raises Conflict where that very key exists."""
    digest = hash_of(secret, pepper)
    if tx.execute(select(api_keys.c.id).where(api_keys.c.hash == digest)).first():
        raise Conflict("This key exists already")
    row = {
        "id": str(uuid4()), "name": values["name"], "hash": digest, "prefix": secret[:12],
        "role": values.get("role", "operator"), "allowed_ips": values.get("allowed_ips") or [],
        "allowed_sessions": values.get("allowed_sessions") or [], "is_active": True,
        "expires_at": values.get("expires_at"), "last_used_at": None, "usage_count": 0,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    return tx.execute(insert(api_keys).values(row).returning(api_keys)).one()


def page(tx: Tx, limit: int, offset: int) -> list[Key]:
    """Keys, newest first."""
    return list(tx.execute(select(api_keys).order_by(api_keys.c.row.desc()).limit(limit).offset(offset)))


def get(tx: Tx, key_id: str) -> Key:
    """One key by id. Raises NotFound."""
    row = tx.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    if row is None:
        raise NotFound(f"API key with id '{key_id}' not found")
    return row


def change(tx: Tx, key_id: str, values: dict[str, Any], now: int) -> Key:
    """Set the given columns. Raises NotFound, and Conflict where no usable admin key would remain."""
    one_at_a_time(tx, "api_keys")
    get(tx, key_id)
    changed = tx.execute(
        update(api_keys).where(api_keys.c.id == key_id).values({**values, "updated_at": now}).returning(api_keys)
    ).one()
    _keep_an_admin(tx)
    return changed


def remove(tx: Tx, key_id: str) -> None:
    """Delete a key. Raises NotFound, and Conflict where no usable admin key would remain."""
    one_at_a_time(tx, "api_keys")
    get(tx, key_id)
    tx.execute(delete(api_keys).where(api_keys.c.id == key_id))
    _keep_an_admin(tx)


def seed(tx: Tx, secret: str, pepper: str, now: int) -> bool:
    """Create the first admin key, only where there is no key at all; says whether it did."""
    if tx.execute(select(func.count()).select_from(api_keys)).scalar_one():
        return False
    create(tx, {"name": "Default Admin Key", "role": "admin"}, secret, pepper, now)
    return True


def _keep_an_admin(tx: Tx) -> None:
    """Raise Conflict where no admin key is left that works for good: active, without end, without scope.

    An admin that expires, or is bound to addresses or sessions, may be no way back in.
    """
    lasting = select(api_keys.c.allowed_ips, api_keys.c.allowed_sessions).where(
        api_keys.c.role == "admin", api_keys.c.is_active, api_keys.c.expires_at.is_(None)
    )
    if not any(not ips and not bound for ips, bound in tx.execute(lasting)):
        raise Conflict("Cannot remove the last active admin key")


class Usage:
    """Counts uses in memory and writes them together, so that a request costs no write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, int]] = {}

    def count(self, key_id: str, now: int) -> None:
        """One use at `now`."""
        with self._lock:
            self._seen[key_id] = (self._seen.get(key_id, (0, 0))[0] + 1, now)

    def flush(self, db: Database) -> None:
        """Write what was counted since the last time, in one transaction; nothing counted, nothing written."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if not seen:
            return
        with db.write() as tx:
            for key_id, (uses, last) in sorted(seen.items()):
                tx.execute(
                    update(api_keys)
                    .where(api_keys.c.id == key_id)
                    .values(usage_count=api_keys.c.usage_count + uses, last_used_at=last)
                )
