"""How the account shows itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines import Engines, base
from handlers.asking import live
from handlers.errors import BadRequest, NotAllowed
from handlers.media import Keeper
from handlers.uploads import Upload
from storage import sessions
from storage.db import Database

Json = dict[str, Any]
_DONE = {"success": True}
_JPEG = "image/jpeg"


def set_name(db: Database, engines: Engines, now: int, session_id: str, body: Json) -> Json:
    """Be called that from now on; the session shows it as its pushName."""
    with _permitted():
        live(db, engines, session_id).set_profile_name(body["name"])
    with db.write() as tx:
        sessions.rename(tx, sessions.find(tx, session_id).id, body["name"], now)
    return _DONE


def set_status(db: Database, engines: Engines, session_id: str, body: Json) -> Json:
    """Say that about oneself; empty says nothing."""
    with _permitted():
        live(db, engines, session_id).set_about(body["status"])
    return _DONE


def set_picture(db: Database, engines: Engines, keeper: Keeper, session_id: str, body: Json) -> Json:
    """Be shown by that picture. Raises BadRequest for what is none, NotFetched."""
    engine = live(db, engines, session_id)
    with _picture(keeper, body) as path, _permitted():
        engine.set_picture(str(path))
    return _DONE


@contextmanager
def _picture(keeper: Keeper, body: Json) -> Iterator[Path]:
    """The file that the body names, for as long as it is needed; base64 wins over a URL."""
    upload, url = body.get("base64"), body.get("url")
    if isinstance(upload, Upload):
        mimetype = body.get("mimetype") or upload.mimetype
        if not mimetype:
            raise BadRequest("mimetype is required when using base64 data")
        yield _checked(keeper.path(upload.name), mimetype)
    elif url:
        keeper.check(url)
        with keeper.lend(url) as (path, told):
            yield _checked(path, body.get("mimetype") or told or _JPEG)
    else:
        raise BadRequest("Either url or base64 must be provided")


def _checked(path: Path, mimetype: str) -> Path:
    if mimetype.partition(";")[0].lower() != _JPEG:
        raise BadRequest(f"The picture must be {_JPEG}, not {mimetype}")
    return path


@contextmanager
def _permitted() -> Iterator[None]:
    """What WhatsApp refuses here is a 403, as OpenWA has it."""
    try:
        yield
    except base.Refused as refused:
        raise NotAllowed(str(refused)) from None
