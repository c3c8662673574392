"""One identity: somebody who first writes under a hidden address and whose number is learnt later is one person."""

import pytest
from sqlalchemy import select

from handlers.events import Watch
from handlers.security import Caller
from storage import events as event_log
from storage.tables import deliveries, lanes
from tests.simulator_stage import ADA, HIDDEN
from tests.support import Gateway, hold_event

SESSION = "/sessions/my-bot"
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def settings() -> dict[str, str]:
    return {"WEBHOOK_SSRF_PROTECT": "false"}


def lid(gateway: Gateway) -> str:
    everybody = gateway.get("/simulator/contacts").json
    return str(next(person["lid"] for person in everybody if person["id"] == HIDDEN))


def write(gateway: Gateway, text: str = "Who am I?", **more) -> str:
    gateway.clock.advance(1)
    body = {"from": HIDDEN, "text": text, **more}
    message = gateway.post("/simulator/sessions/my-bot/messages", json=body).json["messageId"]
    gateway.clock.advance(1)
    return str(message)


def reveal(gateway: Gateway) -> None:
    assert 200 == gateway.post("/simulator/sessions/my-bot/reveal", json={"contact": HIDDEN}).status_code
    gateway.clock.advance(1)


def history(gateway: Gateway, **query: str):
    return gateway.get(f"{SESSION}/messages", query_string=query).json


def events(gateway: Gateway, **query: str):
    return gateway.get("/events", query_string=query).json["events"]


def send(gateway: Gateway, chat: str, text: str = "Hello"):
    return gateway.post(f"{SESSION}/messages/send-text", json={"chatId": chat, "text": text})


# --- before the number is known -------------------------------------------------------------------


def test_a_hidden_contact_is_known_by_the_hidden_address_and_can_be_answered(ready: Gateway) -> None:
    write(ready)
    assert 201 == send(ready, lid(ready)).status_code
    assert [lid(ready)] == [chat["id"] for chat in ready.get(f"{SESSION}/chats").json]
    assert {lid(ready)} == {message["chatId"] for message in history(ready)["messages"]}
    assert events(ready, type="message.received")[0]["data"]["isLidSender"]


# --- when it becomes known ------------------------------------------------------------------------


def test_the_history_moves_to_the_phone_s_address_and_is_found_under_either(ready: Gateway) -> None:
    send(ready, ADA)
    write(ready)
    send(ready, lid(ready), "It does not matter")
    hidden = lid(ready)
    reveal(ready)
    write(ready, "I am Hedy")
    by_phone = history(ready, chatId=HIDDEN)
    assert ["I am Hedy", "It does not matter", "Who am I?"] == [message["body"] for message in by_phone["messages"]]
    assert (3, {HIDDEN}) == (by_phone["total"], {message["chatId"] for message in by_phone["messages"]})
    assert by_phone == history(ready, chatId=hidden) == history(ready, chatId="+44 7700 900013")
    assert 2 == history(ready, **{"from": hidden})["total"] == history(ready, **{"from": HIDDEN})["total"]
    assert 4 == history(ready)["total"]


def test_message_ids_stay_as_they_were(ready: Gateway) -> None:
    first = write(ready)
    reveal(ready)
    assert [first] == [message["waMessageId"] for message in history(ready, chatId=HIDDEN)["messages"]]


def test_it_is_told_once_as_an_event_of_the_chat(ready: Gateway) -> None:
    write(ready)
    reveal(ready)
    reveal(ready)
    (told,) = events(ready, type="contact.linked")
    hold_event(told)
    assert ({"lid": lid(ready), "phone": HIDDEN}, HIDDEN) == (told["data"], told["chatId"])


def test_somebody_of_whom_nothing_was_stored_is_no_news(ready: Gateway) -> None:
    reveal(ready)
    assert [] == events(ready, type="contact.linked")
    write(ready)
    assert [HIDDEN] == [message["from"] for message in history(ready)["messages"]]


