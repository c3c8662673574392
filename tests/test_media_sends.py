"""Media that is sent: as base64 and by URL."""

import base64
from typing import Any

import pytest

from tests.media_stage import (
    AYU,
    CAP,
    IMAGE,
    MESSAGES,
    PICTURE,
    SETTINGS,
    TEXT,
    digest,
    fetched,
    files,
    newest,
    post,
    received,
    told,
    turn,
)
from tests.receiver import Receiver, answer
from tests.support import Gateway

settings = pytest.fixture(lambda: SETTINGS)


# --- as base64 ------------------------------------------------------------------------------------

KINDS: dict[str, tuple[dict[str, Any], str, str | None]] = {  # body besides the media; type and text in the history
    "send-image": ({"caption": "Our cat", "mentions": [AYU]}, "image", "Our cat"),
    "send-video": ({}, "video", ""),
    "send-audio": ({"ptt": True, "caption": "dropped"}, "voice", None),
    "send-document": ({}, "document", "cat.png"),
    "send-sticker": ({}, "sticker", None),
}


@pytest.mark.parametrize("verb", KINDS)
def test_media_is_sent_stored_told_of_and_given_out(ready: Gateway, verb: str) -> None:
    more, kind, shown = KINDS[verb]

    sent = post(ready, verb, **IMAGE, **more)

    kept = newest(ready)
    assert (201, [(kind, digest(PICTURE))]) == (sent.status_code, received(ready))
    assert (kind, shown) == (kept["type"], kept["body"])
    url = f"/api/sessions/{kept['sessionId']}/messages/{kept['id']}/media"
    known = {"mimetype": "image/png", "filename": "cat.png", "sizeBytes": len(PICTURE), "url": url}
    assert known == kept["metadata"]["media"]
    assert {**known, "omitted": True} == told(ready, "message.sent")[0]["media"]
    assert PICTURE == fetched(ready, kept).data


@pytest.mark.parametrize(
    "written",
    [
        f"data:image/png;base64,{TEXT}",
        f"data:image/png;name=cat.png;base64,{TEXT}",
        "\\r\\n".join(TEXT[n : n + 76] for n in range(0, len(TEXT), 76)),
        TEXT.replace("/", "\\/"),
    ],
    ids=["data URI", "data URI with a parameter", "lines", "escaped slashes"],
)
def test_base64_comes_in_several_spellings(ready: Gateway, written: str) -> None:
    body = f'{{"chatId": "{AYU}", "mimetype": "image/png", "base64" : "{written}"}}'

    sent = ready.post(f"{MESSAGES}/send-image", data=body, content_type="application/json")

    assert (201, [("image", digest(PICTURE))]) == (sent.status_code, received(ready))


def test_a_data_uri_says_what_type_it_is(ready: Gateway) -> None:
    assert 201 == post(ready, base64=f"data:image/gif;base64,{TEXT}").status_code
    assert "image/gif" == newest(ready)["metadata"]["media"]["mimetype"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Either url or base64 must be provided"),
        ({"base64": "", "url": ""}, "Either url or base64 must be provided"),
        ({"base64": TEXT}, "mimetype is required when using base64 data"),
        ({"base64": "A===", "mimetype": "image/png"}, ["base64 must be base64"]),
        ({"base64": "AAA", "mimetype": "image/png"}, ["base64 must be base64"]),
        ({"base64": "AA==AAAA", "mimetype": "image/png"}, ["base64 must be base64"]),
        ({"base64": "AAA-", "mimetype": "image/png"}, ["base64 must be base64"]),
        ({"base64": "AA AA AA", "mimetype": "image/png"}, ["base64 must be base64"]),
        ({"base64": "data:image/png,AAAA"}, ["base64 must be base64"]),
        ({"base64": "data:image/png;base64,"}, "Either url or base64 must be provided"),
        ({"base64": "https://example.com/cat.png", "mimetype": "image/png"}, ["base64 must be base64"]),
        ({"base64": 5}, ["base64 must be a string"]),
        ({**IMAGE, "mimetype": "a\r\nb"}, ["mimetype must be a MIME type such as image/jpeg"]),
        ({**IMAGE, "colour": "red", "caption": 5}, ["property colour should not exist", "caption must be a string"]),
    ],
)
def test_what_is_wrong_is_named_and_leaves_nothing(ready: Gateway, body: dict[str, Any], message: Any) -> None:
    refused = post(ready, **body)

    assert (400, message, []) == (refused.status_code, refused.json["message"], files(ready))


