"""Bulk sends of media: held by the batch until an item's turn, fetched then, never left behind."""

from typing import Any

import pytest

from tests.bulk_stage import AYU, BIMA, URL, bulk, kill, run, status
from tests.media_stage import IMAGE, PICTURE, SETTINGS, TEXT, digest, fetched, files, newest
from tests.receiver import Receiver, answer
from tests.support import Gateway

TOO_LONG = (
    "messages.0.content.caption must be shorter than or equal to 1024 characters once its variables are filled in"
)


settings = pytest.fixture(lambda: SETTINGS)


def item(kind: str, given: dict[str, Any] | None = None, chat: str = AYU, **more: Any) -> dict[str, Any]:
    """A message of a batch with media."""
    return {"chatId": chat, "type": kind, "content": {kind: IMAGE if given is None else given, **more}}


def received(gateway: Gateway, chat: str = AYU) -> list[tuple[str, str, str]]:
    return [(entry["type"], entry["body"], entry["digest"]) for entry in gateway.world.control.inbox(chat)]


def test_every_kind_is_sent_with_its_variables_filled_in(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(200, PICTURE)
    messages = [
        {**item("image", caption="For {{name}}"), "variables": {"name": "Ada"}},
        item("video", {"url": f"{receiver.url}/a.mp4"}),
        item("audio", {"base64": TEXT, "ptt": True}),
        {**item("document", {"base64": TEXT, "filename": "{{name}}.pdf"}), "variables": {"name": "Ada"}},
    ]

    bulk(ready, *messages, batch_id="b")
    run(ready)

    shown = [("image", "For Ada"), ("video", ""), ("voice", ""), ("document", "Ada.pdf")]
    assert [(*one, digest(PICTURE)) for one in shown] == received(ready)
    assert ("completed", 4) == (status(ready)["status"], status(ready)["progress"]["sent"])
    assert (4, PICTURE) == (len(files(ready)), fetched(ready, newest(ready)).data)


def test_a_url_that_leads_inside_fails_its_item_only(ready: Gateway, receiver: Receiver) -> None:
    receiver.behaviour = answer(404)
    bulk(
        ready,
        item("image", {"url": "http://10.0.0.1/"}),
        item("image", {"url": receiver.url}),
        item("image"),
        batch_id="b",
    )

    run(ready)

    assert [
        {"code": "SEND_BLOCKED", "message": "Destination address is not allowed"},
        {"code": "SEND_FAILED", "message": "The URL answers 404"},
        None,
    ] == [result.get("error") for result in status(ready)["results"]]
    assert 1 == len(received(ready))


@pytest.mark.parametrize("url", ["/etc/passwd", "../openwa.sqlite", "file:///etc/passwd", "{{name}}", "cat.png"])
def test_a_url_that_is_none_never_names_a_file(ready: Gateway, url: str) -> None:
    secret = ready.program.config.data_dir / "media" / "cat.png"
    secret.write_text("not for you")

    bulk(ready, {**item("document", {"url": url}), "variables": {"name": str(secret)}}, batch_id="b")
    run(ready, 2)

    secret.unlink()
    assert ([], ["SEND_BLOCKED"]) == (received(ready), [one["error"]["code"] for one in status(ready)["results"]])


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (item("image", {}), "messages.0.content.image: Either url or base64 must be provided"),
        ({"chatId": AYU, "type": "image", "content": {"text": "x"}},
         "messages.0.content.image: Either url or base64 must be provided"),
        (item("image", {"base64": "?"}), ["messages.0.content.image.base64 must be base64"]),
        ({"chatId": AYU, "type": "text", "content": {"image": IMAGE}},
         "messages.0.content.text must not be empty once its variables are filled in"),
        ({**item("image", caption="{{a}}" * 2), "variables": {"a": "x" * 600}},
         TOO_LONG),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_leaves_nothing(ready: Gateway, message: dict[str, Any], problem: Any) -> None:
    refused = bulk(ready, message, item("image"))

    assert (400, problem, []) == (refused.status_code, refused.json["message"], files(ready))


def test_media_too_large_refuses_the_batch(ready: Gateway) -> None:
    assert 413 == bulk(ready, item("image", {"base64": "AAAA" * 40_000})).status_code


def test_media_waits_for_its_turn_over_a_restart(ready: Gateway) -> None:
    bulk(ready, item("image", chat=AYU), item("image", chat=BIMA), batch_id="b")
    other = kill(ready)
    other.program.media.sweep()
    other.program.media.turn()
    other.post("/sessions/my-bot/start")
    other.clock.advance(5)
    run(other)

    arrived = [("image", "", digest(PICTURE))]
    assert (arrived, arrived) == (received(other, AYU), received(other, BIMA))
    other.program.stop()


@pytest.mark.parametrize("ending", ["cancelled", "stopped"])
def test_what_a_batch_does_not_come_to_is_removed(ready: Gateway, ending: str) -> None:
    first = item("image", {"url": "http://10.0.0.1/"}) if ending == "stopped" else item("image")
    bulk(ready, first, item("image"), item("image"), batch_id="b", stopOnError=True)
    assert (2 if ending == "stopped" else 3) == len(files(ready))
    if ending == "cancelled":
        ready.post(f"{URL}/batch/b/cancel")
    run(ready, 3)

    ready.program.media.turn()

    assert [] == files(ready)


def test_the_media_of_a_batch_goes_with_its_session(ready: Gateway) -> None:
    bulk(ready, item("image"), item("image"))

    ready.delete("/sessions/my-bot")

    assert [] == files(ready)