def test_events_of_the_chat_are_found_under_either_address_and_say_the_phone_s(ready: Gateway) -> None:
    write(ready)
    hidden = lid(ready)
    reveal(ready)
    write(ready, "I am Hedy")
    found = events(ready, chatId=HIDDEN, type="message.received")
    assert found == events(ready, chatId=hidden, type="message.received")
    assert [(HIDDEN, HIDDEN, HIDDEN)] * 2 == [(e["chatId"], e["data"]["chatId"], e["data"]["from"]) for e in found]


def test_what_people_wrote_is_not_touched(ready: Gateway) -> None:
    write(ready, lid(ready))
    reveal(ready)
    assert [lid(ready)] == [message["body"] for message in history(ready)["messages"]]
    assert lid(ready) == events(ready, type="message.received")[0]["data"]["body"]


def test_chats_and_contacts_show_one_person(ready: Gateway) -> None:
    write(ready)
    hidden = lid(ready)
    reveal(ready)
    write(ready, "I am Hedy")
    (chat,) = ready.get(f"{SESSION}/chats").json
    assert (HIDDEN, 2, "I am Hedy") == (chat["id"], chat["unreadCount"], chat["lastMessage"])
    by_lid, by_phone = (ready.get(f"{SESSION}/contacts/{one}").json for one in (hidden, HIDDEN))
    assert by_lid == by_phone
    assert (HIDDEN, hidden, "447700900013") == (by_phone["id"], by_phone["lid"], by_phone["number"])
    assert {"contactId": HIDDEN, "phone": "447700900013"} == ready.get(f"{SESSION}/contacts/{hidden}/phone").json


def test_a_send_to_the_hidden_address_goes_to_the_one_chat(ready: Gateway) -> None:
    write(ready)
    hidden = lid(ready)
    reveal(ready)
    assert 201 == send(ready, hidden).status_code
    assert {HIDDEN} == {message["chatId"] for message in history(ready)["messages"]}


def test_receipts_of_earlier_sends_arrive(ready: Gateway) -> None:
    write(ready)
    sent = send(ready, lid(ready)).json["messageId"]
    reveal(ready)
    ready.clock.advance(5)
    (message,) = [one for one in history(ready)["messages"] if one["waMessageId"] == sent]
    assert (HIDDEN, "read") == (message["chatId"], message["status"])


def test_a_queued_send_moves_along(ready: Gateway) -> None:
    write(ready)
    later = {"chatId": lid(ready), "text": "Good morning", "sendAt": "2027-02-01T08:00:00Z"}
    queued = ready.post(f"{SESSION}/messages/send-text", json=later).json
    reveal(ready)
    assert HIDDEN == ready.get(f"{SESSION}/sends/{queued['id']}").json["chatId"]


def test_a_sender_s_messages_in_groups_move_along(ready: Gateway) -> None:
    group = ready.get(f"{SESSION}/groups").json[0]["id"]
    ready.post(f"{SESSION}/groups/{group}/participants", json={"participants": [HIDDEN]})
    write(ready, "Hello all", group=group)
    hidden = lid(ready)
    assert [hidden] == [message["from"] for message in history(ready, chatId=group)["messages"]]
    reveal(ready)
    assert [HIDDEN] == [message["from"] for message in history(ready, **{"from": hidden})["messages"]]
    assert HIDDEN == events(ready, chatId=group, type="message.received")[0]["data"]["author"]
    assert 1 == len(events(ready, type="contact.linked"))


# --- webhooks -------------------------------------------------------------------------------------


def test_a_webhook_s_filter_finds_the_person_before_and_after(ready: Gateway) -> None:
    condition = {"field": "sender", "operator": "is", "value": [lid(ready)]}
    hook = {"url": HOOK, "events": ["message.received"], "filters": {"conditions": [condition]}}
    made = ready.post(f"{SESSION}/webhooks", json=hook).json["id"]
    write(ready, "before")
    reveal(ready)
    write(ready, "after")
    deliveries = ready.get(f"{SESSION}/webhooks/{made}/deliveries").json
    assert [HIDDEN, HIDDEN] == [delivery["chatId"] for delivery in deliveries]
    shown = ready.get(f"{SESSION}/webhooks/{made}").json["filters"]["conditions"]
    assert [{**condition, "value": [HIDDEN]}] == shown


