"""The shop of a business account."""

import pytest

from tests.support import Gateway

CATALOG = "/sessions/my-bot/catalog"


@pytest.fixture
def ready(gateway: Gateway) -> Gateway:
    gateway.session(ready=True)
    return gateway


def test_the_catalog_tells_what_it_is(ready: Gateway) -> None:
    phone = ready.get("/sessions/my-bot").json["phone"]

    catalog = ready.get(CATALOG).json

    assert (phone, 5, f"https://wa.me/c/{phone}") == (catalog["id"], catalog["productCount"], catalog["url"])


def test_products_come_in_pages(ready: Gateway) -> None:
    page = ready.get(f"{CATALOG}/products?page=2&limit=2").json

    assert {"page": 2, "limit": 2, "total": 5, "totalPages": 3} == page["pagination"]
    assert ["Tea, green", "Cup"] == [product["name"] for product in page["products"]]
    assert [] == ready.get(f"{CATALOG}/products?page=9").json["products"]
    assert 20 == ready.get(f"{CATALOG}/products").json["pagination"]["limit"]


def test_a_product_tells_its_price(ready: Gateway) -> None:
    listed = ready.get(f"{CATALOG}/products").json["products"][0]

    assert (24.5, "EUR", "EUR 24.50") == (listed["price"], listed["currency"], listed["priceFormatted"])
    assert listed == ready.get(f"{CATALOG}/products/{listed['id']}").json


def test_a_product_that_is_not_there_is_null(ready: Gateway) -> None:
    answer = ready.get(f"{CATALOG}/products/1")
    assert (200, None) == (answer.status_code, answer.json)


def test_a_page_that_makes_no_sense_is_refused(ready: Gateway) -> None:
    queries = ["page=0", "limit=0", "limit=1001", "page=x", "offset=1"]
    assert [400] * 5 == [ready.get(f"{CATALOG}/products?{query}").status_code for query in queries]
