"""What became of deliveries, told by the API, and having them again."""

from typing import Any

import pytest

from gateway.retries import HOUR, MINUTE, SECOND
from handlers.shapes import moment
from storage import events, webhooks
from storage.events import Draft
from tests.receiver import Receiver, answer
from tests.support import START, Gateway

DAY = 24 * HOUR


@pytest.fixture
def settings() -> dict[str, str]:
    return {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "WEBHOOK_TIMEOUT": "500"}


@pytest.fixture
def path(gateway: Gateway, receiver: Receiver) -> str:
    """The path of a webhook of the session `my-bot` that wants everything."""
    gateway.session()
    body = {"url": receiver.url + "/hook", "events": ["*"]}
    return "/sessions/my-bot/webhooks/" + str(gateway.post("/sessions/my-bot/webhooks", json=body).json["id"])


def happen(gateway: Gateway, *numbers: int, **more: Any) -> None:
    """Messages received by my-bot, numbered."""
    session = gateway.get("/sessions/my-bot").json["id"]
    drafts = [Draft("message.received", f"key_{n}", {"n": n, **more}, "1@c.us") for n in numbers]
    with gateway.program.db.write() as tx:
        events.append(tx, session, drafts, gateway.clock.now())


def turn(gateway: Gateway, after: int = 0) -> int:
    gateway.clock.advance(after / 1000)
    return gateway.program.delivery.turn(gateway.clock.now())


def got(receiver: Receiver) -> list[int]:
    return [one.json["data"]["n"] for one in receiver.received]


def die(gateway: Gateway, receiver: Receiver, *numbers: int) -> None:
    """These happen, and the receiver takes none of them for as long as they are tried."""
    receiver.behaviour = answer(400)
    happen(gateway, *numbers)
    for _ in range(4):
        turn(gateway, DAY)
    receiver.behaviour = answer()
    receiver.received.clear()


def test_a_delivery_tells_every_attempt(gateway: Gateway, receiver: Receiver, path: str) -> None:
    receiver.behaviour = answer(500, b"busy")
    happen(gateway, 1)
    turn(gateway)
    receiver.behaviour = answer(200, b"fine")
    turn(gateway, 10 * SECOND)

    listed = gateway.get(f"{path}/deliveries").json
    assert listed == [gateway.get(f"{path}/deliveries/{listed[0]['id']}").json]
    assert (listed[0]["state"], listed[0]["finishedAt"]) == ("done", moment(START + 10 * SECOND))
    told = [(one["at"], one["statusCode"], one["error"], one["response"]) for one in listed[0]["attempts"]]
    assert told == [(moment(START), 500, None, "busy"), (moment(START + 10 * SECOND), 200, None, "fine")]


def test_deliveries_are_listed_by_state_and_in_pages(gateway: Gateway, receiver: Receiver, path: str) -> None:
    happen(gateway, 1, 2, 3)
    turn(gateway)
    happen(gateway, 4)

    def sequences(query: str) -> list[int]:
        return [one["sequence"] for one in gateway.get(f"{path}/deliveries{query}").json]

    asked = ["", "?state=done", "?state=pending", "?state=dead", "?limit=2&offset=1"]
    assert [sequences(query) for query in asked] == [[4, 3, 2, 1], [3, 2, 1], [4], [], [3, 2]]
    assert len(receiver.received) == 3


def test_an_unknown_delivery_is_not_found(gateway: Gateway, path: str) -> None:
    answered = gateway.get(f"{path}/deliveries/dlv_none")

    assert (answered.status_code, answered.json["message"]) == (404, "Delivery with id 'dlv_none' not found")
    assert gateway.post(f"{path}/deliveries/dlv_none/replay").status_code == 404


def test_one_delivery_comes_again_under_its_id(gateway: Gateway, receiver: Receiver, path: str) -> None:
    happen(gateway, 1)
    turn(gateway)
    known = receiver.received[0].json["deliveryId"]

    answered = gateway.post(f"{path}/deliveries/{known}/replay")
    turn(gateway, MINUTE)

    assert (answered.status_code, answered.json["state"]) == (200, "pending")
    first, second = receiver.received
    assert (first.body, second.headers["x-openwa-retry-count"]) == (second.body, "0")
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_dead_letters_are_listed_and_come_again_in_order(gateway: Gateway, receiver: Receiver, path: str) -> None:
    die(gateway, receiver, 1, 2, 3)
    listed = gateway.get("/webhooks/delivery-failures?sessionId=my-bot").json

    answered = gateway.post(f"{path}/replay", json={"failures": True})
    turn(gateway)

    assert [one["sequence"] for one in listed] == [3, 2, 1]
    assert answered.json == {"queued": 3, "complete": True, "nextFrom": None}
    assert (got(receiver), gateway.get("/webhooks/delivery-failures").json) == ([1, 2, 3], [])


