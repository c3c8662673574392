"""The gateway's one HTTP client, and the only module that opens sockets.

Every connection is to an address that was resolved once, by us, and judged (`gateway.ssrf`): no name is resolved
again between the check and the call, and Host, SNI and certificate are still those of the name. No redirect is
followed. One deadline covers a whole exchange, however slowly the other side drips. Connections are kept and reused.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, NamedTuple

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from gateway.deadline import Deadline
from gateway.keepalive import Kept
from gateway.lookup import NoName, look_up
from gateway.ssrf import Blocked, Target, is_public, target

_DRAIN_BYTES = 65_536
_DRAIN_SECONDS = 1.0
_trusting_the_system = cache(ssl.create_default_context)  # reading all its authorities takes 25 ms


class Unreachable(Exception):
    """No answer came; the message says why in general words, without addresses."""


class Redirected(Exception):
    """The other side answered with a redirect where only the thing itself is wanted."""


class TooMuch(Exception):
    """The answer is larger than asked for."""


class Answer(NamedTuple):
    """What came back: `body` is at most what was asked for, whatever was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outbound:
    """The client. Safe for many threads; each call blocks its own."""

    def __init__(
        self, allowed_hosts: Collection[str] = (), dns_timeout: float = 10.0, tls: ssl.SSLContext | None = None
    ) -> None:
        """`allowed_hosts` are called without judging their addresses; times are seconds; `tls` says whom to trust."""
        self._allowed = {host.strip("[]").lower() for host in allowed_hosts}
        self._dns_timeout = dns_timeout
        self._tls = tls or _trusting_the_system()
        self._idle = Kept()

    def check(self, url: str, *, guarded: bool = True) -> None:
        """Whether `url` may be called, as far as can be said now. Raises Blocked, the message for the caller."""
        place = target(url)
        if not guarded:
            return
        try:
            self._addresses(place, self._dns_timeout)
        except NoName as error:
            raise Blocked(f"Could not resolve host: {place.host} ({error})") from None

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str | bytes],
        timeout: float,
        *,
        keep: int,
        guarded: bool = True,
    ) -> Answer:
        """POST and give the first `keep` bytes of the answer, any status. Raises Blocked, Unreachable.

        A kept connection that turns out to be closed is replaced once; the body is sent again then only if no byte
        of an answer had come.
        """
        place = target(url)
        deadline = Deadline(timeout)
        with _told():
            kept = self._kept(place, deadline, guarded=guarded)
            if kept is not None:
                try:
                    return self._exchange(place, kept, body, headers, keep, guarded=guarded)
                except (ConnectionResetError, BrokenPipeError):  # http.client.RemoteDisconnected is one of them
                    pass
            fresh = self._open(place, deadline, guarded=guarded)
            return self._exchange(place, fresh, body, headers, keep, guarded=guarded)

    def fetch(self, url: str, max_bytes: int, timeout: float, write: Callable[[bytes], object]) -> Mapping[str, str]:
        """GET it, always guarded, into `write` as it comes; the answer's headers.

        Raises Blocked, Redirected, TooMuch (beyond `max_bytes`), Unreachable (also for nothing, and for any status but
        200), and what `write` raises.
        """
        place = target(url)
        with _told(), closing(self._open(place, Deadline(timeout), guarded=True)) as connection:
            connection.request("GET", place.path, headers={"User-Agent": "OpenWA-Media/1.0.0"}, **_RAW)
            with closing(connection.getresponse()) as response:
                return _take(response, max_bytes, write)

    def close(self) -> None:
        """Close what is kept."""
        self._idle.close()

    def _kept(self, place: Target, deadline: Deadline, *, guarded: bool) -> Any | None:
        """A connection of an earlier call."""
        kept = self._idle.take((place[:3], guarded))
        if kept is not None:
            kept.deadline, kept.timeout = deadline, deadline.left()
        return kept

    def _open(self, place: Target, deadline: Deadline, *, guarded: bool) -> Any:
        """A new connection, not connected yet, but knowing where to."""
        addresses = self._addresses(place, min(self._dns_timeout, deadline.left()), guarded=guarded)
        made: Any
        if place.scheme == "https":
            made = _Secure(place.host, place.port, timeout=deadline.left(), ssl_context=self._tls)
        else:
            made = _Plain(place.host, place.port, timeout=deadline.left())
        made.addresses, made.deadline = addresses, deadline
        return made

    def _exchange(
        self,
        place: Target,
        connection: Any,
        body: bytes,
        headers: Mapping[str, str | bytes],
        keep: int,
        *,
        guarded: bool,
    ) -> Answer:
        try:
            connection.request("POST", place.path, body=body, headers=headers, **_RAW)
            response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        # The status is known: nothing that happens from here on is a failure of the call.
        connection.deadline.shorten(_DRAIN_SECONDS)
        parts: list[bytes] = []
        try:
            parts.extend(_read(response, _DRAIN_BYTES))
            spent = sum(map(len, parts)) < _DRAIN_BYTES and connection.sock is not None
        except (HTTPError, OSError, http.client.HTTPException, ValueError):
            spent = False
        if spent:
            self._idle.put((place[:3], guarded), connection)
        else:
            response.close()  # of an answer that ends with its connection, the response alone holds the socket
            connection.close()
        return Answer(response.status, response.headers, b"".join(parts)[:keep])

    def _addresses(self, place: Target, timeout: float, *, guarded: bool = True) -> list[Any]:
        """Where to connect to. Every address of the name has to be public. Raises Blocked, NoName."""
        found = look_up(place.host, place.port, timeout)
        if guarded and place.host not in self._allowed and not all(is_public(info[4][0]) for info in found):
            raise Blocked("url must lead to a public address, or its host be named in SSRF_ALLOWED_HOSTS")
        return found


