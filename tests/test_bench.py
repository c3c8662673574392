"""The bench's own instruments: where an answer ends, what is counted, and what is said of it."""

import contextlib
import os
import socket
import threading
from array import array
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tools.bench import __main__ as bench
from tools.bench import cost, flow, framing, load, report, rounds, scenarios, server
from tools.bench.server import Target

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n"
TRAILED = CHUNKED[:-2] + b"Digest: 1\r\n\r\n"


# --- framing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [OK, CHUNKED, TRAILED], ids=["length", "chunks", "trailers"])
def test_an_answer_is_whole_with_its_last_byte_and_not_before(answer):
    assert [None] * len(answer) == [framing.frame(answer[:size]) for size in range(len(answer))]
    assert len(answer) == framing.frame(answer).end


@pytest.mark.parametrize("answer", [OK, CHUNKED, TRAILED], ids=["length", "chunks", "trailers"])
def test_the_body_is_what_the_server_meant(answer):
    assert framing.body(answer, framing.frame(answer)) == b"hello"


def test_header_names_are_read_in_any_case():
    assert framing.frame(OK.replace(b"Content-Length", b"content-LENGTH")) is not None


def test_an_answer_without_a_body_ends_with_its_head():
    answer = b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"
    assert (204, len(answer)) == (framing.frame(answer).status, framing.frame(answer).end)


def test_the_next_answer_is_not_part_of_this_one():
    assert len(OK) == framing.frame(OK + OK).end


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nuntil I hang up"])
def test_an_answer_whose_end_nobody_can_tell_is_refused(answer):
    with pytest.raises(framing.Unframed):
        framing.frame(answer)


