"""Media in object storage: moved there once nobody sends it from disk any more, given out from there, removed there."""

from collections.abc import Iterator
from typing import Any

import pytest
from minio import Minio
from moto.server import ThreadedMotoServer

from gateway import config
from gateway.config import BadConfig
from gateway.objects import Bucket
from storage import media
from tests.media_stage import (
    AYU,
    IMAGE,
    PICTURE,
    SETTINGS,
    fetched,
    files,
    forward,
    heard,
    newest,
    post,
    received,
    turn,
)
from tests.support import Gateway


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """An S3 server of our own; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://127.0.0.1:{1}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(store: str) -> Minio:
    """An empty bucket."""
    client = Minio(store.removeprefix("http://"), "key", "secret", region="us-east-1", secure=False)
    if client.bucket_exists("openwa"):
        for one in names(client):
            client.remove_object("openwa", one)
    else:
        client.make_bucket("openwa")
    return client


@pytest.fixture
def settings(store: str, bucket: Minio) -> dict[str, str]:
    assert names(bucket) == []
    keys = {"S3_ACCESS_KEY_ID": "key", "S3_SECRET_ACCESS_KEY": "secret"}
    return {**SETTINGS, **keys, "STORAGE_TYPE": "s3", "S3_ENDPOINT": store}


def names(client: Minio) -> list[str]:
    return [str(found.object_name) for found in client.list_objects("openwa", recursive=True)]


def test_media_moves_there_and_is_given_out_from_there(ready: Gateway, bucket: Minio) -> None:
    post(ready, **IMAGE)
    sent = newest(ready)
    got = heard(ready)
    before = len(files(ready))

    ready.program.media.turn()

    assert (2, []) == (before, files(ready))
    assert sorted(f"media/{one['id']}" for one in (sent, got)) == names(bucket)
    assert [PICTURE] * 2 == [fetched(ready, one).data for one in (sent, got)]
    part = fetched(ready, sent, Range="bytes=100-199")
    assert (206, PICTURE[100:200], "100") == (part.status_code, part.data, part.headers["Content-Length"])


def test_media_that_is_still_to_be_sent_stays(ready: Gateway, bucket: Minio) -> None:
    post(ready, headers={"Prefer": "respond-async"}, **IMAGE)
    ready.program.media.turn()
    waiting = names(bucket)
    turn(ready)
    ready.program.media.turn()

    assert ([], 1, 1) == (waiting, len(received(ready)), len(names(bucket)))


def test_what_is_deleted_is_removed_there_too(ready: Gateway, bucket: Minio) -> None:
    post(ready, **IMAGE)
    heard(ready)
    ready.program.media.turn()
    message = {"chatId": AYU, "messageId": newest(ready)["waMessageId"], "forEveryone": False}

    ready.post("/sessions/my-bot/messages/delete", json=message)
    left = len(names(bucket))
    ready.delete("/sessions/my-bot")

    assert (1, []) == (left, names(bucket))


def test_a_forward_of_what_moved_there_is_given_out_until_it_is_deleted_itself(ready: Gateway, bucket: Minio) -> None:
    original = heard(ready)
    early = forward(ready, original)
    ready.program.media.turn()
    late = forward(ready, original)
    ready.program.media.turn()
    deleted = {"chatId": AYU, "messageId": original["waMessageId"], "forEveryone": False}
    ready.post("/sessions/my-bot/messages/delete", json=deleted)

    assert (1, []) == (len(names(bucket)), files(ready))
    assert [404, 200, 200] == [fetched(ready, one).status_code for one in (original, early, late)]
    ready.delete("/sessions/my-bot")
    assert [] == names(bucket)


def test_an_object_that_is_gone_is_not_found(ready: Gateway, bucket: Minio) -> None:
    post(ready, **IMAGE)
    ready.program.media.turn()
    bucket.remove_object("openwa", names(bucket)[0])

    assert 404 == fetched(ready, newest(ready)).status_code


def test_a_file_that_moved_before_a_crash_goes_at_the_next_start(ready: Gateway) -> None:
    post(ready, **IMAGE)
    path = ready.program.config.data_dir / "media" / newest(ready)["id"]
    with ready.program.db.write() as tx:
        media.moved(tx, media.of_message(tx, newest(ready)["id"]).name)
    ready.program.media._born = path.stat().st_mtime + 1  # noqa: SLF001 - a gateway that is started later

    assert (1, []) == (ready.program.media.sweep(), files(ready))


class TestWithoutStorage:
    """The storage does not answer, or not to us."""

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        keys = {"S3_ACCESS_KEY_ID": "key", "S3_SECRET_ACCESS_KEY": "secret"}
        return {**SETTINGS, **keys, "STORAGE_TYPE": "s3", "S3_ENDPOINT": "http://127.0.0.1:9"}

    def test_media_stays_on_disk_and_is_given_out(self, ready: Gateway) -> None:
        post(ready, **IMAGE)
        with pytest.raises(Exception, match="The media storage does not answer"):
            ready.program.media.turn()

        assert PICTURE == fetched(ready, newest(ready)).data

    def test_what_is_there_already_is_503(self, ready: Gateway) -> None:
        post(ready, **IMAGE)
        ready.program.config.data_dir.joinpath("media", newest(ready)["id"]).unlink()

        refused: Any = fetched(ready, newest(ready))

        assert (503, "5") == (refused.status_code, refused.headers["Retry-After"])


@pytest.mark.parametrize("endpoint", ["s3.example", "ftp://s3.example", "https://s3.example/bucket"])
def test_an_address_that_is_none_is_refused_at_the_start(endpoint: str) -> None:
    with pytest.raises(BadConfig, match="S3_ENDPOINT"):
        Bucket(config.load({"STORAGE_TYPE": "s3", "S3_ENDPOINT": endpoint}))


def test_half_a_key_is_refused_at_the_start() -> None:
    with pytest.raises(BadConfig, match="Secret key must not be empty"):
        Bucket(config.load({"STORAGE_TYPE": "s3", "S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY_ID": "key"}))
