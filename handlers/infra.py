"""The gateway's inside: its database, its queues, its engines, and what it was started with. For admins."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from engines import Engines
from engines.capabilities import CAPABILITIES
from handlers.errors import BadRequest, ReadOnly
from handlers.media import Keeper
from handlers.security import Caller
from handlers.settings import Settings
from handlers.shapes import moment
from handlers.webhooks import Courier
from storage import Conflict, archives, audit, exchange, infra, sessions, stats
from storage.db import Database

Json = dict[str, Any]
_NAMES = {"simulator": "Simulator", "whatsmeow": "whatsmeow"}
_LIBRARIES = {"whatsmeow": "neonize"}
_EXPORT_KEPT = 3_600_000  # milliseconds


def health(now: int) -> Json:
    """Say that the gateway answers, and when."""
    return {"status": "ok", "timestamp": moment(now)}


def get_status(db: Database, settings: Settings) -> Json:
    """What the gateway stands on, and how its queues are."""
    shown = get_config(db, settings)
    store = shown["storage"]
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
        "storage": {"type": store["type"], "path": store["localPath"],
                    **({"bucket": store["s3Bucket"]} if store["type"] == "s3" else {})},
        "engine": shown["engine"],
    }  # fmt: skip


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
            "type": shown["STORAGE_TYPE"], "builtIn": shown["STORAGE_TYPE"] == "local",
            "localPath": str(settings.data_dir / "media"), "s3Bucket": shown["S3_BUCKET"],
            "s3Region": shown["S3_REGION"], "s3Endpoint": shown["S3_ENDPOINT"],
            "s3CredentialsSet": bool(shown["S3_ACCESS_KEY_ID"] and shown["S3_SECRET_ACCESS_KEY"]),
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


def export_data(db: Database, now: int, caller: Caller) -> tuple[Iterator[bytes], int, dict[str, str]]:
    """Sessions, webhooks, messages and templates as OpenWA's export has them, written while they are read."""
    with db.write() as tx:
        audit.record(tx, "infra_data_exported", now, **caller.traces())
    return _exported(db, now), 200, {"Content-Type": "application/json"}


def import_data(db: Database, engines: Engines, delivery: Courier, now: int, caller: Caller, body: Json) -> Json:
    """Put such an export in the place of all sessions and what belongs to them, all or nothing."""
    tables = body["tables"]
    if not any(tables.values()):
        raise BadRequest("tables must hold at least one row: an empty import would remove everything")
    running, force = engines.running(), body.get("force", False)
    if running and not force:
        raise Conflict("Sessions are running; stop them first, or send force")
    for session_id in running:
        engines.stop(session_id)
    try:
        found = exchange.read(tables)
        with db.write() as tx:
            counts = exchange.write(tx, found, now)
            sessions.reset_live(tx, now)
            audit.record(tx, "infra_data_imported", now, metadata={"counts": counts}, **caller.traces())
    except exchange.Misfit as error:
        return {"imported": False, "counts": {}, "warnings": error.warnings}
    delivery.wake()
    left_out = [f"{name} were left out" for name, rows in tables.items() if rows and not exchange.taken(name)]
    return {"imported": True, "counts": counts, "warnings": left_out}


def count_files(db: Database, settings: Settings) -> Json:
    """How many media files are kept and how large they are."""
    with db.read() as tx:
        number, size = archives.count(tx)
    kind = get_config(db, settings)["storage"]["type"]
    return {"storageType": kind, "count": number, "sizeBytes": size, "sizeMB": f"{size / 2**20:.2f}"}


def export_storage(db: Database, keeper: Keeper, now: int, caller: Caller, settings: Settings) -> Json:
    """Write all media files into one archive in the data directory; earlier archives go after an hour."""
    folder = settings.data_dir / "exports"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob("storage-*.tar.gz"):
        if old.stat().st_mtime * 1000 < now - _EXPORT_KEPT:
            old.unlink(missing_ok=True)
    target = folder / f"storage-{now}.tar.gz"
    number = archives.pack(db, target, lambda row: keeper.read(row, 0, row.size))
    with db.write() as tx:
        audit.record(tx, "infra_storage_exported", now, metadata={"count": number}, **caller.traces())
    return {"message": f"{number} files exported", "download": f"exports/{target.name}"}


def import_storage(db: Database, now: int, caller: Caller, settings: Settings, body: Json) -> Json:
    """Put media files back from such an archive, which has to lie in the data directory."""
    root = settings.data_dir.resolve()
    given = (root / body["filePath"]).resolve()
    if not given.is_relative_to(root):
        raise BadRequest("filePath must be inside the data directory")
    if not _is_file(given):
        raise BadRequest(f"File not found: {body['filePath']}")
    try:
        number = archives.unpack(db, given, root / "media")
    except archives.NoArchive as error:
        raise BadRequest(str(error)) from error
    with db.write() as tx:
        audit.record(tx, "infra_storage_imported", now, metadata={"count": number}, **caller.traces())
    return {"imported": True, "count": number, "storageType": get_config(db, settings)["storage"]["type"]}


def _is_file(path: Path) -> bool:
    """Whether it is one; a name that is too long for the system is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _exported(db: Database, now: int) -> Iterator[bytes]:
    counts: dict[str, int] = dict.fromkeys(exchange.NAMES, 0)
    kind = infra.place(db).type
    yield f'{{"exportedAt":"{moment(now)}","dataDbType":"{kind}","tables":{{'.encode()
    with db.snapshot() as tx:
        for n, name in enumerate(exchange.NAMES):
            yield f'{"," if n else ""}"{name}":['.encode()
            for row in exchange.rows(tx, name, moment):
                yield (b"," if counts[name] else b"") + orjson.dumps(row)
                counts[name] += 1
            yield b"]"
    yield b'},"counts":' + orjson.dumps(counts) + b"}"


def _engine(kind: str, current: str) -> Json:
    shown = {"id": kind, "name": _NAMES.get(kind, kind), "enabled": kind == current,
             "features": sorted(CAPABILITIES[kind])}  # fmt: skip
    try:
        library = _LIBRARIES[kind]
        return {**shown, "library": {"name": library, "version": version(library)}}
    except (KeyError, PackageNotFoundError):  # has none, or it is not installed here
        return shown
