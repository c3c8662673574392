"""The shop of a business account: shown live from the engine, and to chats."""

from functools import partial
from typing import Any

from engines import Engines, base
from engines.things import Catalog, Product
from handlers.asking import live
from handlers.sending import Desk, Parcel, send_operation
from storage.db import Database
from storage.sessions import Session

Json = dict[str, Any]


def get(db: Database, engines: Engines, session_id: str) -> Json | None:
    """The account's shop, None where it has none."""
    found = live(db, engines, session_id).catalog()
    return None if found is None else _catalog(found)


def list_products(db: Database, engines: Engines, session_id: str, page: int, limit: int) -> Json:
    """One page of what is for sale."""
    found, total = live(db, engines, session_id).products(page, limit)
    return {
        "products": [_product(product) for product in found],
        "pagination": {"page": page, "limit": limit, "total": total, "totalPages": -(-total // limit)},
    }


def get_product(db: Database, engines: Engines, session_id: str, product_id: str) -> Json | None:
    """One product, None where there is none of that id."""
    found = live(db, engines, session_id).product(product_id)
    return None if found is None else _product(found)


def _sent(answer: Json) -> Json:
    """CatalogSent: what other sends call messageId is called id here."""
    return {"id": answer["messageId"], "timestamp": answer["timestamp"]}


@partial(send_operation, shape=_sent)
def send_product(_desk: Desk, _session: Session, body: Json) -> Parcel:
    """Show a product to a chat."""
    text, product_id = body.get("body"), body["productId"]
    return Parcel("text", text, base.ProductCard(product_id, text), {"product": {"id": product_id}})


@partial(send_operation, shape=_sent)
def send_catalog(_desk: Desk, _session: Session, body: Json) -> Parcel:
    """Show the whole shop to a chat."""
    text = body.get("body")
    return Parcel("text", text, base.CatalogCard(text), {"catalog": True})


def _catalog(found: Catalog) -> Json:
    shown = {"id": found.id, "name": found.name, "productCount": found.product_count, "url": found.url}
    return shown if found.description is None else {**shown, "description": found.description}


def _product(found: Product) -> Json:
    """Product: what is not known is left out."""
    shown = {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "price": found.price_1000 / 1000,
        "currency": found.currency,
        "priceFormatted": f"{found.currency} {found.price_1000 / 1000:,.2f}",
        "imageUrl": found.image_url,
        "url": found.url,
        "isAvailable": found.is_available,
        "retailerId": found.retailer_id,
    }
    return {name: value for name, value in shown.items() if value is not None}