def test_media_at_the_cap_is_sent_and_above_it_is_413(ready: Gateway) -> None:
    at, above = (base64.b64encode(bytes(CAP + more)).decode() for more in (0, 1))

    sent = post(ready, base64=at, mimetype="image/png")
    refused = post(ready, base64=above, mimetype="image/png")

    assert (201, [("image", digest(bytes(CAP)))]) == (sent.status_code, received(ready))
    assert (413, f"Media is larger than {CAP} bytes") == (refused.status_code, refused.json["message"])
    assert 1 == len(files(ready))


def test_media_of_one_idempotency_key_is_sent_once(ready: Gateway) -> None:
    first, again = (post(ready, headers={"Idempotency-Key": "cat"}, **IMAGE) for _ in range(2))
    other = post(ready, headers={"Idempotency-Key": "cat"}, **{**IMAGE, "base64": "AAAA"})

    assert (201, first.json, 1, 1) == (again.status_code, again.json, len(received(ready)), len(files(ready)))
    assert 422 == other.status_code


def test_media_is_only_its_owners(ready: Gateway) -> None:
    post(ready, **IMAGE)
    directory = ready.program.config.data_dir / "media"

    assert [0o700, 0o600] == [path.stat().st_mode & 0o777 for path in (directory, *directory.iterdir())]


# --- by URL ---------------------------------------------------------------------------------------


def test_media_by_url_is_fetched_with_the_type_and_name_it_has_there(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE, Content_Type="image/gif")

    sent = post(ready, url=f"{receiver.url}/pets/our%20cat.gif?size=1")

    kept = newest(ready)
    assert (201, [("image", digest(PICTURE))]) == (sent.status_code, received(ready))
    assert ("image/gif", "our cat.gif", len(PICTURE)) == tuple(
        kept["metadata"]["media"][name] for name in ("mimetype", "filename", "sizeBytes")
    )
    assert (PICTURE, "image/gif") == (fetched(ready, kept).data, fetched(ready, kept).content_type)


def test_what_the_caller_says_of_media_by_url_counts(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE, Content_Type="text/html")

    post(ready, "send-document", url=f"{receiver.url}/x.html", mimetype="application/pdf", filename="bill.pdf")

    assert ("application/pdf", "bill.pdf") == tuple(
        newest(ready)["metadata"]["media"][name] for name in ("mimetype", "filename")
    )


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (302, b"", 400, "url_redirects"),
        (404, b"no", 400, "url_unreachable"),
        (200, b"", 400, "url_unreachable"),
        (200, bytes(CAP + 1), 413, "media_too_large"),
    ],
)
def test_a_url_that_gives_no_media_is_said_so(
    ready: Gateway, receiver: Receiver, status: int, body: bytes, expected: int, code: str
) -> None:
    receiver.behaviour = answer(status, body, Location="http://169.254.169.254/")

    refused = post(ready, headers={"Accept": "application/problem+json"}, url=receiver.url)

    assert (expected, code, "not_sent") == (refused.status_code, refused.json["code"], refused.json["outcome"])
    assert ([], [], "failed") == (received(ready), files(ready), newest(ready)["status"])


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/cat.png", "http://localhost/cat.png", "file:///etc/passwd", "cat.png"]
)
def test_a_url_that_leads_inside_is_refused_and_nothing_is_stored(ready: Gateway, url: str) -> None:
    refused = post(ready, headers={"Accept": "application/problem+json"}, url=url)

    assert (400, "blocked_url") == (refused.status_code, refused.json["code"])
    assert 0 == ready.get(MESSAGES).json["total"]


def test_media_is_fetched_once_however_often_it_is_asked_for(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE)
    look = post(ready, headers={"X-Preflight": "true"}, url=receiver.url)
    before = len(receiver.received)

    answers = [post(ready, headers={"Idempotency-Key": "cat"}, url=receiver.url) for _ in range(3)]

    assert (200, 0, 1) == (look.status_code, before, len(receiver.received))
    assert [answers[0].json] * 3 == [one.json for one in answers]


def test_a_queued_message_fetches_when_it_is_sent_and_once(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE)
    queued = post(ready, headers={"Prefer": "respond-async"}, url=receiver.url)
    before = len(receiver.received)
    session = ready.get("/sessions/my-bot").json["id"]
    ready.world.control.fail_sends(session, "not_connected")

    turn(ready)
    ready.clock.advance(10)
    turn(ready)

    assert (202, 0, 1) == (queued.status_code, before, len(receiver.received))
    assert [("image", digest(PICTURE))] == received(ready)
