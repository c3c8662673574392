"""Media: what a message carries. The row is committed with its message; the bytes are in a file or an object."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, delete, exists, insert, or_, select, update

from storage import NotFound
from storage.db import Tx, literally
from storage.files import Kept
from storage.tables import media, messages, sends

Media = Row[Any]
_ALSO = media.alias()  # others that carry the same bytes
_OPEN = (
    exists()
    .where(sends.c.message_id == _ALSO.c.message_id, sends.c.state.in_(("queued", "sending")))
    .where(_ALSO.c.name == media.c.name)
)
_HELD = exists().where(
    _ALSO.c.name == media.c.name, or_(_ALSO.c.message_id.is_not(None), _ALSO.c.batch_row.is_not(None))
)


class Carried(NamedTuple):
    """A file that a message is going to carry."""

    kept: Kept
    mimetype: str
    filename: str | None


def add(tx: Tx, carried: Carried, now: int, *, message_id: str | None = None, batch_row: int | None = None) -> None:
    """What the message carries, or will once its batch comes to it."""
    row = {
        "message_id": message_id, "batch_row": batch_row, "mimetype": carried.mimetype, "filename": carried.filename,
        "place": "local", "created_at": now, **carried.kept._asdict(),
    }  # fmt: skip
    tx.execute(insert(media), row)


def to_share(tx: Tx, message_id: str) -> Media | None:
    """What a message carries, None where that is nothing; it stays as it is until this transaction ends."""
    query = select(media).where(media.c.message_id == message_id)
    return tx.execute(query.with_for_update(read=True)).one_or_none()


def share(tx: Tx, row: Media, message_id: str, now: int) -> None:
    """Another message carries the same bytes, which stay until the last of them is let go of."""
    told = {name: getattr(row, name) for name in ("name", "size", "sha256", "mimetype", "filename", "place")}
    tx.execute(insert(media), {**told, "message_id": message_id, "created_at": now})


def hand_over(tx: Tx, message_id: str) -> None:
    """A batch's item is a message now, which carries what the batch held for it, under its name, if it did."""
    tx.execute(update(media).where(media.c.name == message_id).values(message_id=message_id, batch_row=None))


def let_go_of_batch(tx: Tx, batch_row: int) -> None:
    """The batch comes to no further item."""
    tx.execute(update(media).where(media.c.batch_row == batch_row).values(batch_row=None))


def of_message(tx: Tx, message_id: str) -> Media:
    """What a message carries, by our id of the message. Raises NotFound."""
    row = tx.execute(select(media).where(media.c.message_id == message_id)).one_or_none()
    if row is None:
        raise NotFound(f"Message {message_id} has no media, or it is no longer kept")
    return row


def of_messages(tx: Tx, session_id: str, wa_message_ids: Collection[str]) -> dict[str, Media]:
    """What these messages carry, by their WhatsApp ids."""
    query = (
        select(media, messages.c.wa_message_id)
        .join(messages, messages.c.id == media.c.message_id)
        .where(messages.c.session_id == session_id, messages.c.wa_message_id.in_(wa_message_ids))
    )
    return {row.wa_message_id: row for row in tx.execute(query)}


def let_go(tx: Tx, message_id: str) -> None:
    """The message carries nothing any more."""
    tx.execute(update(media).where(media.c.message_id == message_id).values(message_id=None))


def let_go_before(tx: Tx, before: int, most: int) -> int:
    """Messages carry nothing that is so old, but for those still to be sent; how many it was."""
    old = select(media.c.row).where(media.c.created_at < before, media.c.message_id.is_not(None), ~_OPEN).limit(most)
    return tx.execute(update(media).where(media.c.row.in_(old)).values(message_id=None)).rowcount


def gone(tx: Tx, most: int) -> list[Media]:
    """Media that belongs to nobody any more; `shared` says whether others still carry its bytes."""
    nobodys = (media.c.message_id.is_(None), media.c.batch_row.is_(None))
    query = select(media, _HELD.label("shared")).where(*nobodys)
    return list(tx.execute(query.order_by(media.c.row).limit(most)))


def forget(tx: Tx, rows: Collection[int]) -> None:
    """Forget media whose bytes are removed."""
    tx.execute(delete(media).where(media.c.row.in_(rows)))


def to_move(tx: Tx, most: int) -> list[Media]:
    """Media on this machine's disk that nobody is going to send from there any more, oldest first."""
    here = and_(literally(media.c.place, "local"), media.c.message_id.is_not(None), ~_OPEN)
    return list(tx.execute(select(media).where(here).order_by(media.c.row).limit(most)))


def moved(tx: Tx, name: str) -> bool:
    """The bytes are an object now; whether there still is a row of them."""
    tx.execute(select(media.c.row).where(media.c.name == name).with_for_update())  # who is sharing them comes first
    return tx.execute(update(media).where(media.c.name == name).values(place="s3")).rowcount > 0


def unknown(tx: Tx, names: Collection[str]) -> set[str]:
    """Those of these names that no row says are files here."""
    here = select(media.c.name).where(media.c.name.in_(names), media.c.place == "local")
    return set(names) - set(tx.execute(here).scalars())
