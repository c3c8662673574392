"""The one HTTP client: where it goes, how long it waits, how much it reads."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.outbound import Outbound, Redirected, TooMuch, Unreachable
from gateway.ssrf import Blocked, is_public, target
from tests.receiver import Receiver, answer, close, drip, gibberish, hang

PEM = Path(__file__).parent / "hooks.example.pem"


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    made = Outbound(["127.0.0.1"], dns_timeout=2.0)
    yield made
    made.close()


def post(outbound: Outbound, url: str, timeout: float = 2.0):
    return outbound.post(url, b"{}", {"Content-Type": "application/json"}, timeout, keep=512)


REFUSED = [
    "0.0.0.0",  # noqa: S104 - nobody binds it here
    "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:192.168.1.1", "::192.168.1.1", "64:ff9b::a00:1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1", "2001:0:7f00:1::1",
    "2001:0:808:808:0:0:80ff:fffe", "2a00::5efe:127.0.0.1", "2a00::200:5efe:10.0.0.1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "93.184.216.34", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8",
    "64:ff9b::808:808", "2002:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_inside_is_refused_in_every_spelling(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "file:///etc/passwd", "//example.com", "example.com", "http://", "http://[::1", "http://a:99999/",
     "http://user:secret@example.com/", "http://example.com:0/"],
)  # fmt: skip
def test_what_is_no_web_address_is_blocked(url: str) -> None:
    with pytest.raises(Blocked):
        target(url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_the_own_machine_is_called(receiver: Receiver, host: str) -> None:
    url = f"http://{host}:{receiver.server_address[1]}/"
    guarded = Outbound(dns_timeout=5.0)

    with pytest.raises((Blocked, Unreachable)):
        post(guarded, url)
    assert receiver.received == []


def test_a_refusal_names_no_address() -> None:
    told = r"^url must lead to a public address, or its host be named in SSRF_ALLOWED_HOSTS$"
    with pytest.raises(Blocked, match=told):
        Outbound().check("http://localhost/")


def test_a_name_that_means_a_public_and_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)

    with pytest.raises(Blocked):
        Outbound().check("http://rebind.example/")


def test_a_name_is_resolved_once_and_that_address_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers differently the second time is never asked a second time."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: object):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    outbound = Outbound(["hooks.example"])
    post(outbound, f"http://hooks.example:{receiver.server_address[1]}/a")

    assert (["hooks.example"], f"hooks.example:{receiver.server_address[1]}") == (
        asked,
        receiver.received[0].headers["host"],
    )
    outbound.close()


def test_a_name_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1))

    with pytest.raises(Blocked, match=r"^Could not resolve host: slow\.example"):
        Outbound(dns_timeout=0.05).check("http://slow.example/")


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(Blocked, match=r"^Could not resolve host: no-such-host.invalid \(ENOTFOUND\)$"):
        Outbound(dns_timeout=5).check("http://no-such-host.invalid/")


def test_a_connection_is_used_again(receiver: Receiver, outbound: Outbound) -> None:
    for _ in range(5):
        post(outbound, receiver.url + "/a")

    assert len({one.connection for one in receiver.received}) == 1


def test_after_the_end_no_connection_is_kept(receiver: Receiver, outbound: Outbound) -> None:
    """Who was still calling as everything was closed brings its connection home too late."""
    outbound.close()
    for _ in range(2):
        post(outbound, receiver.url + "/a")

    assert len({one.connection for one in receiver.received}) == 2


def test_a_kept_connection_that_was_closed_is_replaced(receiver: Receiver, outbound: Outbound) -> None:
    post(outbound, receiver.url + "/a")
    receiver.behaviour = answer(200, b"bye", Connection="close")
    post(outbound, receiver.url + "/a")
    receiver.behaviour = answer()

    assert post(outbound, receiver.url + "/a").status == 200
    assert len({one.connection for one in receiver.received}) == 2


def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver, outbound: Outbound) -> None:
    receiver.paths["/a"] = answer(307, b"", Location="/b")

    assert post(outbound, receiver.url + "/a").status == 307
    assert receiver.at("/b") == []


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [(hang, "No answer in time"), (drip, "No answer in time"), (close, "The connection was closed without an answer"),
     (gibberish, "The answer was no HTTP")],
)  # fmt: skip
def test_what_is_no_answer_is_told_in_general_words(
    receiver: Receiver, outbound: Outbound, behaviour, told: str
) -> None:
    receiver.behaviour = behaviour

    with pytest.raises(Unreachable, match=f"^{told}$"):
        post(outbound, receiver.url, timeout=0.3)


def test_nobody_listening_is_told(outbound: Outbound) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match=r"^Connection refused$"):
            post(outbound, f"http://127.0.0.1:{taken.getsockname()[1]}/")


def test_a_huge_answer_is_not_read(receiver: Receiver, outbound: Outbound) -> None:
    receiver.behaviour = answer(200, b"x" * 20_000_000)

    got = post(outbound, receiver.url)

    assert (got.status, got.body) == (200, b"x" * 512)


def test_an_answer_whose_body_never_ends_is_an_answer(receiver: Receiver, outbound: Outbound) -> None:
    def begin(handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        handler.wfile.flush()
        handler.server.released.wait(30)

    receiver.behaviour = begin

    assert post(outbound, receiver.url, timeout=0.5).status == 200


@pytest.fixture
def secure(receiver: Receiver) -> Iterator[Outbound]:
    """A client that trusts the receiver's certificate, which is that of hooks.example."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(PEM)
    receiver.socket = server.wrap_socket(receiver.socket, server_side=True)
    made = Outbound(["hooks.example", "other.example"], tls=ssl.create_default_context(cafile=PEM))
    yield made
    made.close()


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine's."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, **__: [(*found[0], ("127.0.0.1", port))])


