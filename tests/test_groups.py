"""Groups: made, changed and left over HTTP, with one result per participant."""

import pytest

from engines import base
from engines.simulator.rooms import OPEN_HOUSE
from tests.simulator_stage import ABSENT, ADA, ALAN, BLOCKING, LINUS, SILENT
from tests.support import Gateway, together

GROUPS = "/sessions/my-bot/groups"
LINK = "https://chat.whatsapp.com/"


def group_of(gateway: Gateway, *, admin: bool) -> str:
    """A group in which every account of the simulator finds itself."""
    return str(next(group["id"] for group in gateway.get(GROUPS).json if group["isAdmin"] is admin))


def members(gateway: Gateway, group: str) -> dict[str, bool]:
    """Who is in it, and whether as an admin."""
    found = gateway.get(f"{GROUPS}/{group}").json["participants"]
    return {one["id"]: one["isAdmin"] for one in found}


def create(gateway: Gateway, *participants: str, name: str = "Plans", key: str = ""):
    headers = {"Idempotency-Key": key} if key else {}
    return gateway.post(GROUPS, json={"name": name, "participants": list(participants)}, headers=headers)


# --- groups ---------------------------------------------------------------------------------------


def test_the_account_s_groups_are_listed_page_by_page(ready: Gateway) -> None:
    whole = ready.get(GROUPS).json
    assert [("Family", True), ("Book club", False)] == [(group["name"], group["isAdmin"]) for group in whole]
    assert whole[1:] == ready.get(f"{GROUPS}?limit=1&offset=1").json


def test_a_group_is_made_and_shown_with_everybody_in_it(ready: Gateway) -> None:
    made = create(ready, ADA, "+44 7700 900010")
    assert 201 == made.status_code
    shown = ready.get(f"{GROUPS}/{made.json['id']}").json
    own = shown["owner"]
    assert ("Plans", {own: True, ADA: False, LINUS: False}) == (shown["name"], members(ready, shown["id"]))
    assert {"id": shown["id"], "name": "Plans", "participantsCount": 3, "isAdmin": True, "linkedParentJID": None,
            "notAdded": []} == made.json  # fmt: skip


def test_whoever_cannot_be_added_to_a_new_group_is_told(ready: Gateway) -> None:
    made = create(ready, ADA, ABSENT, BLOCKING).json
    assert ([ABSENT, BLOCKING], 2) == (made["notAdded"], made["participantsCount"])


def test_a_group_is_made_once_per_idempotency_key(ready: Gateway) -> None:
    first, again = create(ready, ADA, key="plans-1"), create(ready, ADA, key="plans-1")
    assert (201, first.json) == (again.status_code, again.json)
    assert 3 == len(ready.get(GROUPS).json)
    assert 422 == create(ready, ADA, name="Other plans", key="plans-1").status_code


def test_of_two_at_one_moment_one_makes_the_group(ready: Gateway) -> None:
    answers = together(*[lambda: create(ready, ADA, key="plans-1").status_code] * 3)
    assert {201, 409} >= set(answers)
    assert 3 == len(ready.get(GROUPS).json)


def test_what_was_refused_may_be_tried_again_under_the_same_key(ready: Gateway, monkeypatch) -> None:
    live = ready.program.engines.live
    failing = fail_with(base.NotConnected("Session is not connected"))
    monkeypatch.setattr(ready.program.engines, "live", lambda _: failing)
    assert 409 == create(ready, ADA, key="plans-1").status_code
    monkeypatch.setattr(ready.program.engines, "live", live)
    assert 201 == create(ready, ADA, key="plans-1").status_code


