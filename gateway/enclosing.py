"""Media inside of what webhooks get, as OpenWA has it: small media comes in base64 beside its link.

The event log keeps the link alone, so that the same media is not stored once more for each endpoint that it is told.
"""

import base64
import logging
from collections.abc import Callable
from typing import Any

import orjson

from gateway.media import Media
from storage import NotFound, Unavailable, media
from storage.db import Database

log = logging.getLogger("openwa.delivery")
_CARRY = ("message.received", "message.sent")


def enclosing(db: Database, keeper: Media, most: int) -> Callable[[Any], str]:
    """What makes of a delivery its payload as JSON text, with its media inside if that has at most so many bytes.

    What is no longer kept, or cannot be read now, stays a link.
    """

    def enclose(parcel: Any) -> str:
        if not most or parcel.type not in _CARRY or '"omitted"' not in parcel.data:
            return str(parcel.data)
        data = orjson.loads(parcel.data)
        told = data.get("media") or {}
        if not told.get("url") or told["sizeBytes"] > most:
            return str(parcel.data)
        try:
            with db.snapshot() as tx:  # workers are many, and keep no connection for what they seldom need
                row = media.of_message(tx, told["url"].split("/")[-2])
            inside = base64.b64encode(keeper.whole(row)).decode()
        except (NotFound, FileNotFoundError):
            return str(parcel.data)
        except (OSError, Unavailable) as error:
            log.warning("delivery %s goes without its media: %s", parcel.id, error)
            return str(parcel.data)
        kept = {name: value for name, value in told.items() if name != "omitted"}
        return orjson.dumps({**data, "media": {**kept, "data": inside}}).decode()

    return enclose
