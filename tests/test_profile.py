"""How the account shows itself."""

import pytest

from engines import base
from tests.media_stage import CAP, PICTURE, SETTINGS, TEXT, digest, files
from tests.receiver import Receiver, answer
from tests.support import Gateway

PROFILE = "/sessions/my-bot/profile"


settings = pytest.fixture(lambda: SETTINGS)


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


# --- the picture -----------------------------------------------------------------------------------


def put(gateway: Gateway, **body):
    return gateway.put(f"{PROFILE}/picture", json=body)


def test_a_picture_is_given_as_base64_or_by_url(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE, Content_Type="image/jpeg")
    given = [{"base64": f"data:image/jpeg;base64,{TEXT}"}, {"url": f"{receiver.url}/me.jpg"}]
    shown = []
    for body in given:
        done = put(ready, **body)
        assert (200, {"success": True}) == (done.status_code, done.json)
        shown.append(account(ready).picture)
    assert shown[0] == shown[1] == f"https://pps.whatsapp.net/v/simulator/{digest(PICTURE)[:32]}.jpg"
    assert [] == files(ready)


def test_what_is_no_picture_is_refused_and_changes_nothing(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE, Content_Type="image/png")
    wrong = {
        "Either url or base64 must be provided": {},
        "mimetype is required when using base64 data": {"base64": TEXT},
        "The picture must be image/jpeg, not image/png": {"url": f"{receiver.url}/me.png"},
        "The picture must be image/jpeg, not text/html": {"base64": TEXT, "mimetype": "text/html"},
    }
    for told, body in wrong.items():
        answered = put(ready, **body)
        assert (400, told) == (answered.status_code, answered.json["message"])
    assert 400 == put(ready, url="http://10.0.0.1/me.jpg").status_code
    receiver.behaviour = answer(200, b"x" * (CAP + 1), Content_Type="image/jpeg")
    assert 413 == put(ready, url=f"{receiver.url}/big.jpg").status_code
    assert (None, []) == (account(ready).picture, files(ready))


def test_a_picture_that_whatsapp_does_not_take_is_a_403(ready: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def set_picture(self, _path: str) -> None:
            raise base.Refused("The picture is too small")

    monkeypatch.setattr(ready.program.engines, "live", lambda _: Refusing())
    answered = put(ready, base64=TEXT, mimetype="image/jpeg")
    assert (403, "The picture is too small") == (answered.status_code, answered.json["message"])
    assert [] == files(ready)