def test_what_may_have_happened_is_never_repeated(ready: Gateway, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        failing = fail_with(base.OutcomeUnknown("The engine did not answer in time"))
        patch.setattr(ready.program.engines, "live", lambda _: failing)
        assert 504 == create(ready, ADA, key="plans-1").status_code
    again = create(ready, ADA, key="plans-1")
    assert (504, "The engine did not answer in time") == (again.status_code, again.json["message"])
    assert 2 == len(ready.get(GROUPS).json)


def test_a_request_that_died_leaves_its_outcome_unknown(ready: Gateway, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ready.program.engines, "live", lambda _: fail_with(ZeroDivisionError("our bug")))
        assert 500 == create(ready, ADA, key="plans-1").status_code
    assert 409 == create(ready, ADA, key="plans-1").status_code
    ready.clock.advance(600)
    assert 504 == create(ready, ADA, key="plans-1").status_code


def fail_with(error: Exception):
    """An engine that cannot make groups."""

    class Failing:
        def create_group(self, *_):
            raise error

    return Failing()


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "participants": [ADA]},
        {"name": "x" * 101, "participants": [ADA]},
        {"name": "Plans", "participants": []},
        {"name": "Plans", "participants": ["nobody"]},
        {"name": "Plans", "participants": ADA},
        {"name": "Plans"},
    ],
)
def test_a_group_that_makes_no_sense_is_refused(ready: Gateway, body) -> None:
    assert 400 == ready.post(GROUPS, json=body).status_code


@pytest.mark.parametrize("tail", ["", "/settings", "/invite-code"])
def test_a_group_the_account_is_not_in_is_not_found(ready: Gateway, tail: str) -> None:
    unknown = "120363000000000001@g.us"
    answer = ready.get(f"{GROUPS}/{unknown}{tail}")
    assert (404, f"Group {unknown} not found") == (answer.status_code, answer.json["message"])


# --- participants ---------------------------------------------------------------------------------


def test_every_participant_has_a_result_and_who_must_be_invited_a_link(ready: Gateway) -> None:
    group = group_of(ready, admin=True)
    answer = ready.post(f"{GROUPS}/{group}/participants", json={"participants": [LINUS, ADA, ABSENT, SILENT, LINUS]})
    assert (200, True, "Participants added") == (answer.status_code, answer.json["success"], answer.json["message"])
    assert [(LINUS, "ok"), (ADA, "already_in_group"), (ABSENT, "not_on_whatsapp"), (SILENT, "invite_required")] == [
        (result["id"], result["outcome"]) for result in answer.json["results"]
    ]
    assert ready.get(f"{GROUPS}/{group}/invite-code").json["inviteLink"] == answer.json["inviteLink"]


def test_total_refusal_is_an_error_that_says_why(ready: Gateway) -> None:
    answer = ready.post(f"{GROUPS}/{group_of(ready, admin=True)}/participants", json={"participants": [ADA, ABSENT]})
    told = f"None of them: {ADA} (already_in_group), {ABSENT} (not_on_whatsapp)"
    assert (422, told) == (answer.status_code, answer.json["message"])


def test_participants_are_promoted_demoted_and_removed(ready: Gateway) -> None:
    group, who = group_of(ready, admin=True), {"participants": ["+44 7700 900006"]}
    promoted = ready.post(f"{GROUPS}/{group}/participants/promote", json=who)
    assert ("Participants promoted to admin", True) == (promoted.json["message"], members(ready, group)[ADA])
    demoted = ready.post(f"{GROUPS}/{group}/participants/demote", json=who)
    assert ("Participants demoted from admin", False) == (demoted.json["message"], members(ready, group)[ADA])
    removed = ready.delete(f"{GROUPS}/{group}/participants", json=who)
    assert ("Participants removed", False) == (removed.json["message"], ADA in members(ready, group))


def test_only_admins_change_a_group(ready: Gateway) -> None:
    group = group_of(ready, admin=False)
    refused = [
        ready.delete(f"{GROUPS}/{group}/participants", json={"participants": [ALAN]}),
        ready.put(f"{GROUPS}/{group}/settings", json={"announce": True}),
        ready.post(f"{GROUPS}/{group}/invite-code/revoke"),
    ]
    assert [403] * 3 == [answer.status_code for answer in refused]
    assert {"Only admins of the group may do that"} == {answer.json["message"] for answer in refused}


# --- what a group shows ---------------------------------------------------------------------------


