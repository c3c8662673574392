"""Media: sent as base64 and by URL, received, given out again, and removed in time."""

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from storage import events, media
from tests.receiver import Receiver, answer
from tests.support import Gateway

AYU = "447700900006@c.us"
MESSAGES = "/sessions/my-bot/messages"
CAP = 100_000
PICTURE = bytes(range(256)) * 40
TEXT = base64.b64encode(PICTURE).decode()
IMAGE = {"base64": TEXT, "mimetype": "image/png", "filename": "cat.png"}
DAY = 86_400


@pytest.fixture
def settings() -> dict[str, str]:
    return {"SSRF_ALLOWED_HOSTS": "127.0.0.1", "MEDIA_DOWNLOAD_MAX_BYTES": str(CAP), "MEDIA_RETENTION_DAYS": "7"}


@pytest.fixture
def ready(gateway: Gateway) -> Iterator[Gateway]:
    """A gateway whose session my-bot is linked. Whatever a test does, no file is left without a row."""
    gateway.session(ready=True)
    yield gateway
    with gateway.program.db.read() as tx:
        assert set() == media.unknown(tx, files(gateway))


def files(gateway: Gateway) -> list[str]:
    return [path.name for path in (gateway.program.config.data_dir / "media").iterdir()]


def post(gateway: Gateway, verb: str = "send-image", headers: dict[str, str] | None = None, **body: Any) -> Any:
    return gateway.post(f"{MESSAGES}/{verb}", json={"chatId": AYU, **body}, headers=headers or {})


def newest(gateway: Gateway) -> dict[str, Any]:
    return dict(gateway.get(f"{MESSAGES}?limit=1").json["messages"][0])


def fetched(gateway: Gateway, message: dict[str, Any], **headers: str) -> Any:
    return gateway.get(message["metadata"]["media"]["url"].removeprefix("/api"), headers=headers)


def received(gateway: Gateway) -> list[tuple[str, str]]:
    """Kind and digest of what arrived."""
    return [(entry["type"], entry["digest"]) for entry in gateway.world.control.inbox(AYU)]


def heard(gateway: Gateway, kind: Any = "image", mimetype: str = "image/png", name: str | None = "cat.png") -> Any:
    """Ayu writes a message with the picture."""
    session = gateway.get("/sessions/my-bot").json["id"]
    draft = gateway.world.control.media(kind, PICTURE, mimetype, name)
    gateway.world.control.write(session, AYU, replace(draft, body="Look!"))
    gateway.clock.advance()
    return newest(gateway)


def told(gateway: Gateway, kind: str) -> list[dict[str, Any]]:
    with gateway.program.db.read() as tx:
        return [row.data for row in events.page(tx, 0, 1000) if row.type == kind]


def turn(gateway: Gateway) -> None:
    for future in gateway.program.sender.turn(gateway.clock.now()):
        future.result(10)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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
        ({"base64": "data:image/png;base64,"}, ["base64 should not be empty"]),
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


# --- received -------------------------------------------------------------------------------------


def test_received_media_is_kept_told_of_and_given_out(ready: Gateway) -> None:
    kept = heard(ready)

    (data,) = told(ready, "message.received")
    assert kept["metadata"]["media"]["url"] == data["media"]["url"]
    assert (PICTURE, "image/png") == (fetched(ready, kept).data, fetched(ready, kept).content_type)
    assert PICTURE == ready.get(f"{MESSAGES}/{kept['waMessageId']}/media", key=ready.key("viewer")).data
    assert 1 == len(files(ready))


def test_a_browser_is_told_to_run_nothing_of_it(ready: Gateway) -> None:
    shown, saved = (
        fetched(ready, heard(ready, kind, mimetype, 'a"b\r\n/ü.svg'))
        for kind, mimetype in (("image", "image/jpeg"), ("document", "image/svg+xml"))
    )

    for one in (shown, saved):
        assert "nosniff" == one.headers["X-Content-Type-Options"]
        assert "sandbox" in one.headers["Content-Security-Policy"]
    assert "inline; filename*=UTF-8''a%22b%2F%C3%BC.svg" == shown.headers["Content-Disposition"]
    assert "attachment; filename*=UTF-8''a%22b%2F%C3%BC.svg" == saved.headers["Content-Disposition"]