def test_dead_letters_of_another_session_are_not_listed(gateway: Gateway, receiver: Receiver, path: str) -> None:
    die(gateway, receiver, 1)
    gateway.session("other")

    assert gateway.get("/webhooks/delivery-failures?sessionId=other").json == []
    assert gateway.get("/webhooks/delivery-failures?sessionId=nobody").status_code == 404
    assert len(gateway.get(f"{path}/deliveries?state=dead").json) == 1


def test_a_time_comes_again_delivered_or_not(gateway: Gateway, receiver: Receiver, path: str) -> None:
    for n in range(1, 6):
        happen(gateway, n)
        turn(gateway, MINUTE)
    receiver.received.clear()

    asked = {"from": moment(START + MINUTE), "to": moment(START + 3 * MINUTE)}
    answered = gateway.post(f"{path}/replay", json=asked)
    turn(gateway)

    assert (answered.status_code, answered.json["queued"], got(receiver)) == (202, 2, [2, 3])


def test_what_was_missed_while_switched_off_comes_with_a_replay(
    gateway: Gateway, receiver: Receiver, path: str
) -> None:
    gateway.put(path, json={"active": False})
    happen(gateway, 1, 2)
    turn(gateway, MINUTE)
    gateway.put(path, json={"active": True})
    assert turn(gateway) == 0

    gateway.post(f"{path}/replay", json={"from": moment(START)})
    turn(gateway)

    assert got(receiver) == [1, 2]


def test_a_replay_of_a_time_obeys_the_filters(gateway: Gateway, receiver: Receiver, path: str) -> None:
    happen(gateway, 1, fromMe=True)
    happen(gateway, 2, fromMe=False)
    turn(gateway)
    receiver.received.clear()
    gateway.put(path, json={"filters": {"conditions": [{"field": "fromMe", "operator": "is", "value": False}]}})

    gateway.post(f"{path}/replay", json={"from": moment(START)})
    turn(gateway)

    assert got(receiver) == [2]


def test_a_large_replay_says_where_to_go_on(
    gateway: Gateway, path: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.webhooks._PORTION", 2)
    monkeypatch.setattr("handlers.webhooks._MOST_REPLAYED", 4)
    for n in range(6):
        happen(gateway, n)
        gateway.clock.advance(60)
    first = gateway.post(f"{path}/replay", json={"from": moment(START)}).json

    second = gateway.post(f"{path}/replay", json={"from": first["nextFrom"]}).json

    assert first == {"queued": 4, "complete": False, "nextFrom": moment(START + 3 * MINUTE)}
    assert (second["complete"], turn(gateway)) == (True, 6)
    assert sorted(got(receiver)) == list(range(6))


def test_a_webhook_that_is_off_replays_nothing(gateway: Gateway, receiver: Receiver, path: str) -> None:
    happen(gateway, 1)
    turn(gateway)
    gateway.put(path, json={"active": False})

    refused = [
        gateway.post(f"{path}/replay", json={"failures": True}),
        gateway.post(f"{path}/deliveries/{receiver.received[0].json['deliveryId']}/replay"),
    ]

    assert [one.status_code for one in refused] == [409, 409]


def test_what_waits_goes_out_when_a_webhook_is_switched_on_again(
    gateway: Gateway, receiver: Receiver, path: str
) -> None:
    receiver.behaviour = answer(410)
    happen(gateway, 1, 2)
    turn(gateway)
    receiver.behaviour = answer()
    off = gateway.get(path).json

    on = gateway.put(path, json={"active": True}).json
    turn(gateway)

    assert ((off["active"], off["disabledReason"]), (on["active"], on["disabledReason"])) == (
        (False, "gone"),
        (True, None),
    )
    assert (got(receiver)[1], gateway.get(f"{path}/deliveries?state=dead").json[0]["sequence"]) == (2, 1)


def test_a_webhook_shows_how_it_is_doing(gateway: Gateway, receiver: Receiver, path: str) -> None:
    receiver.behaviour = answer(429, Retry_After="60")
    happen(gateway, 1)
    turn(gateway)

    shown = gateway.get(path).json
    with gateway.program.db.read() as tx:
        assert webhooks.get(tx, shown["sessionId"], shown["id"]).failures == 1
    told = (shown["failures"], shown["failingSince"], shown["pausedUntil"], shown["lastTriggeredAt"])
    assert told == (1, moment(START), moment(START + MINUTE), None)
