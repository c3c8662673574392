"""Status posts with pictures and videos: posted, heard of, and fetched for a day."""

from typing import Any

import pytest

from tests.media_stage import CAP, DAY, PICTURE, SETTINGS, TEXT, files
from tests.receiver import Receiver, answer
from tests.support import Gateway, hold_event

ADA = "447700900006@c.us"
STATUS = "/sessions/my-bot/status"


settings = pytest.fixture(lambda: SETTINGS)


def statuses(gateway: Gateway, session: str = "my-bot") -> list[dict[str, Any]]:
    return list(gateway.get(f"/sessions/{session}/status").json["statuses"])


def fetched(gateway: Gateway, status: dict[str, Any], **headers: str) -> Any:
    return gateway.get(status["mediaUrl"].removeprefix("/api"), headers=headers)


@pytest.mark.parametrize(("kind", "mimetype"), [("image", "image/jpeg"), ("video", "video/mp4")])
def test_media_is_posted_seen_by_others_and_given_out(ready: Gateway, kind: str, mimetype: str) -> None:
    other = ready.session("other", ready=True)

    made = ready.post(f"{STATUS}/send-{kind}", json={kind: {"base64": TEXT}, "caption": "Our cat"})
    ready.clock.advance()

    assert (201, {"statusId", "timestamp", "expiresAt"}) == (made.status_code, set(made.json))
    for session in ("my-bot", "other"):
        (status,) = statuses(ready, session)
        assert (kind, "Our cat") == (status["type"], status["caption"])
        got = fetched(ready, status)
        assert (200, PICTURE, mimetype) == (got.status_code, got.data, got.headers["Content-Type"])
    part = fetched(ready, status, Range="bytes=0-9")
    assert (206, PICTURE[:10]) == (part.status_code, part.data)
    assert 416 == fetched(ready, status, Range=f"bytes={len(PICTURE)}-").status_code
    (event,) = ready.get("/events?type=status.received").json["events"]
    hold_event(event)
    assert (other, kind, True, False) == (
        event["sessionId"],
        *(event["data"][name] for name in ("type", "hasMedia", "mediaOmitted")),
    )


def test_media_is_fetched_by_url_when_it_is_posted(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE, Content_Type="image/png")

    made = ready.post(f"{STATUS}/send-image", json={"image": {"url": f"{receiver.url}/cat.png"}, "recipients": [ADA]})

    assert 201 == made.status_code
    (status,) = statuses(ready)
    got = fetched(ready, status)
    assert (PICTURE, "image/png") == (got.data, got.headers["Content-Type"])
    (message,) = ready.get("/sessions/my-bot/messages").json["messages"]
    assert [ADA] == message["metadata"]["recipients"]


def test_the_same_key_posts_media_once(ready: Gateway) -> None:
    key = {"Idempotency-Key": "morning"}
    body = {"image": {"base64": TEXT, "mimetype": "image/png"}}
    answers = [ready.post(f"{STATUS}/send-image", json=body, headers=key) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert (1, 1) == (len(statuses(ready)), len(files(ready)))


def test_media_of_a_status_is_given_out_for_a_day(ready: Gateway) -> None:
    ready.post(f"{STATUS}/send-image", json={"image": {"base64": TEXT}})
    (status,) = statuses(ready)
    ready.clock.advance(DAY)
    gone = fetched(ready, status)
    assert (404, f"Status {status['id']} not found") == (gone.status_code, gone.json["message"])


def test_a_status_without_media_and_what_is_no_status_have_nothing_to_fetch(ready: Gateway) -> None:
    text = ready.post(f"{STATUS}/send-text", json={"text": "Good morning"}).json["statusId"]
    body = {"chatId": ADA, "base64": TEXT, "mimetype": "image/png"}
    message = ready.post("/sessions/my-bot/messages/send-image", json=body).json["messageId"]
    assert [404] * 3 == [ready.get(f"{STATUS}/{one}/media").status_code for one in (text, message, "nothing")]


def test_what_cannot_be_posted_is_refused_and_posts_nothing(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, b"x" * (CAP + 1))
    bodies: list[tuple[dict[str, Any], int]] = [
        ({}, 400),
        ({"image": {}}, 400),
        ({"image": TEXT}, 400),
        ({"image": {"base64": "not base64!"}}, 400),
        ({"image": {"url": "http://10.0.0.1/cat.png"}}, 400),
        ({"image": {"url": "file:///etc/passwd"}}, 400),
        ({"image": {"base64": TEXT, "path": "/etc/passwd"}}, 400),
        ({"image": {"base64": TEXT}, "caption": "x" * 1025}, 400),
        ({"image": {"url": f"{receiver.url}/big.png"}}, 413),
    ]
    answers = [(ready.post(f"{STATUS}/send-image", json=body).status_code, status) for body, status in bodies]
    assert [(status, status) for _, status in bodies] == answers
    assert [] == statuses(ready)
