"""Media that is kept: received, given out whole or in part, removed in time."""

import base64
import os
from pathlib import Path
from uuid import uuid4

import pytest

from storage import media
from tests.media_stage import (
    AYU,
    DAY,
    IMAGE,
    MESSAGES,
    PICTURE,
    SETTINGS,
    digest,
    fetched,
    files,
    forward,
    heard,
    newest,
    post,
    received,
    told,
    turn,
)
from tests.support import Gateway, together

settings = pytest.fixture(lambda: SETTINGS)


# --- received -------------------------------------------------------------------------------------


def test_received_media_is_kept_told_of_and_given_out(ready: Gateway) -> None:
    kept = heard(ready)

    (data,) = told(ready, "message.received")
    assert kept["metadata"]["media"]["url"] == data["media"]["url"]
    assert (PICTURE, "image/png") == (fetched(ready, kept).data, fetched(ready, kept).content_type)
    assert PICTURE == ready.get(f"{MESSAGES}/{kept['waMessageId']}/media", key=ready.key("viewer")).data
    assert 1 == len(files(ready))


def test_live_history_comes_with_its_media_if_asked(ready: Gateway) -> None:
    kept = heard(ready)
    path = f"{MESSAGES}/{AYU}/history"

    plain, whole, deep = (
        ready.get(path + query).json[0]["media"] for query in ("", "?includeMedia=true", "?includeMedia=true&deep=true")
    )

    assert PICTURE == base64.b64decode(whole["data"])
    for one in (plain, deep):
        assert (True, kept["metadata"]["media"]["url"], False) == (one["omitted"], one["url"], "data" in one)


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


@pytest.mark.parametrize(
    ("kind", "mimetype", "name"),
    [
        ("image", "image/jpeg", "image-20270115-080005.jpg"),
        ("voice", "audio/ogg; codecs=opus", "voice-20270115-080005.ogg"),
        ("document", "application/pdf", "document-20270115-080005.pdf"),
        ("document", "what/ever", "document-20270115-080005.bin"),
    ],
)
def test_what_came_without_a_name_is_given_one(ready: Gateway, kind: str, mimetype: str, name: str) -> None:
    shown = fetched(ready, heard(ready, kind, mimetype, None)).headers["Content-Disposition"]
    assert name == shown.partition("''")[2]


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


# --- forwarded ------------------------------------------------------------------------------------


def test_forwarded_media_has_a_link_of_its_own_in_history_and_in_its_event(ready: Gateway) -> None:
    original = heard(ready)

    kept = forward(ready, original)

    shown = kept["metadata"]["media"]
    assert f"/messages/{kept['id']}/media" in shown["url"]
    assert ("image/png", "cat.png", len(PICTURE)) == (shown["mimetype"], shown["filename"], shown["sizeBytes"])
    assert {**shown, "omitted": True} == told(ready, "message.sent")[0]["media"]
    assert (PICTURE, 1) == (fetched(ready, kept).data, len(files(ready)))
    assert (1, len(PICTURE)) == tuple(
        ready.get("/infra/storage/files/count").json[name] for name in ("count", "sizeBytes")
    )


@pytest.mark.parametrize("first", ["original", "forwarded"])
def test_deleting_one_of_them_leaves_the_other_its_media(ready: Gateway, first: str) -> None:
    original = heard(ready)
    forwarded = forward(ready, original)
    pair = [original, forwarded] if first == "original" else [forwarded, original]

    seen = []
    for message in pair:
        body = {"chatId": message["chatId"], "messageId": message["waMessageId"], "forEveryone": False}
        ready.post(f"{MESSAGES}/delete", json=body)
        seen.append([fetched(ready, one).status_code for one in pair])

    assert ([[404, 200], [404, 404]], []) == (seen, files(ready))


def test_a_forward_beside_a_deletion_has_the_media_that_it_links_to(ready: Gateway) -> None:
    for _ in range(5):
        original = heard(ready)
        gone = {"chatId": AYU, "messageId": original["waMessageId"], "forEveryone": False}
        passed_on = {"fromChatId": AYU, "toChatId": "447700900007@c.us", "messageId": original["waMessageId"]}
        answers = together(
            lambda body=passed_on: ready.post(f"{MESSAGES}/forward", json=body),
            lambda body=gone: ready.post(f"{MESSAGES}/delete", json=body),
        )
        assert {201, 404} >= {answers[0].status_code}
        assert 200 == answers[1].status_code
        if answers[0].status_code == 201:
            kept = newest(ready)
            link = kept["metadata"].get("media", {}).get("url")
            assert link is None or 200 == fetched(ready, kept).status_code
        ready.program.media.turn()


def test_forwarded_media_is_kept_from_its_own_day_on(ready: Gateway) -> None:
    original = heard(ready)
    ready.clock.advance(5 * DAY)
    forwarded = forward(ready, original)
    seen = []
    for _ in range(2):
        ready.clock.advance(4 * DAY)
        ready.program.media.turn()
        seen.append([fetched(ready, one).status_code for one in (original, forwarded)])

    assert ([[404, 200], [404, 404]], []) == (seen, files(ready))


def test_a_forward_of_media_that_is_no_longer_kept_has_no_link(ready: Gateway) -> None:
    original = heard(ready)
    ready.clock.advance(8 * DAY)
    ready.program.media.turn()

    shown = forward(ready, original)["metadata"]["media"]

    assert {"mimetype": "image/png", "filename": "cat.png", "sizeBytes": len(PICTURE)} == shown


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
