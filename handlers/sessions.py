"""Sessions: one WhatsApp account each, from creation through linking to deletion."""

import base64
import io
import resource
from functools import lru_cache
from typing import Any

import segno

from engines import Engines, base
from handlers import shapes
from handlers.errors import BadRequest
from handlers.media import Keeper
from handlers.security import Caller
from handlers.settings import Settings
from storage import audit, credentials, idempotency, sessions
from storage.db import Database

Json = dict[str, Any]


def create(db: Database, now: int, caller: Caller, body: Json, idempotency_key: str = "") -> tuple[Json, int]:
    """Make a session in state `created`; nothing runs yet."""
    columns = {"name": body["name"], "config": body.get("config", {}), "proxy_url": body.get("proxyUrl"),
               "proxy_type": body.get("proxyType")}  # fmt: skip
    use = idempotency.use(caller.key_id, idempotency_key, "sessions.create", body)
    with db.write() as tx:

        def work() -> tuple[Json, int]:
            row = sessions.create(tx, columns, now)
            _audit(tx, "session_created", now, caller, row)
            return shapes.session(row), 201

        answer, status = idempotency.once(tx, use, now, work)
        idempotency.give_to(tx, use, answer["id"])
        return answer, status


def list_all(db: Database, caller: Caller, limit: int, offset: int) -> list[Json]:
    """The sessions the key may see, newest first."""
    with db.read() as tx:
        return [shapes.session(row) for row in sessions.page(tx, caller.sessions, limit, offset)]


def get(db: Database, session_id: str) -> Json:
    """One session."""
    with db.read() as tx:
        return shapes.session(sessions.find(tx, session_id))


def delete(
    db: Database, engines: Engines, keeper: Keeper, now: int, caller: Caller, settings: Settings, session_id: str
) -> tuple[None, int]:
    """End the session, unlink its device and remove all that belongs to it, credentials included."""
    with db.write() as tx:
        row = sessions.remove(tx, session_id)
        _audit(tx, "session_deleted", now, caller, row)
        credentials.doom(settings.data_dir, row.id)
    engines.remove(row.id)
    credentials.remove(settings.data_dir, row.id)
    keeper.tidy()
    return None, 204


def start(db: Database, engines: Engines, now: int, caller: Caller, settings: Settings, session_id: str) -> Json:
    """Start linking, or reconnect a linked account; what happens next is seen in `status`."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)

    def load() -> base.Account:
        with db.write() as tx:
            found = sessions.find(tx, row.id)
            sessions.want(tx, row.id, now, running=True)
            _audit(tx, "session_started", now, caller, row)
        return account(found, settings)

    engines.start(row.id, load)
    return get(db, row.id)


def stop(db: Database, engines: Engines, now: int, caller: Caller, session_id: str) -> Json:
    """Disconnect and keep the credentials; a session that does not run is simply stopped."""
    return _end(db, engines, now, caller, session_id, "session_stopped")


def force_kill(db: Database, engines: Engines, now: int, caller: Caller, session_id: str) -> Json:
    """End the session's engine at once, whatever it is doing."""
    return _end(db, engines, now, caller, session_id, "session_force_killed")


def get_qr(db: Database, engines: Engines, session_id: str) -> Json:
    """The newest code to scan, as a PNG data URL."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
    if row.status == "ready":
        raise BadRequest("Session is already authenticated, no QR code needed")
    code = _started(engines, row.id).qr()
    expires = shapes.moment(code.expires_at)
    return {"qrCode": png(code.text), "qrText": code.text, "expiresAt": expires, "status": row.status}


def request_pairing_code(db: Database, engines: Engines, session_id: str, body: Json) -> tuple[Json, int]:
    """A code to type on the phone instead of scanning."""
    with db.read() as tx:
        row = sessions.find(tx, session_id)
    if row.status == "ready":
        raise BadRequest("Session is already authenticated, no pairing code needed")
    code = _started(engines, row.id).pairing_code(body["phoneNumber"])
    with db.read() as tx:
        return {"pairingCode": code, "status": sessions.find(tx, row.id).status}, 201


def get_stats(db: Database, engines: Engines, caller: Caller) -> Json:
    """How many sessions the key may see are in which state, and what the process needs."""
    with db.read() as tx:
        counts = sessions.counts(tx, caller.sessions)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "total": sum(counts.values()),
        "active": sum(caller.may(session_id) for session_id in engines.running()),
        "ready": counts.get("ready", 0),
        "disconnected": counts.get("disconnected", 0),
        "byStatus": counts,
        "memoryUsage": {"heapUsed": resident, "heapTotal": resident, "rss": resident},
    }


def account(row: sessions.Session, settings: Settings) -> base.Account:
    """What an engine is told of a session."""
    return base.Account(
        row.id, row.name, str(credentials.directory(settings.data_dir, row.id)), row.proxy_url, row.config
    )


@lru_cache(maxsize=64)
def png(text: str) -> str:
    """A QR code of `text` as a PNG data URL; drawn once, which takes 30 ms, since it is asked for again and again."""
    picture = io.BytesIO()
    segno.make(text, error="m").save(picture, kind="png", scale=6, border=4)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def _end(db: Database, engines: Engines, now: int, caller: Caller, given: str, action: str) -> Json:
    with db.write() as tx:
        row = sessions.find(tx, given)
        sessions.want(tx, row.id, now, running=False)
        _audit(tx, action, now, caller, row)
    kill = action == "session_force_killed"
    if engines.stop(row.id, lambda engine: engine.kill() if kill else engine.stop()) or row.status in sessions.LIVE:
        with db.write() as tx:
            sessions.mark(tx, row.id, now, status="disconnected", reason=None, phone=None, push_name=None)
    return get(db, row.id)


def _started(engines: Engines, session_id: str) -> base.Engine:
    if session_id not in engines.running():
        raise base.NotStarted("Session is not started. Call POST /sessions/{sessionId}/start first.")
    return engines.live(session_id)


def _audit(tx: Any, action: str, now: int, caller: Caller, row: sessions.Session) -> None:
    audit.record(tx, action, now, session_id=row.id, session_name=row.name, **caller.traces())
