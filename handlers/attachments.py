"""What is made of a request that sends media: by URL, or with the bytes as base64."""

from collections.abc import Callable
from typing import Any

from engines import base
from handlers import shapes
from handlers.errors import BadRequest
from handlers.media import UNKNOWN
from handlers.sending import Parcel
from handlers.uploads import Upload

Json = dict[str, Any]
DEFAULTS: dict[base.MediaKind, str] = {  # what media is taken for where nobody says
    "image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg", "voice": "audio/ogg; codecs=opus",
    "sticker": "image/webp", "document": UNKNOWN,
}  # fmt: skip


def pack(
    check: Callable[[str], object],
    session_id: str,
    kind: base.MediaKind,
    body: Json,
    *,
    mentions: tuple[str, ...] = (),
    default: bool = False,
) -> Parcel:
    """The message with the media that `body` names; base64 wins over a URL.

    Media by URL is fetched when it is sent; until then `check` says whether it may be. `default` says that bytes need
    no type. Raises BadRequest, Blocked.
    """
    upload, url = body.get("base64") or None, body.get("url") or ""
    mimetype = body.get("mimetype") or (upload.mimetype if isinstance(upload, Upload) else None)
    size, path = 0, url
    if isinstance(upload, Upload):
        mimetype = mimetype or (DEFAULTS[kind] if default or kind == "voice" else None)
        if not mimetype:
            raise BadRequest("mimetype is required when using base64 data")
        size, path = upload.kept.size if upload.kept else 0, upload.name
    elif url:
        check(url)
    else:
        raise BadRequest("Either url or base64 must be provided")
    filename = body.get("filename") or None
    said = body.get("caption") if kind in ("image", "video", "document") else None
    content = base.Media(kind, path, size, mimetype or "", filename, said or None, mentions)
    if isinstance(upload, Upload):
        told = shapes.media(session_id, upload.name, content.mimetype, filename, size)
    else:
        told = {name: value for name, value in (("mimetype", mimetype), ("filename", filename)) if value}
    metadata: Json = {"media": told}
    if mentions:
        metadata["mentionedIds"] = list(mentions)
    shown = {"audio": None, "voice": None, "sticker": None, "document": said or filename or ""}.get(kind, said or "")
    return Parcel(kind, shown, content, metadata, upload=upload if isinstance(upload, Upload) else None)