@pytest.mark.usefixtures("everywhere")
def test_a_pinned_address_must_have_the_certificate_of_the_name(receiver: Receiver, secure: Outbound) -> None:
    port = receiver.server_address[1]

    assert post(secure, f"https://hooks.example:{port}/").status == 200
    with pytest.raises(Unreachable, match=r"^TLS failed"):
        post(secure, f"https://other.example:{port}/")
    assert len(receiver.received) == 1


@pytest.mark.usefixtures("everywhere")
def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Receiver, secure: Outbound) -> None:
    with pytest.raises(Unreachable, match=r"^TLS failed"):
        post(Outbound(["hooks.example"]), f"https://hooks.example:{receiver.server_address[1]}/")
    assert (secure, receiver.received) == (secure, [])


def test_a_fetch_gives_the_whole_body(receiver: Receiver, outbound: Outbound) -> None:
    receiver.behaviour = answer(200, b"picture" * 100_000, Content_Type="image/png")

    parts: list[bytes] = []

    headers = outbound.fetch(receiver.url + "/a.png", 1_000_000, 5.0, parts.append)

    assert (b"".join(parts), headers["Content-Type"]) == (b"picture" * 100_000, "image/png")


@pytest.mark.parametrize("length", ["announced", "not announced"])
def test_a_fetch_beyond_the_cap_is_refused(receiver: Receiver, outbound: Outbound, length: str) -> None:
    def chunked(handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 2_000)
        handler.close_connection = True

    receiver.behaviour = answer(200, b"x" * 2_000) if length == "announced" else chunked

    with pytest.raises(TooMuch):
        outbound.fetch(receiver.url, 1_000, 5.0, len)


def test_a_fetch_follows_no_redirect(receiver: Receiver, outbound: Outbound) -> None:
    receiver.behaviour = answer(302, b"", Location="http://169.254.169.254/latest/meta-data/")

    with pytest.raises(Redirected):
        outbound.fetch(receiver.url, 1_000, 5.0, len)


def test_a_fetch_of_what_is_not_there_says_what_the_url_answers(receiver: Receiver, outbound: Outbound) -> None:
    receiver.behaviour = answer(404, b"no")

    with pytest.raises(Unreachable, match="The URL answers 404"):
        outbound.fetch(receiver.url, 1_000, 5.0, len)