def test_a_type_that_is_none_is_given_out_as_bytes(ready: Gateway) -> None:
    assert "application/octet-stream" == fetched(ready, heard(ready, mimetype="image/png\r\nX-Evil: 1")).content_type


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=100-", 206, 100, len(PICTURE)),
        ("bytes=-100", 206, len(PICTURE) - 100, len(PICTURE)),
        ("bytes=10200-99999", 206, 10200, len(PICTURE)),
        ("bytes=0-", 200, 0, len(PICTURE)),
        ("bytes=-99999", 200, 0, len(PICTURE)),
        ("bytes=0-1,5-6", 200, 0, len(PICTURE)),
        ("bytes=9-1", 200, 0, len(PICTURE)),
        ("lines=1-2", 200, 0, len(PICTURE)),
    ],
)
def test_a_part_of_it_can_be_asked_for(ready: Gateway, asked: str, status: int, start: int, end: int) -> None:
    part = fetched(ready, heard(ready), Range=asked)

    assert (status, PICTURE[start:end], str(end - start)) == (
        part.status_code,
        part.data,
        part.headers["Content-Length"],
    )
    assert (f"bytes {start}-{end - 1}/{len(PICTURE)}" if status == 206 else None) == part.headers.get("Content-Range")


@pytest.mark.parametrize("asked", [f"bytes={len(PICTURE)}-", "bytes=-0"])
def test_a_part_outside_of_it_is_416(ready: Gateway, asked: str) -> None:
    refused = fetched(ready, heard(ready), Range=asked)

    assert (416, f"bytes */{len(PICTURE)}") == (refused.status_code, refused.headers["Content-Range"])


def test_what_has_no_media_has_none(ready: Gateway) -> None:
    ready.post(f"{MESSAGES}/send-text", json={"chatId": AYU, "text": "hi"})
    text = newest(ready)["id"]

    assert [404, 404] == [ready.get(f"{MESSAGES}/{known}/media").status_code for known in (text, "nothing")]


def test_media_of_another_session_is_not_found(ready: Gateway) -> None:
    ready.session("other")
    assert 404 == ready.get(f"/sessions/other/messages/{heard(ready)['id']}/media").status_code


# --- removed --------------------------------------------------------------------------------------


def test_the_media_of_a_deleted_message_is_removed(ready: Gateway) -> None:
    post(ready, **IMAGE)
    kept = newest(ready)

    ready.post(f"{MESSAGES}/delete", json={"chatId": AYU, "messageId": kept["waMessageId"]})

    assert ([], 404) == (files(ready), fetched(ready, kept).status_code)


def test_media_that_its_sender_deletes_is_removed(ready: Gateway) -> None:
    kept = heard(ready)
    session = ready.get("/sessions/my-bot").json["id"]
    ready.world.control.revoke(session, kept["waMessageId"])
    ready.clock.advance()

    ready.program.media.turn()

    assert ([], 404) == (files(ready), fetched(ready, kept).status_code)


def test_the_media_of_a_deleted_session_is_removed(ready: Gateway) -> None:
    post(ready, **IMAGE)
    heard(ready)

    ready.delete("/sessions/my-bot")

    assert [] == files(ready)
    with ready.program.db.read() as tx:
        assert [] == media.gone(tx, 10)


def test_media_is_kept_for_as_long_as_was_set_and_its_message_longer(ready: Gateway) -> None:
    post(ready, **IMAGE)
    kept = newest(ready)
    ready.clock.advance(6 * DAY)
    ready.program.media.turn()
    in_time = fetched(ready, kept).status_code
    ready.clock.advance(2 * DAY)
    ready.program.media.turn()

    assert (200, 404, []) == (in_time, fetched(ready, kept).status_code, files(ready))
    assert kept["id"] == newest(ready)["id"]


def test_media_that_is_still_to_be_sent_is_not_too_old(ready: Gateway) -> None:
    post(ready, sendAt="2027-01-30T09:00:00Z", **IMAGE)
    ready.clock.advance(8 * DAY)
    ready.program.media.turn()
    ready.clock.advance(8 * DAY)
    turn(ready)

    assert [("image", digest(PICTURE))] == received(ready)


def test_a_start_removes_what_a_crash_has_left_and_nothing_else(ready: Gateway) -> None:
    post(ready, **IMAGE)
    directory = Path(ready.program.config.data_dir / "media")
    left = directory / str(uuid4())
    left.write_bytes(b"half a pic")
    for path in directory.iterdir():
        os.utime(path, (1, 1))
    young = directory / str(uuid4())
    young.write_bytes(b"being written")

    removed = ready.program.media.sweep()

    assert (1, False, True, 2) == (removed, left.exists(), young.exists(), len(files(ready)))
    young.unlink()
