"""What a delivery looks like when it arrives: envelope, headers, both signatures."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from gateway.retries import HOUR, SECOND
from storage import webhooks
from tests.delivery_stage import SECRET, Stage, hex_signature
from tests.receiver import answer


def test_an_event_arrives_in_openwas_envelope(stage: Stage) -> None:
    stage.hook()
    stage.happen("628@c.us")

    stage.turn()

    got = stage.receiver.received[0]
    sent = {name: value for name, value in got.json.items() if name != "deliveryId"}
    assert sent == {
        "event": "message.received", "timestamp": "2027-01-15T08:00:00.000Z", "sessionId": stage.session,
        "idempotencyKey": "key_1", "sequence": 1, "cursor": 1, "data": {"n": 1, "chatId": "628@c.us"},
    }  # fmt: skip


def test_openwas_headers_say_what_it_is(stage: Stage) -> None:
    stage.hook(secret="mine")
    stage.happen("628@c.us")

    stage.turn()

    got = stage.receiver.received[0]
    said = {name: value for name, value in got.headers.items() if name.startswith(("x-openwa", "content-t", "user"))}
    assert said == {
        "content-type": "application/json", "user-agent": "OpenWA-Webhook/1.0.0", "x-openwa-event": "message.received",
        "x-openwa-idempotency-key": "key_1", "x-openwa-delivery-id": got.json["deliveryId"],
        "x-openwa-retry-count": "0", "x-openwa-signature": hex_signature("mine", got.body),
    }  # fmt: skip


def test_a_webhooks_own_headers_go_along_but_replace_none_of_ours(stage: Stage) -> None:
    given = {"Authorization": "Bearer ü", "x-openwa-event": "lie", "Webhook-Id": "lie", "content-TYPE": "text/lie",
             "Host": "lie", "Content-Length": "1", "Transfer-Encoding": "chunked"}  # fmt: skip
    stage.hook(headers=given)
    stage.happen("628@c.us")

    assert stage.turn() == 1
    got = stage.receiver.received[0]
    assert "lie" not in "".join(got.headers.values())
    assert got.headers["authorization"].encode("latin-1").decode() == "Bearer ü"


@pytest.mark.parametrize("secret", [SECRET, "plain words", "whsec_this is no base64!"])
def test_the_reference_verifier_accepts_a_delivery(stage: Stage, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _at(stage))
    stage.hook(secret=secret)
    stage.happen("628@c.us")

    stage.turn()

    got = stage.receiver.received[0]
    theirs = secret if secret == SECRET else "whsec_" + base64.b64encode(secret.encode()).decode()
    assert Verifier(theirs).verify(got.body, got.headers) == got.json
    with pytest.raises(WebhookVerificationError):
        Verifier(theirs).verify(got.body + b" ", got.headers)


def test_without_a_secret_nothing_is_signed(stage: Stage) -> None:
    stage.hook()
    stage.happen("628@c.us")

    stage.turn()

    assert not {"x-openwa-signature", "webhook-signature"} & stage.receiver.received[0].headers.keys()


def test_both_secrets_verify_until_the_overlap_is_over(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _at(stage))
    hook = stage.hook(secret=SECRET)
    with stage.db.write() as tx:
        webhooks.rotate(tx, stage.session, hook, "whsec_" + "TmV3" * 8, stage.now + HOUR, stage.now)
    accepted = []
    for after in (0, 2 * HOUR):
        stage.happen("628@c.us")
        stage.turn(after)
        got = stage.receiver.received[-1]
        accepted.append([_verifies(secret, got) for secret in (SECRET, "whsec_" + "TmV3" * 8)])
        if not after:
            assert got.headers["x-openwa-signature-previous"] == hex_signature(SECRET, got.body)

    assert accepted == [[True, True], [False, True]]


def test_every_try_has_the_same_body_and_id_and_a_fresh_time(stage: Stage) -> None:
    stage.hook(secret=SECRET)
    stage.receiver.behaviour = answer(500)
    stage.happen("628@c.us")
    stage.turn()
    stage.turn(5 * SECOND)

    first, second = stage.receiver.received
    assert (first.body, first.headers["x-openwa-signature"]) == (second.body, second.headers["x-openwa-signature"])
    assert [one.headers["x-openwa-retry-count"] for one in (first, second)] == ["0", "1"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5


def _verifies(secret: str, got: Any) -> bool:
    try:
        Verifier(secret).verify(got.body, got.headers)
    except WebhookVerificationError:
        return False
    return True


def _at(stage: Stage) -> Any:
    """`datetime` for the verifier, which asks it for the time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # noqa: ARG003
            return datetime.fromtimestamp(stage.now / 1000, UTC)

    return Clock