_RAW: dict[str, Any] = {"preload_content": False, "decode_content": False}


def _read(response: Any, most: int) -> Iterator[bytes]:
    while most > 0 and (part := response.read(min(most, 65_536))):
        most -= len(part)
        yield part


def _take(response: Any, max_bytes: int, write: Callable[[bytes], object]) -> Mapping[str, str]:
    """The body of a 200 goes to `write`; the headers come back."""
    if response.status // 100 == 3:
        raise Redirected("The URL redirects, which is not followed")
    if response.status != 200:
        raise Unreachable(f"The URL answers {response.status}")
    size, announced = 0, int(response.headers.get("Content-Length") or 0)
    for part in _read(response, max_bytes + 1):
        size += len(part)
        if max(size, announced) > max_bytes:
            raise TooMuch(f"Media is larger than {max_bytes} bytes")
        write(part)
    if not size:
        raise Unreachable("The URL answers nothing")
    return response.headers  # type: ignore[no-any-return]


@contextmanager
def _told() -> Iterator[None]:
    """What went wrong with the network, in words that give no address away."""
    try:
        yield
    except NoName as error:
        raise Unreachable(f"The host's name does not resolve ({error})") from None
    except (TimeoutError, Urllib3Timeout):
        raise Unreachable("No answer in time") from None
    except ConnectionRefusedError:
        raise Unreachable("Connection refused") from None
    except ssl.SSLError as error:
        raise Unreachable(
            f"TLS failed: {getattr(error, 'verify_message', '') or error.reason or 'no agreement'}"
        ) from None
    except ConnectionError:
        raise Unreachable("The connection was closed without an answer") from None
    except OSError:
        raise Unreachable("The host cannot be reached") from None
    except (HTTPError, http.client.HTTPException, ValueError):
        raise Unreachable("The answer was no HTTP") from None


class _TimedReader(socket.SocketIO):
    """Reads from the socket for as long as the connection's deadline allows in all, not per read."""

    def __init__(self, sock: Any, deadline: Callable[[], Deadline]) -> None:
        super().__init__(sock, "r")
        self._socket = sock
        self._deadline = deadline

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._deadline().left())
        return super().readinto(buffer)


class _Pinned:
    """Connects to the addresses it was given, in turn, and to nothing else."""

    addresses: list[Any]
    deadline: Deadline
    sock: Any

    def _new_conn(self) -> socket.socket:
        last: OSError = OSError("no address")
        for family, kind, proto, _, address in self.addresses:
            sock = socket.socket(family, kind, proto)
            try:
                sock.settimeout(self.deadline.left())
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
            except OSError as error:
                sock.close()
                last = error
            else:
                return sock
        raise last

    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        """http.client's response, reading by our deadline."""
        response = http.client.HTTPResponse(sock, *args, **kwargs)
        timed = _TimedReader(sock, lambda: self.deadline)
        sock._io_refs += 1  # noqa: SLF001 - as socket.makefile does, so that closing waits for the reader
        response.fp.close()
        response.fp = io.BufferedReader(timed)
        return response


class _Plain(_Pinned, HTTPConnection):  # type: ignore[misc]  # a method stands where a class is called
    pass


class _Secure(_Pinned, HTTPSConnection):  # type: ignore[misc]
    pass
