"""Labels of a business account and the chats they are on."""

from tests.support import Gateway

ADA = "447700900006@c.us"
LABELS = "/sessions/my-bot/labels"


def test_labels_are_listed_and_read_one_by_one(ready: Gateway) -> None:
    first = ready.get(LABELS).json[0]

    assert {"id": "1", "name": "New customer", "hexColor": "#FF9485"} == first
    assert first == ready.get(f"{LABELS}/1").json
    missing = ready.get(f"{LABELS}/99")
    assert (404, "Label 99 not found") == (missing.status_code, missing.json["message"])


def test_a_label_is_put_on_a_chat_once_and_taken_off(ready: Gateway) -> None:
    """However the chat's address is written."""
    put = [ready.post(f"{LABELS}/chat/{chat}", json={"labelId": "2"}) for chat in (ADA, "+44 7700 900006")]

    assert [(200, {"success": True})] * 2 == [(answer.status_code, answer.json) for answer in put]
    assert ["2"] == [label["id"] for label in ready.get(f"{LABELS}/chat/{ADA}").json]
    off = [ready.delete(f"{LABELS}/chat/{ADA}/2") for _ in range(2)]
    assert [(200, {"success": True})] * 2 == [(answer.status_code, answer.json) for answer in off]
    assert [] == ready.get(f"{LABELS}/chat/{ADA}").json


def test_an_unknown_label_is_put_nowhere(ready: Gateway) -> None:
    answers = [ready.post(f"{LABELS}/chat/{ADA}", json={"labelId": "99"}), ready.delete(f"{LABELS}/chat/{ADA}/99")]
    assert [(404, "Label 99 not found")] * 2 == [(a.status_code, a.json["message"]) for a in answers]
    assert [] == ready.get(f"{LABELS}/chat/{ADA}").json


def test_only_people_and_groups_take_labels(ready: Gateway) -> None:
    channel = "120363000000000101@newsletter"
    put = ready.post(f"{LABELS}/chat/{channel}", json={"labelId": "1"})
    assert (422, f"{channel} takes no labels") == (put.status_code, put.json["message"])
    assert 422 == ready.delete(f"{LABELS}/chat/{channel}/1").status_code


def test_a_group_that_the_account_is_not_in_shows_no_labels(ready: Gateway) -> None:
    rooms, me = ready.world.registry.rooms, ready.world.account(ready.get("/sessions/my-bot").json["id"]).address
    group = next(iter(rooms.values()))
    group.roles.pop(me)
    assert 422 == ready.get(f"{LABELS}/chat/{group.id}").status_code
    assert 404 == ready.get(f"{LABELS}/chat/12345@g.us").status_code


def test_a_body_that_names_no_label_is_refused(ready: Gateway) -> None:
    bodies = [{}, {"labelId": ""}, {"labelId": None}, {"labelId": 1}, {"labelId": "1", "to": "x"}, []]
    answers = [ready.post(f"{LABELS}/chat/{ADA}", json=body) for body in bodies]
    assert [(400, list)] * len(bodies) == [(answer.status_code, type(answer.json["message"])) for answer in answers]