def test_subject_and_description_are_changed(ready: Gateway) -> None:
    group = group_of(ready, admin=True)
    named = ready.put(f"{GROUPS}/{group}/subject", json={"subject": "Kin"}).json
    described = ready.put(f"{GROUPS}/{group}/description", json={"description": "All of us"}).json
    assert ["Group subject updated", "Group description updated"] == [named["message"], described["message"]]
    shown = ready.get(f"{GROUPS}/{group}").json
    assert ("Kin", "All of us") == (shown["name"], shown["description"])
    ready.put(f"{GROUPS}/{group}/description", json={"description": ""})
    assert "description" not in ready.get(f"{GROUPS}/{group}").json


def test_settings_are_changed_one_by_one(ready: Gateway) -> None:
    settings = f"{GROUPS}/{group_of(ready, admin=True)}/settings"
    assert {"announce": False, "locked": False, "ephemeralSeconds": 0} == ready.get(settings).json
    ready.put(settings, json={"ephemeralSeconds": 604800})
    changed = ready.put(settings, json={"announce": True}).json
    assert {"announce": True, "locked": False, "ephemeralSeconds": 604800} == changed == ready.get(settings).json


@pytest.mark.parametrize("body", [{}, {"announce": None}, {"locked": "true"}, {"ephemeralSeconds": -1}])
def test_settings_that_make_no_sense_are_refused(ready: Gateway, body) -> None:
    assert 400 == ready.put(f"{GROUPS}/{group_of(ready, admin=True)}/settings", json=body).status_code


# --- coming and going -----------------------------------------------------------------------------


def test_a_group_is_joined_by_code_or_link_and_left(ready: Gateway) -> None:
    joined = ready.post(f"{GROUPS}/join", json={"inviteCode": LINK + OPEN_HOUSE})
    assert (200, "Open house") == (joined.status_code, joined.json["name"])
    left = ready.post(f"{GROUPS}/{joined.json['id']}/leave")
    assert (200, "Left the group") == (left.status_code, left.json["message"])
    assert 404 == ready.get(f"{GROUPS}/{joined.json['id']}").status_code


def test_a_revoked_code_is_worth_nothing(ready: Gateway) -> None:
    group = group_of(ready, admin=True)
    old = ready.get(f"{GROUPS}/{group}/invite-code").json
    new = ready.post(f"{GROUPS}/{group}/invite-code/revoke").json
    assert LINK + old["inviteCode"] == old["inviteLink"]
    assert "Invite code revoked and new one generated" == new["message"]
    answer = ready.post(f"{GROUPS}/join", json={"inviteCode": old["inviteCode"]})
    assert (400, "The invite code is not valid") == (answer.status_code, answer.json["message"])
    assert group == ready.post(f"{GROUPS}/join", json={"inviteCode": new["inviteCode"]}).json["id"]


def test_what_others_change_is_told_as_events(ready: Gateway) -> None:
    rooms, group = ready.world.rooms, group_of(ready, admin=False)
    rooms.change(ADA, group, "add", [LINUS])
    rooms.update(ADA, group, subject="Book club, Tuesdays")
    rooms.leave(ALAN, group)
    ready.clock.advance(1)
    found = ready.get("/events?type=group.join,group.update,group.leave").json["events"]
    assert [("group.join", group, [LINUS]), ("group.update", group, []), ("group.leave", group, [ALAN])] == [
        (event["type"], event["chatId"], event["data"]["participantIds"]) for event in found
    ]
    assert {"subject": "Book club, Tuesdays"} == found[1]["data"]["changes"]


def test_viewers_look_and_operators_change(ready: Gateway) -> None:
    group, viewer, operator = group_of(ready, admin=True), ready.key("viewer"), ready.key("operator")
    rename = {"path": f"{GROUPS}/{group}/subject", "json": {"subject": "Kin"}}
    assert [200, 403, 200] == [
        ready.get(f"{GROUPS}/{group}", key=viewer).status_code,
        ready.put(**rename, key=viewer).status_code,
        ready.put(**rename, key=operator).status_code,
    ]
