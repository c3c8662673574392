"""People as the account knows them, live from the engine."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engines import Engines, addresses
from engines.things import Contact
from handlers import shapes
from handlers.asking import Asked, ask
from handlers.errors import BadRequest
from storage.db import Database

Json = dict[str, Any]
_PICTURES = 50  # of one request: each is a question to WhatsApp


def list_all(db: Database, engines: Engines, session_id: str, limit: int, offset: int) -> list[Json]:
    """The address book, and whoever else the account has a chat with."""
    asked = ask(db, engines, session_id)
    return [shapes.contact(one) for one in _known(asked, asked.engine.contacts(limit, offset))]


def check(db: Database, engines: Engines, session_id: str, number: str) -> Json:
    """Whether a phone number is on WhatsApp."""
    asked = ask(db, engines, session_id)
    address = asked.address(number)
    digits = asked.engine.phone_of(address) if addresses.is_hidden(address) else addresses.phone(address)
    if digits is None:
        raise BadRequest(f"'{number}' is no phone number")
    (found,) = asked.engine.check_numbers([digits])
    return {"number": digits, "exists": found.exists, "whatsappId": found.address}


def list_pictures(db: Database, engines: Engines, session_id: str, ids: list[str]) -> dict[str, str | None]:
    """The pictures of the first fifty of these, by what was asked."""
    asked = ask(db, engines, session_id)
    wanted = {written: asked.address(written) for written in ids[:_PICTURES]}
    return {written: asked.engine.picture_url(address) for written, address in wanted.items()}


def get(db: Database, engines: Engines, session_id: str, contact_id: str) -> Json:
    """One person."""
    asked = ask(db, engines, session_id)
    (found,) = _known(asked, [asked.engine.contact(asked.address(contact_id))])
    return shapes.contact(found)


def get_picture(db: Database, engines: Engines, session_id: str, contact_id: str) -> Json:
    """Where the picture of a person or a group is."""
    asked = ask(db, engines, session_id)
    return {"url": asked.engine.picture_url(asked.address(contact_id))}


def get_phone(db: Database, engines: Engines, session_id: str, contact_id: str) -> Json:
    """The phone number behind an address."""
    asked = ask(db, engines, session_id)
    address = asked.address(contact_id)
    return {"contactId": address, "phone": asked.engine.phone_of(address)}


def block(db: Database, engines: Engines, session_id: str, contact_id: str) -> Json:
    """Hear nothing more of a person."""
    asked = ask(db, engines, session_id)
    asked.engine.block(asked.address(contact_id))
    return {"success": True, "message": "Contact blocked"}


def unblock(db: Database, engines: Engines, session_id: str, contact_id: str) -> Json:
    """Hear of a person again."""
    asked = ask(db, engines, session_id)
    asked.engine.unblock(asked.address(contact_id))
    return {"success": True, "message": "Contact unblocked"}


def _known(asked: Asked, found: Sequence[Contact]) -> list[Contact]:
    """Contacts with both addresses, as far as the engine or the session's history tells them."""
    phones = asked.phones(one.id for one in found)
    lids = asked.lids(one.id for one in found if one.lid is None)
    return [
        replace(one, id=phones[one.id], number=addresses.phone(phones[one.id]) or "", lid=one.id)
        if one.id in phones
        else replace(one, lid=one.lid or lids.get(one.id))
        for one in found
    ]
