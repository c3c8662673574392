"""The audit log, to be read by admins."""

from typing import Any

from handlers.security import Caller
from handlers.shapes import moment
from storage import NotFound, audit, sessions
from storage.db import Database, Tx


def list_all(
    db: Database,
    caller: Caller,
    limit: int,
    offset: int,
    action: str = "",
    severity: str = "",
    session_id: str = "",
    api_key_id: str = "",
) -> dict[str, Any]:
    """Lines within the key's scope, newest first, with the number that match."""
    asked = {"action": action, "severity": severity, "api_key_id": api_key_id}
    with db.read() as tx:
        asked["session_id"] = _session(tx, session_id) if session_id else ""
        filters = {name: value for name, value in asked.items() if value}
        rows, total = audit.page(tx, filters, caller.sessions, limit, offset)
    return {"data": [_shown(row) for row in rows], "total": total}


def _session(tx: Tx, given: str) -> str:
    """The id of the session with that id or name; of one that is deleted its id is still in the log."""
    try:
        return str(sessions.find(tx, given).id)
    except NotFound:
        return given


def _shown(row: audit.Entry) -> dict[str, Any]:
    """AuditLog."""
    return {
        "id": row.id,
        "action": row.action,
        "severity": row.severity,
        "apiKeyId": row.api_key_id,
        "apiKeyName": row.api_key_name,
        "sessionId": row.session_id,
        "sessionName": row.session_name,
        "ipAddress": row.ip_address,
        "userAgent": row.user_agent,
        "method": row.method,
        "path": row.path,
        "statusCode": row.status_code,
        "metadata": row.metadata,
        "errorMessage": row.error_message,
        "createdAt": moment(row.created_at),
    }
