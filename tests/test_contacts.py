"""Contacts: people as the account knows them, under any written form, live from the engine."""

from urllib.parse import quote

import pytest

from tests.simulator_stage import ABSENT, ADA, HIDDEN
from tests.support import Gateway

CONTACTS = "/sessions/my-bot/contacts"
STRANGER = "628123456789@c.us"


def one(gateway: Gateway, contact: str, tail: str = ""):
    return gateway.get(f"{CONTACTS}/{quote(contact)}{tail}")


def lid(gateway: Gateway, contact: str) -> str:
    everybody = gateway.get("/simulator/contacts").json
    return str(next(person["lid"] for person in everybody if person["id"] == contact))


def test_a_contact_is_shown_with_its_number_its_hidden_address_and_its_names(ready: Gateway) -> None:
    shown = one(ready, ADA).json
    told = {
        "id": ADA, "number": "447700900006", "lid": lid(ready, ADA), "name": "Ada Lovelace", "pushName": "Ada Lovelace",
        "about": "Hey there! I am using WhatsApp.", "isMyContact": True, "isBlocked": False, "isBusiness": False,
    }  # fmt: skip
    assert told == shown


@pytest.mark.parametrize("written", ["447700900006", "+44 7700-900 006", "447700900006@s.whatsapp.net"])
def test_any_written_form_finds_the_contact_and_the_answer_has_one(ready: Gateway, written: str) -> None:
    assert ADA == one(ready, written).json["id"]


def test_a_contact_is_found_by_its_hidden_address_too(ready: Gateway) -> None:
    assert ADA == one(ready, lid(ready, ADA)).json["id"]


def test_a_contact_whose_number_is_hidden_has_its_hidden_address_and_no_number(ready: Gateway) -> None:
    shown = one(ready, HIDDEN).json
    assert (lid(ready, HIDDEN), "") == (shown["id"], shown["number"])
    assert {"contactId": shown["id"], "phone": None} == one(ready, shown["id"], "/phone").json


def test_a_phone_number_is_told_by_any_address(ready: Gateway) -> None:
    assert {"contactId": ADA, "phone": "447700900006"} == one(ready, "+447700900006", "/phone").json
    assert "447700900006" == one(ready, lid(ready, ADA), "/phone").json["phone"]


def test_the_address_book_comes_page_by_page_and_strangers_who_wrote_behind_it(ready: Gateway) -> None:
    ready.post("/simulator/sessions/my-bot/messages", json={"from": STRANGER, "text": "Hi"})
    whole = [contact["id"] for contact in ready.get(CONTACTS).json]
    pages = [ready.get(f"{CONTACTS}?limit=5&offset={offset}").json for offset in range(0, 20, 5)]
    assert whole == [contact["id"] for page in pages for contact in page]
    assert (14, STRANGER) == (len(set(whole)), whole[-1])


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=x", "name=Ada"])
def test_a_page_that_makes_no_sense_is_refused(ready: Gateway, query: str) -> None:
    assert 400 == ready.get(f"{CONTACTS}?{query}").status_code


def test_nobody_is_found_at_a_strange_number(ready: Gateway) -> None:
    answer = one(ready, STRANGER)
    assert (404, f"Contact {STRANGER} not found") == (answer.status_code, answer.json["message"])


def test_a_number_is_on_whatsapp_or_not(ready: Gateway) -> None:
    there = ready.get(f"{CONTACTS}/check/{quote('+44 7700 900006')}").json
    absent = ready.get(f"{CONTACTS}/check/{ABSENT.partition('@')[0]}").json
    assert {"number": "447700900006", "exists": True, "whatsappId": ADA} == there
    assert there == ready.get(f"{CONTACTS}/check/{lid(ready, ADA)}").json
    assert {"number": "447700900099", "exists": False, "whatsappId": None} == absent


@pytest.mark.parametrize("number", ["abc", "12", "120363041234567890@g.us"])
def test_what_is_no_number_cannot_be_checked(ready: Gateway, number: str) -> None:
    assert 400 == ready.get(f"{CONTACTS}/check/{number}").status_code


def test_a_picture_has_an_address_or_there_is_none(ready: Gateway) -> None:
    assert one(ready, ADA, "/profile-picture").json["url"].startswith("https://")
    assert {"url": None} == one(ready, STRANGER, "/profile-picture").json


def test_pictures_of_several_are_told_by_what_was_asked(ready: Gateway) -> None:
    pictures = ready.get(f"{CONTACTS}/profile-pictures?ids={ADA},447700900007,{STRANGER}").json
    assert [ADA, "447700900007", STRANGER] == list(pictures)
    assert (True, None) == (pictures["447700900007"].startswith("https://"), pictures[STRANGER])


def test_no_more_than_fifty_pictures_are_looked_up(ready: Gateway) -> None:
    ids = ",".join(f"44770090{n:04}" for n in range(60))
    assert 50 == len(ready.get(f"{CONTACTS}/profile-pictures?ids={ids}").json)


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=nobody", f"?ids={ADA},x"])
def test_pictures_are_asked_by_addresses(ready: Gateway, query: str) -> None:
    assert 400 == ready.get(f"{CONTACTS}/profile-pictures{query}").status_code


def test_who_is_blocked_is_not_heard_until_unblocked(ready: Gateway) -> None:
    block = f"{CONTACTS}/{ADA}/block"
    assert {"success": True, "message": "Contact blocked"} == ready.post(block).json
    assert one(ready, ADA).json["isBlocked"]
    assert {"success": True, "message": "Contact unblocked"} == ready.delete(block).json
    assert not one(ready, ADA).json["isBlocked"]


def test_viewers_look_and_operators_block(ready: Gateway) -> None:
    viewer, operator = ready.key("viewer"), ready.key("operator")
    block = f"{CONTACTS}/{ADA}/block"
    assert [200, 403, 403] == [
        ready.get(CONTACTS, key=viewer).status_code,
        ready.post(block, key=viewer).status_code,
        ready.delete(block, key=viewer).status_code,
    ]
    assert 200 == ready.post(block, key=operator).status_code


def test_a_session_that_is_not_started_has_no_contacts_to_show(gateway: Gateway) -> None:
    gateway.session()
    answer = gateway.get(CONTACTS)
    assert (400, "Session is not started") == (answer.status_code, answer.json["message"])