def test_a_request_with_a_body_says_how_long_it_is():
    made = framing.request("POST", "/x", {"Host": "h"}, {"a": "é"})
    head, body = made.split(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head.split(b"\r\n")


def test_a_request_without_a_body_says_nothing_of_one():
    assert framing.request("GET", "/x", {"Host": "h"}) == b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"


# --- load ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _server(answer: Callable[[int], list[bytes]]) -> Iterator[tuple[tuple[str, int], list[tuple[int, bytes]]]]:
    """A server that gives the n-th request the pieces of `answer(n)`: its address, and (connection, request) so far.

    An empty piece hangs up.
    """
    asked: list[tuple[int, bytes]] = []

    def serve(connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            while request := connection.recv(65536):
                asked.append((number, request))
                for piece in answer(len(asked)):
                    if not piece:
                        return
                    connection.sendall(piece)

    def accept() -> None:
        with contextlib.suppress(OSError):
            for number in range(1000):
                threading.Thread(target=serve, args=(listener.accept()[0], number), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname(), asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _load(address: tuple[str, int], *requests: bytes, connections: int = 1, at_most: int = 10) -> load.Sample:
    return load.run(address, requests or (b"GET",), connections=connections, seconds=20, at_most=at_most)


def test_every_answer_has_a_latency_and_a_status():
    with _server(lambda n: [OK if n % 2 else OK.replace(b"200", b"400")]) as (address, _):
        sample = _load(address)
    assert (len(sample.latencies), dict(sample.statuses), sample.broken) == (10, {200: 5, 400: 5}, 0)


def test_a_connection_is_kept_while_the_server_keeps_it():
    with _server(lambda _: [OK]) as (address, asked):
        _load(address)
    assert [connection for connection, _ in asked] == [0] * 10


def test_each_connection_has_a_request_of_its_own_out():
    with _server(lambda _: [OK]) as (address, asked):
        _load(address, connections=4, at_most=100)
    assert {0, 1, 2, 3} == {connection for connection, _ in asked}


def test_requests_go_out_in_turn():
    with _server(lambda _: [OK]) as (address, asked):
        _load(address, b"1", b"2", b"3", at_most=4)
    assert [request for _, request in asked] == [b"1", b"2", b"3", b"1"]


def test_an_answer_in_pieces_is_one_answer():
    with _server(lambda _: [CHUNKED[:20], CHUNKED[20:60], CHUNKED[60:]]) as (address, _):
        sample = _load(address)
    assert dict(sample.statuses) == {200: 10}


def test_a_server_that_says_close_is_asked_on_a_new_connection_and_nothing_is_lost():
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with _server(lambda _: [closing, b""]) as (address, asked):
        sample = _load(address)
    assert (list(range(10)), 0) == ([connection for connection, _ in asked], sample.broken)


def test_a_connection_lost_with_a_request_out_is_counted_and_replaced():
    with _server(lambda n: [b""] if n == 3 else [OK]) as (address, _):
        sample = _load(address)
    assert (sample.broken, len(sample.latencies)) == (1, 10)


def test_an_answer_that_comes_after_the_end_is_awaited_and_not_counted():
    rest = threading.Event()
    hung_up: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(65536)
                rest.wait(5)
                connection.sendall(OK)
                hung_up.append(connection.recv(65536))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        threading.Timer(0.05, rest.set).start()
        sample = load.run(listener.getsockname(), [b"GET"], connections=1, seconds=0.001)
        thread.join(5)
    assert (len(sample.latencies), hung_up) == (0, [b""])


def test_a_server_that_is_not_there_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        _load(address)


# --- figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)])
def test_a_percentile_is_the_latency_that_so_many_did_not_exceed(share, expected):
    assert expected == load.Sample(1.0, array("d", reversed(range(1, 101)))).percentile(share)


def test_the_rate_is_answers_by_time():
    assert load.Sample(2.0, array("d", [0.1] * 10)).rate == 5.0


def test_a_spread_is_half_of_the_range_around_the_median():
    assert rounds.middle([1.0, 9.0, 3.0]) == (3.0, 4.0)


def test_our_own_process_has_cost_time():
    assert cost.cpu_seconds([os.getpid()]) > 0


def test_shared_pages_are_counted_in_part_only_in_the_proportional_size():
    own = cost.memory([os.getpid()])
    assert 0 < own.pss <= own.rss


def _row(server: str, scenario: str, *, rate: float = 1.0, ratio: float = 1.0) -> rounds.Row:
    return rounds.Row(scenario, server, 8, [rounds.Run(rate, 1.0, 5.0, 100.0, 0.0)], [ratio])


def _met(*rows: rounds.Row) -> dict[str, bool]:
    return {goal.what: goal.met for goal in report.goals(rows, None)}


@pytest.mark.parametrize(("ratio", "met"), [(4.5, True), (4.6, False)])
def test_a_goal_is_met_up_to_its_bound(ratio, met):
    assert met is _met(_row("gateway", "list-20", ratio=ratio))["list-20: CPU in hellos"]


@pytest.mark.parametrize(("rate", "met"), [(200.0, True), (190.0, False)])
def test_a_rate_is_held_against_the_peers(rate, met):
    rows = _row("gateway", "list-20", rate=rate), _row("peer", "list-20", rate=100.0)
    assert met is _met(*rows)["list-20: times the peer's rate"]


@pytest.mark.parametrize(("ratio", "met"), [(2.6, True), (2.7, False)])
def test_a_page_of_a_long_history_is_held_against_that_of_a_short_one(ratio, met):
    rows = _row("gateway", "history-1e3", ratio=2.0), _row("gateway", "history-1e5", ratio=ratio)
    assert met is _met(*rows)["history-1e5: CPU beside history-1e3"]


@pytest.mark.parametrize(("ratio", "met"), [(2.3, True), (2.4, False)])
def test_a_sampled_contract_check_may_cost_little(ratio, met):
    rows = _row("gateway", "list-20", ratio=2.0), _row("gateway", "list-20, check sample", ratio=ratio)
    assert met is _met(*rows)["list-20, check sample: CPU beside list-20"]


def test_the_contract_check_is_measured_each_way_on_the_same_rows(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bench.sqlite").write_text("rows")
    checked = {how: server.checking(tmp_path, server.SERVE, how) for how in ("sample", "all")}
    places, target = dict.fromkeys(("idle", "linked", "m1000", "m10000", "m100000"), "s"), Target("t", ("127.0.0.1", 1))
    jobs = bench._jobs(SimpleNamespace(only=None), target, places, dict.fromkeys(checked, target), None)  # noqa: SLF001

    assert [job.scenario for job in jobs][1:4] == ["list-20", "list-20, check sample", "list-20, check all"]
    assert {how: program.environment["CONTRACT_CHECK"] for how, program in checked.items()} == {h: h for h in checked}
    assert all((program.folder / "data" / "bench.sqlite").read_text() == "rows" for program in checked.values())


def test_the_table_has_a_line_for_every_row():
    text = report.table([_row("hello", "hello"), _row("gateway", "list-20")])
    assert [line.split()[0] for line in text.splitlines()] == ["server", "hello", "gateway"]


@pytest.mark.parametrize(("foreign", "calm"), [(0.02, True), (0.8, False)])
def test_figures_of_a_busy_machine_say_so(foreign, calm):
    row = rounds.Row("list-20", "gateway", 8, [rounds.Run(1.0, 1.0, 5.0, 100.0, foreign)], [1.0])
    assert calm is ("calm machine" not in report.caution([row]))


def test_a_numbered_body_makes_a_request_for_each_chat():
    numbered = scenarios.Scenario("x", "POST", "/{linked}", 201, {"chatId": "1{n}@c.us", "n": 1})
    made = numbered.requests(Target("t", ("127.0.0.1", 1)), {"linked": "s"})
    assert len(set(made)) == scenarios.CHATS


# --- flow ----------------------------------------------------------------------------------------


def test_a_receiver_hears_every_delivery_of_a_connection_and_when_its_text_came():
    ear = flow.Ear()
    body = b'{"event":"message.received","data":{"body":"storm 7"}}'
    delivery = b"POST /hook HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with contextlib.closing(ear), socket.create_connection(ear.address) as connection:
        connection.sendall(delivery * 2 + delivery[:30])
        heard = b""
        while heard.count(b"204") < 2:
            heard += connection.recv(1000)
    assert (2, [b"storm 7"]) == (ear.count, list(ear.times))


def test_what_the_flow_should_reach_is_compared_with_what_it_does():
    figures = [flow.Figure("inbound to webhook at rest, p50", 25.0, "ms"), flow.Figure("CPU of a page", 1.1, "times")]
    assert [("inbound to webhook at rest, p50, ms", False), ("CPU of a page", True)] == [
        (goal.what, goal.met) for goal in flow.goals(figures)
    ]
