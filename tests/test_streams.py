"""Whoever waits for events, on a real server: no worker is held, nothing is lost or told twice, all end politely."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator

import pytest

from gateway.streams import Limits
from storage import events
from storage.events import Draft
from tests.live import Live, Reader, wait_until
from tests.support import ADMIN, Gateway, hold_event

MANY = 300


@pytest.fixture
def settings() -> dict[str, str]:
    return {"HTTP_THREADS": "16", "PORT": "0", "HOST": "127.0.0.1"}


@pytest.fixture
def live(gateway: Gateway) -> Iterator[Live]:
    made = Live(gateway)
    yield made
    made.stop()


def test_a_stream_tells_what_happens_as_server_sent_events(live: Live) -> None:
    reader = Reader(live).ready()
    live.tell()
    said = reader.read(b'"cursor":1')

    head, _, _ = said.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK")
    assert "Content-Type: text/event-stream" in head
    assert "id: 1\nevent: session.status\ndata: {" in said
    hold_event(json.loads(re.search(r"data: (.+)", reader.read(b"\n\n\r\n")).group(1)))


def test_many_streams_leave_the_workers_to_others(live: Live) -> None:
    readers = [Reader(live) for _ in range(MANY)]
    for reader in readers:
        reader.ready()

    assert {live.get("/sessions")[0] for _ in range(40)} == {200}
    live.tell(3)
    for reader in readers:
        reader.read(b"id: 3\n")
    assert [reader.cursors() for reader in readers] == [[1, 2, 3]] * MANY
    for reader in readers:
        reader.close()
    wait_until(live, 0)


def test_a_reader_that_comes_back_misses_nothing_and_hears_nothing_twice(live: Live) -> None:
    heard: list[int] = []
    stop = threading.Event()

    def storm() -> None:
        while not stop.is_set():
            live.tell(7)

    writer = threading.Thread(target=storm)
    writer.start()
    for _ in range(8):
        last = heard[-1] if heard else 0
        reader = Reader(live, Last_Event_ID=str(last))
        reader.read(b"id: %d\n" % (last + 50))
        reader.close()
        # What was cut off in the middle was not heard.
        reader.heard = reader.heard[: reader.heard.rfind(b"\n\n")]
        heard += reader.cursors()
    stop.set()
    writer.join()

    assert list(range(1, len(heard) + 1)) == heard


def test_a_stream_begins_with_what_is_behind_its_cursor_however_much(live: Live) -> None:
    live.tell(1500)
    reader = Reader(live, "/events/stream?after=3")
    reader.read(b"id: 1500\n")
    live.tell()
    reader.read(b"id: 1501\n")

    assert reader.cursors() == list(range(4, 1502))


def test_a_stream_tells_only_what_was_asked_for(live: Live) -> None:
    other = live.gateway.session("other")
    reader = Reader(live, "/events/stream?sessionId=other").ready()
    live.tell()
    with live.gateway.program.db.write() as tx:
        events.append(tx, other, [Draft("session.status", "x", {"sessionId": other, "status": "ready"})], 1)
    live.gateway.program.wake()
    reader.read(b"id: 2\n")

    assert reader.cursors() == [2]


def test_a_long_poll_returns_on_the_commit(live: Live) -> None:
    answers: list[tuple[int, dict]] = []
    poll = threading.Thread(target=lambda: answers.append(live.get("/events?wait=20")))
    poll.start()
    wait_until(live, 1)
    live.tell()
    poll.join(10)

    status, page = answers[0]
    assert (status, [e["cursor"] for e in page["events"]], page["next"], page["oldest"]) == (200, [1], 1, 1)


def test_a_long_poll_with_nothing_to_tell_ends_in_time(live: Live) -> None:
    assert live.get("/events?wait=1") == (200, {"events": [], "next": 0, "newest": 0, "oldest": 1})


def test_a_connection_goes_on_after_a_long_poll(live: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.server.port, timeout=20)
    for _ in range(3):
        connection.request("GET", "/api/events?wait=1&after=0", headers={"X-API-Key": ADMIN})
        assert connection.getresponse().read().startswith(b'{"events":[]')
        ours = connection.sock
        connection.request("GET", "/api/health")
        assert connection.getresponse().read()
        assert connection.sock is ours
    connection.close()


def test_a_request_sent_while_a_long_poll_waits_is_answered_after_it(live: Live) -> None:
    reader = Reader(live, "/events?wait=20")
    wait_until(live, 1)
    reader.socket.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
    live.tell()

    said = reader.read(b'"version"')
    assert said.index('"events"') < said.index('"version"')


def test_a_long_poll_with_requests_behind_it_does_not_wait(live: Live) -> None:
    poll = f"GET /api/events?wait=20 HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN}\r\n\r\n".encode()
    client = socket.create_connection(("127.0.0.1", live.server.port), timeout=10)
    client.sendall(poll + b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
    heard = b""
    while b'"version"' not in heard:
        heard += client.recv(65536)

    assert heard.index(b'"events":[]') < heard.index(b'"version"')
    client.close()


def test_a_client_that_goes_away_leaves_its_place(live: Live) -> None:
    readers = [Reader(live).ready(), Reader(live, "/events?wait=20")]
    wait_until(live, 2)
    for reader in readers:
        reader.close()

    wait_until(live, 0)


def test_a_client_that_does_not_read_is_dropped_and_the_others_go_on(live: Live) -> None:
    live.gateway.program.streams.limits = Limits(patience=1.0)
    _, other = Reader(live, window=4096).ready(), Reader(live).ready()
    reading = threading.Thread(target=lambda: other.read(b"id: 3000\n"))
    reading.start()
    for _ in range(30):
        live.tell(100, size=2000)
    reading.join()

    wait_until(live, 1)
    assert other.cursors() == list(range(1, 3001))
    other.close()


def test_a_slow_reader_gets_everything_at_its_own_pace(live: Live) -> None:
    slow = Reader(live, window=4096).ready()
    for _ in range(20):
        live.tell(100, size=2000)
    slow.read(b"id: 2000\n")

    assert slow.cursors() == list(range(1, 2001))


def test_a_silent_stream_shows_that_it_lives(live: Live) -> None:
    live.gateway.program.streams.limits = Limits(heartbeat=0.5)
    reader = Reader(live).ready()
    reader.read(b": still there\n\n")


def test_the_stream_of_a_revoked_key_ends(live: Live) -> None:
    gateway = live.gateway
    key = gateway.key("viewer")
    key_id = next(one["id"] for one in gateway.get("/auth/api-keys").json if one["name"] == "a viewer")
    reader = Reader(live, key=key).ready()
    gateway.post(f"/auth/api-keys/{key_id}/revoke")

    assert reader.to_the_end().endswith("0\r\n\r\n")


def test_the_stream_of_an_expired_key_ends(live: Live) -> None:
    key = live.gateway.key("viewer", expiresAt="2030-01-01T00:00:00.000Z")
    reader = Reader(live, key=key).ready()
    live.gateway.clock.advance(4 * 365 * 86_400)

    assert reader.to_the_end().endswith("0\r\n\r\n")


def test_draining_ends_streams_and_long_polls_politely(live: Live) -> None:
    reader = Reader(live).ready()
    answers: list[tuple[int, dict]] = []
    poll = threading.Thread(target=lambda: answers.append(live.get("/events?wait=30")))
    poll.start()
    wait_until(live, 2)
    live.gateway.program.drain()

    assert live.server.drain(5)
    assert reader.to_the_end().endswith("0\r\n\r\n")
    poll.join(5)
    assert answers == [(200, {"events": [], "next": 0, "newest": 0, "oldest": 1})]


def test_beyond_the_most_there_is_503(live: Live) -> None:
    live.gateway.program.streams.limits = Limits(most=1)
    Reader(live).ready()

    assert live.get("/events/stream")[0] == 503
    assert live.get("/events?wait=1")[0] == 503
    assert live.get("/events")[0] == 200


def test_an_http_1_0_client_gets_a_stream_without_chunks(live: Live) -> None:
    client = socket.create_connection(("127.0.0.1", live.server.port), timeout=10)
    client.sendall(f"GET /api/events/stream HTTP/1.0\r\nX-API-Key: {ADMIN}\r\n\r\n".encode())
    heard = b""
    while b"retry" not in heard:
        heard += client.recv(65536)

    assert heard.endswith(b"\r\n\r\nretry: 3000\n\n")
    client.close()
