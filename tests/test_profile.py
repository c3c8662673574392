"""How the account shows itself."""

import pytest

from tests.support import Gateway

PROFILE = "/sessions/my-bot/profile"


@pytest.fixture
def ready(gateway: Gateway) -> Gateway:
    gateway.session(ready=True)
    return gateway


def account(gateway: Gateway):
    """The account as WhatsApp shows it."""
    return gateway.world.account(gateway.get("/sessions/my-bot").json["id"])


def test_a_name_is_what_others_see_and_what_the_session_tells(ready: Gateway) -> None:
    answer = ready.put(f"{PROFILE}/name", json={"name": "My Shop"})

    assert (200, {"success": True}) == (answer.status_code, answer.json)
    assert ("My Shop", "My Shop") == (account(ready).name, ready.get("/sessions/my-bot").json["pushName"])


def test_an_about_text_may_be_empty(ready: Gateway) -> None:
    for text in ("Open from nine to five", ""):
        answer = ready.put(f"{PROFILE}/status", json={"status": text})
        assert (200, {"success": True}, text) == (answer.status_code, answer.json, account(ready).about)


def test_a_body_that_is_no_profile_is_refused_and_changes_nothing(ready: Gateway) -> None:
    before = account(ready).profile()
    names = [{}, {"name": ""}, {"name": "x" * 26}, {"name": None}, {"name": ["My Shop"]}, {"name": "a", "status": "x"}]
    texts = [{}, {"status": "x" * 140}, {"status": 1}]
    answers = [ready.put(f"{PROFILE}/name", json=body) for body in names]
    answers += [ready.put(f"{PROFILE}/status", json=body) for body in texts]
    assert [(400, list)] * 9 == [(answer.status_code, type(answer.json["message"])) for answer in answers]
    assert before == account(ready).profile()
