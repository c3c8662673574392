"""Who is who: a person has a hidden address and a phone's, and is known by the latter as soon as a session knows it.

What was stored under the hidden address until then is moved, in the transaction that learns it. Message ids stay as
they are, whatever address stands in them: others have written them down.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, delete, func, select, type_coerce, update

from storage import lanes
from storage.db import Tx, upsert
from storage.events import id_of
from storage.schema import Json
from storage.tables import chats, deliveries, events, identities, messages, sends, webhooks
from storage.tables import lanes as lanes_table

_PORTION = 500
_HIDDEN = "@lid"
_NAMED = ("chatId", "from", "to", "author", "senderId", "from_chat")  # JSON members that hold one person's address

_OF_SESSION = identities.c.session_id == bindparam("session_id")
_ASKED: Any = bindparam("asked", expanding=True)
_PHONES = select(identities.c.lid, identities.c.phone).where(identities.c.lid.in_(_ASKED), _OF_SESSION)
_LIDS = select(identities.c.phone, identities.c.lid).where(identities.c.phone.in_(_ASKED), _OF_SESSION)
_MERGED = select(identities.c.phone, identities.c.lid).where(_OF_SESSION, identities.c.merged)


def known(tx: Tx, session_id: str, address: str) -> str:
    """The address that is used for whoever is at this one, as far as the session knows; costs nothing by phone."""
    return phones(tx, session_id, [address]).get(address, address) if address.endswith(_HIDDEN) else address


def phones(tx: Tx, session_id: str, lids: Collection[str]) -> dict[str, str]:
    """The phone's address of each of these hidden ones, as far as the session knows it."""
    return _pairs(tx, _PHONES, session_id, lids) if lids else {}


def lids(tx: Tx, session_id: str, known: Collection[str]) -> dict[str, str]:
    """The hidden address of each of these phone's ones, as far as the session knows it."""
    return _pairs(tx, _LIDS, session_id, known) if known else {}


def merged(tx: Tx, session_id: str) -> dict[str, str]:
    """The people of whom there was a history under their hidden address: phone's address to hidden one."""
    return _pairs(tx, _MERGED, session_id)


def forms(tx: Tx, session_ids: Collection[str], address: str) -> set[str]:
    """Every address of the person at `address` that these sessions, or all, know; itself among them."""
    query = select(identities.c.lid, identities.c.phone).distinct()
    if session_ids:
        query = query.where(identities.c.session_id.in_(session_ids))
    one = identities.c.lid if address.endswith(_HIDDEN) else identities.c.phone
    return {address}.union(*tx.execute(query.where(one == address)).all())


def link(tx: Tx, session_id: str, lid: str, phone: str, now: int) -> bool:
    """The two are one person: what the session has stored under the hidden address is moved. Whether there was any."""
    known = phones(tx, session_id, [lid]).get(lid)
    if known == phone:
        return False
    moved = known is None and _merge(tx, session_id, lid, phone)
    row = {"session_id": session_id, "lid": lid, "phone": phone, "merged": moved, "created_at": now}
    put = upsert(tx.dialect.name, identities).values(row)
    tx.execute(put.on_conflict_do_update(index_elements=["lid", "session_id"], set_={"phone": phone}))
    return moved


def _pairs(tx: Tx, query: Select[Any], session_id: str, asked: Iterable[str] = ()) -> dict[str, str]:
    rows = tx.execute(query, {"session_id": session_id, "asked": list(asked)})
    return {one: other for one, other in rows}  # noqa: C416 - rows are no pairs to dict's eyes


def _merge(tx: Tx, session_id: str, lid: str, phone: str) -> bool:
    """Move all that stands under `lid`; nothing to do is the common case, and costs two look-ups."""
    written = (messages.c.session_id == session_id, messages.c.sender == lid)
    in_chat = (chats.c.session_id == session_id, chats.c.chat_id == lid)
    count = tx.execute(select(chats.c.message_count).where(*in_chat)).scalar()
    elsewhere = tx.execute(select(messages.c.wa_message_id).where(*written, messages.c.chat_id != lid)).scalars().all()
    if count is None and not elsewhere:
        return False
    ids = [str(id_of(f"msg_{session_id}_{wa_message_id}")) for wa_message_id in elsewhere]
    for start in range(0, len(ids), _PORTION):
        tx.execute(update(events).where(events.c.id.in_(ids[start : start + _PORTION])).values(_data(tx, lid, phone)))
    details = {"metadata": _renamed(tx, messages.c.metadata, lid, phone)}
    tx.execute(update(messages).where(*written).values(sender=phone, **details))
    _move_chat(tx, session_id, lid, phone, count or 0)
    _move_deliveries(tx, session_id, lid, phone)
    _move_filters(tx, session_id, lid, phone)
    return True


