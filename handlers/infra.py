"""The gateway's inside: its database, its queues, its engines, and what it was started with. For admins."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from engines import Engines
from engines.capabilities import CAPABILITIES
from handlers.errors import ReadOnly
from handlers.settings import Settings
from handlers.shapes import moment
from storage import infra, stats
from storage.db import Database

Json = dict[str, Any]
_NAMES = {"simulator": "Simulator", "whatsmeow": "whatsmeow"}
_LIBRARIES = {"whatsmeow": "neonize"}


def health(now: int) -> Json:
    """Say that the gateway answers, and when."""
    return {"status": "ok", "timestamp": moment(now)}


def get_status(db: Database, settings: Settings) -> Json:
    """What the gateway stands on, and how its queues are."""
    shown = get_config(db, settings)
    with db.read() as tx:
        waiting, said = infra.open_sends(tx), stats.totals(tx)
        hooks = {state: infra.deliveries_in(tx, state) for state in ("pending", "done", "dead")}
    return {
        "database": {"connected": True, "type": shown["database"]["type"], "host": shown["database"]["host"]},
        "redis": {"enabled": False, "connected": False, "host": "", "port": 0},
        "queue": {
            "enabled": True,
            "messages": {"pending": waiting, "completed": max(said.sent - waiting, 0), "failed": said.failed},
            "webhooks": {"pending": hooks["pending"], "completed": hooks["done"], "failed": hooks["dead"]},
        },
        "storage": {"type": shown["storage"]["type"], "path": shown["storage"]["localPath"]},
        "engine": shown["engine"],
    }


def list_engines(engines: Engines) -> list[Json]:
    """Every engine there is, with what it can do."""
    return [_engine(kind, engines.kind) for kind in CAPABILITIES]


def get_engine(engines: Engines) -> Json:
    """Which engine runs."""
    return {"engineType": engines.kind}


def get_config(db: Database, settings: Settings) -> Json:
    """What the gateway was started with, in OpenWA's words; of secrets only whether they are set."""
    where, shown = infra.place(db), settings.shown
    return {
        "database": {
            "type": where.type, "builtIn": where.type == "sqlite", "host": where.host, "port": where.port,
            "username": where.username, "database": where.database, "poolSize": int(shown["HTTP_THREADS"]),
            "sslEnabled": where.encrypted, "sslRejectUnauthorized": where.encrypted, "passwordSet": where.password_set,
        },
        "redis": {"enabled": False, "builtIn": False, "host": "", "port": "", "passwordSet": False},
        "queue": {"enabled": True},
        "storage": {
            "type": "local", "builtIn": True, "localPath": str(settings.data_dir), "s3Bucket": "", "s3Region": "",
            "s3Endpoint": "", "s3CredentialsSet": False,
        },
        "engine": {
            "type": shown["ENGINE_TYPE"], "headless": True, "sessionDataPath": str(settings.data_dir / "sessions"),
            "browserArgs": "",
        },
    }  # fmt: skip


def update_config() -> None:
    """Refuse: the configuration is the environment's."""
    raise ReadOnly(
        "Configuration is read from the environment and is read-only at runtime. "
        "Change the corresponding environment variable and restart the service."
    )


def _engine(kind: str, current: str) -> Json:
    shown = {"id": kind, "name": _NAMES.get(kind, kind), "enabled": kind == current,
             "features": sorted(CAPABILITIES[kind])}  # fmt: skip
    try:
        library = _LIBRARIES[kind]
        return {**shown, "library": {"name": library, "version": version(library)}}
    except (KeyError, PackageNotFoundError):  # has none, or it is not installed here
        return shown
