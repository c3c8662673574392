"""API keys: made, changed, revoked and deleted by admins."""

import secrets
from typing import Any

from handlers.security import Caller
from handlers.settings import Settings
from handlers.shapes import api_key, milliseconds
from storage import api_keys, audit, idempotency
from storage.db import Database

Json = dict[str, Any]


def create_api_key(
    db: Database, now: int, caller: Caller, settings: Settings, body: Json, idempotency_key: str = ""
) -> tuple[Json, int]:
    """Make a key; the only time it is shown, but to whoever repeats the request with the same key and idempotency key.

    Such a repetition makes the secret again from the caller's own key, so that the gateway need not keep it.
    """
    use = idempotency.use(caller.key_id, idempotency_key, "auth.create_api_key", body)
    with db.write() as tx:

        def work() -> tuple[Json, int]:
            nonce = secrets.token_hex(16)
            row = api_keys.create(tx, _columns(body), _secret(caller, nonce), settings.pepper, now)
            about = {"id": row.id, "name": row.name, "role": row.role}
            audit.record(tx, "api_key_created", now, metadata=about, **caller.traces())
            return {"made": api_key(row), "nonce": nonce}, 201

        kept, status = idempotency.once(tx, use, now, work)
    return {**kept["made"], "apiKey": _secret(caller, kept["nonce"])}, status


def list_api_keys(db: Database, limit: int, offset: int) -> list[Json]:
    """Keys, newest first."""
    with db.read() as tx:
        return [api_key(row) for row in api_keys.page(tx, limit, offset)]


def get_api_key(db: Database, id_: str) -> Json:
    """One key."""
    with db.read() as tx:
        return api_key(api_keys.get(tx, id_))


def update_api_key(db: Database, now: int, caller: Caller, id_: str, body: Json) -> Json:
    """Change what is given; an empty list lifts a limit, a null end lifts the end."""
    with db.write() as tx:
        row = api_keys.change(tx, id_, _columns(body), now)
        audit.record(tx, "api_key_updated", now, metadata={"id": id_, "changed": sorted(body)}, **caller.traces())
    return api_key(row)


def delete_api_key(db: Database, now: int, caller: Caller, id_: str) -> tuple[None, int]:
    """Delete a key for good."""
    with db.write() as tx:
        api_keys.remove(tx, id_)
        audit.record(tx, "api_key_deleted", now, metadata={"id": id_}, **caller.traces())
    return None, 204


def revoke_api_key(db: Database, now: int, caller: Caller, id_: str) -> Json:
    """Stop a key from working, from the next request on; the row stays."""
    with db.write() as tx:
        row = api_keys.change(tx, id_, {"is_active": False}, now)
        audit.record(tx, "api_key_revoked", now, metadata={"id": id_}, **caller.traces())
    return api_key(row)


def validate(caller: Caller) -> Json:
    """Say that the key works, and its role."""
    return {"valid": True, "role": caller.role}


def _columns(body: Json) -> Json:
    names = {"name": "name", "role": "role", "allowedIps": "allowed_ips", "allowedSessions": "allowed_sessions"}
    columns = {names[name]: value for name, value in body.items() if name in names and value is not None}
    if "expiresAt" in body:
        columns["expires_at"] = milliseconds(body["expiresAt"])
    return columns


def _secret(caller: Caller, nonce: str) -> str:
    return f"owa_k1_{caller.derive('a new key ' + nonce)}"