def _move_chat(tx: Tx, session_id: str, lid: str, phone: str, count: int) -> None:
    here = (messages.c.session_id == session_id, messages.c.chat_id == lid)
    details = {"metadata": _renamed(tx, messages.c.metadata, lid, phone)}
    tx.execute(update(messages).where(*here, messages.c.recipient == lid).values(recipient=phone))
    tx.execute(update(messages).where(*here).values(chat_id=phone, **details))
    content = _renamed(tx, sends.c.content, lid, phone)
    of_chat = (sends.c.session_id == session_id, sends.c.chat_id == lid)
    tx.execute(update(sends).where(*of_chat).values(chat_id=phone, content=content))
    told = (events.c.session_id == session_id, events.c.chat_id == lid)
    tx.execute(update(events).where(*told).values(chat_id=phone, **_data(tx, lid, phone)))
    tx.execute(delete(chats).where(chats.c.session_id == session_id, chats.c.chat_id == lid))
    if count:
        grown = upsert(tx.dialect.name, chats).values(session_id=session_id, chat_id=phone, message_count=count)
        more = {"message_count": chats.c.message_count + grown.excluded.message_count}
        tx.execute(grown.on_conflict_do_update(index_elements=["session_id", "chat_id"], set_=more))


def _move_deliveries(tx: Tx, session_id: str, lid: str, phone: str) -> None:
    """What is open in the chat goes on in the order it had; where it is under way this moment, by itself."""
    mine = select(webhooks.c.id).where(webhooks.c.session_id == session_id)
    free = select(lanes_table.c.row, lanes_table.c.webhook_id, lanes_table.c.ready_at)
    free = free.where(lanes_table.c.webhook_id.in_(mine), lanes_table.c.lane == lid, lanes_table.c.lease.is_(None))
    for lane in tx.execute(free.order_by(lanes_table.c.webhook_id).with_for_update()).all():
        open_ = (deliveries.c.webhook_id == lane.webhook_id, deliveries.c.lane == lid, deliveries.c.state == "pending")
        tx.execute(update(deliveries).where(*open_).values(lane=phone))
        tx.execute(delete(lanes_table).where(lanes_table.c.row == lane.row))
        lanes.open_(tx, [(lane.webhook_id, phone)], lane.ready_at)


def _move_filters(tx: Tx, session_id: str, lid: str, phone: str) -> None:
    filtered = select(webhooks.c.id, webhooks.c.filters).where(webhooks.c.session_id == session_id)
    for hook_id, filters in tx.execute(filtered.where(webhooks.c.filters.is_not(None))).all():
        conditions = [_condition(condition, lid, phone) for condition in filters["conditions"]]
        if conditions != filters["conditions"]:
            changed = {**filters, "conditions": conditions}
            tx.execute(update(webhooks).where(webhooks.c.id == hook_id).values(filters=changed))


def _condition(condition: dict[str, Any], lid: str, phone: str) -> dict[str, Any]:
    value = condition["value"]
    if condition["field"] not in ("sender", "recipient", "mentions"):
        return condition
    return {**condition, "value": list(dict.fromkeys(phone if one == lid else one for one in value))}


def _data(tx: Tx, lid: str, phone: str) -> dict[str, ColumnElement[Any]]:
    shown = func.replace(cast(events.c.data, Text), ',"isLidSender":true', f',"senderLid":"{lid}"')
    return {"data": _renamed(tx, shown, lid, phone)}


def _renamed(tx: Tx, column: Any, old: str, new: str) -> ColumnElement[Any]:
    """A JSON column with one address for another: in lists, as a name, and where a member is an address.

    The database does it with the text of the JSON, which has no spaces (`storage.db`); what people wrote stays.
    """
    written: Any = cast(column, Text)
    for before, after in _places(old, new):
        written = func.replace(written, before, after)
    return type_coerce(written, Json) if tx.dialect.name == "sqlite" else cast(written, Json)


def _places(old: str, new: str) -> Iterable[tuple[str, str]]:
    for opening in ("[", ",", "{"):
        yield f'{opening}"{old}"', f'{opening}"{new}"'
    for name in _NAMED:
        yield f'"{name}":"{old}"', f'"{name}":"{new}"'
