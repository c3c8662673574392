"""The shop of a business account."""

from tests.support import Gateway

ADA = "447700900006@c.us"
CATALOG = "/sessions/my-bot/catalog"
PRODUCT, SHOP = "/sessions/my-bot/messages/send-product", "/sessions/my-bot/messages/send-catalog"
TEAPOT = "7000000000000001"


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


# --- sent ----------------------------------------------------------------------------------------


def received(gateway: Gateway) -> list[str]:
    return [entry["body"] for entry in gateway.world.control.inbox(ADA)]


def test_a_product_is_shown_to_a_chat(ready: Gateway) -> None:
    answer = ready.post(PRODUCT, json={"chatId": ADA, "productId": TEAPOT, "body": "For you"})

    (message,) = ready.get("/sessions/my-bot/messages").json["messages"]
    assert (201, {"id": message["waMessageId"], "timestamp": message["timestamp"]}) == (answer.status_code, answer.json)
    assert ("For you", {"product": {"id": TEAPOT}}) == (message["body"], message["metadata"])
    phone = ready.get("/sessions/my-bot").json["phone"]
    assert [f"For you\nTeapot\nhttps://wa.me/p/{TEAPOT}/{phone}"] == received(ready)


def test_the_catalog_is_shown_to_a_chat(ready: Gateway) -> None:
    answer = ready.post(SHOP, json={"chatId": "+44 7700 900006"})

    assert (201, {"id", "timestamp"}) == (answer.status_code, set(answer.json))
    assert 1 == len(received(ready))
    assert "https://wa.me/c/" in received(ready)[0]


def test_the_same_key_shows_once(ready: Gateway) -> None:
    key = {"Idempotency-Key": "k"}
    for path, body in ((PRODUCT, {"chatId": ADA, "productId": TEAPOT}), (SHOP, {"chatId": ADA})):
        answers = [ready.post(path, json=body, headers={"Idempotency-Key": path}) for _ in range(2)]
        assert answers[0].json == answers[1].json
    assert 2 == len(received(ready))
    ready.post(SHOP, json={"chatId": ADA}, headers=key)
    assert 422 == ready.post(PRODUCT, json={"chatId": ADA, "productId": TEAPOT}, headers=key).status_code


def test_a_product_that_is_not_there_is_not_sent(ready: Gateway) -> None:
    answer = ready.post(PRODUCT, json={"chatId": ADA, "productId": "1"})
    assert (404, "Product 1 not found") == (answer.status_code, answer.json["message"])
    assert [] == received(ready)


def test_a_product_can_wait_its_time(ready: Gateway) -> None:
    later = {"chatId": ADA, "productId": TEAPOT, "sendAt": "2999-01-01T00:00:00.000Z"}
    waiting = ready.post(PRODUCT, json=later)
    assert (202, "queued") == (waiting.status_code, waiting.json["status"])
    looked = ready.post(SHOP, json={"chatId": ADA}, headers={"X-Preflight": "true"})
    assert (200, True) == (looked.status_code, looked.json["wouldSend"])
    assert [] == received(ready)


def test_a_body_that_shows_nothing_to_nobody_is_refused(ready: Gateway) -> None:
    products = [{}, {"chatId": ADA}, {"chatId": "me", "productId": TEAPOT}, {"chatId": ADA, "productId": ""}]
    shops = [{}, {"chatId": ADA, "productId": TEAPOT}, {"chatId": ADA, "body": "x" * 4097}, {"chatId": 1}]
    answers = [ready.post(PRODUCT, json=body) for body in products] + [ready.post(SHOP, json=body) for body in shops]
    assert [(400, list)] * 8 == [(answer.status_code, type(answer.json["message"])) for answer in answers]
    assert [] == received(ready)