def test_a_filter_made_afterwards_takes_the_hidden_address_too(ready: Gateway) -> None:
    reveal(ready)
    condition = {"field": "sender", "operator": "is", "value": [lid(ready)]}
    hook = {"url": HOOK, "filters": {"conditions": [condition]}}
    made = ready.post(f"{SESSION}/webhooks", json=hook).json
    assert [HIDDEN] == made["filters"]["conditions"][0]["value"]


# --- everywhere else ------------------------------------------------------------------------------


def test_an_event_names_both_addresses_where_both_are_known(ready: Gateway) -> None:
    write(ready)
    reveal(ready)
    write(ready, "I am Hedy")
    found = events(ready, chatId=HIDDEN, type="message.received")
    assert [(lid(ready), None)] * 2 == [(e["data"].get("senderLid"), e["data"].get("isLidSender")) for e in found]


def test_live_history_and_groups_show_the_one_address(ready: Gateway) -> None:
    group = ready.get(f"{SESSION}/groups").json[0]["id"]
    ready.post(f"{SESSION}/groups/{group}/participants", json={"participants": [HIDDEN]})
    write(ready, "Hello all", group=group)
    reveal(ready)
    (said,) = ready.get(f"{SESSION}/messages/{group}/history").json
    assert HIDDEN == said["author"]
    hedy = next(one for one in ready.get(f"{SESSION}/groups/{group}").json["participants"] if one["id"] == HIDDEN)
    assert lid(ready) == hedy["lid"]


def test_a_search_takes_either_address(ready: Gateway) -> None:
    write(ready)
    hidden = lid(ready)
    assert 1 == ready.get("/search", query_string={"q": "who", "chatId": hidden}).json["total"]
    reveal(ready)
    either = [ready.get("/search", query_string={"q": "who", "from": one}).json for one in (hidden, HIDDEN)]
    assert (1, either[0]) == (either[0]["total"], either[1])


def test_a_status_is_found_under_either_address(ready: Gateway) -> None:
    write(ready)
    hidden = lid(ready)
    ready.post(f"/simulator/contacts/{HIDDEN}/status", json={"text": "At the beach"})
    reveal(ready)
    found = [ready.get(f"{SESSION}/status/{one}").json["statuses"] for one in (hidden, HIDDEN)]
    assert ([HIDDEN], found[0]) == ([post["contact"]["id"] for post in found[0]], found[1])


def test_whoever_watches_a_chat_goes_on_when_its_number_is_learnt(ready: Gateway) -> None:
    write(ready)
    hidden = lid(ready)
    caller = Caller("id", "name", "admin", (), None, "secret")
    watch = Watch(caller, 0, chats={hidden})
    reveal(ready)
    write(ready, "I am Hedy")
    with ready.program.db.read() as tx:
        heard = [event.data.get("body") for event in event_log.page(tx, 0, 100) if watch.wants(event)]
    assert "I am Hedy" == heard[-1]


def test_what_is_still_to_be_delivered_keeps_its_place_in_the_chat(ready: Gateway) -> None:
    ready.post(f"{SESSION}/webhooks", json={"url": HOOK, "events": ["message.received"]})
    write(ready)
    reveal(ready)
    write(ready, "I am Hedy")
    with ready.program.db.read() as tx:
        opened = tx.execute(select(lanes.c.lane)).scalars().all()
        waiting = tx.execute(select(deliveries.c.lane).order_by(deliveries.c.row)).scalars().all()
    assert ([HIDDEN], [HIDDEN, HIDDEN]) == (opened, waiting)
