"""The load generator: keep-alive connections, one request in flight on each, the latency of every answer.

A closed loop: a slow server is asked less often, so a latency here is what a caller who waits would see.
"""

import contextlib
import itertools
import math
import selectors
import socket
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.bench import framing

_RECEIVE = 65_536  # a larger buffer is mapped and unmapped at every call
_PATIENCE = 5.0  # seconds


@dataclass
class Sample:
    """What one run saw. `latencies`: seconds, one per answer; `broken`: connections lost with a request out."""

    seconds: float = 0.0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency in seconds that `share` (0 to 1) of the answers did not exceed; NaN without answers."""
        if not self.latencies:
            return math.nan
        ordered = sorted(self.latencies)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class _Connection:
    """One keep-alive connection and the request that is out on it."""

    def __init__(self, address: tuple[str, int], selector: selectors.BaseSelector, sample: Sample) -> None:
        self.address, self.selector, self.sample = address, selector, sample
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self.address, timeout=10)
        self.socket.settimeout(None)  # read only when readable; a timeout would cost a poll per call
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.received, self.waiting = b"", False

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            self.selector.unregister(self.socket)
            self.socket.close()

    def send(self, request: bytes) -> None:
        """Send on this connection, or on a new one where the server has closed it."""
        if self.socket.fileno() < 0:
            self.open()
        self.sent_at = time.perf_counter()
        try:
            self.socket.sendall(request)
        except ConnectionError:
            self.sample.broken += 1
            self.close()
            self.open()
            self.socket.sendall(request)
        self.waiting = True

    def receive(self) -> bool:
        """Take what arrived and count the answer once it is whole; True when the next request may go out."""
        try:
            arrived = self.socket.recv(_RECEIVE)
        except ConnectionError:
            arrived = b""
        arrived_at = time.perf_counter()
        if not arrived:
            self.sample.broken += 1
            self.waiting = False
            self.close()
            return True
        self.received += arrived
        answer = framing.frame(self.received)
        if answer is None:
            return False
        self.sample.latencies.append(arrived_at - self.sent_at)
        self.sample.statuses[answer.status] += 1
        self.received, self.waiting = b"", False
        if not answer.alive:
            self.close()
        return True


def run(
    address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float, at_most: int = 2**63
) -> Sample:
    """Send `requests` round and round for `seconds`, or until `at_most` are answered.

    Requests still out at the end are awaited, so that they burden nobody after this, and not counted. Raises OSError
    when the server cannot be reached (again), and framing.Unframed when it does not speak HTTP.
    """
    sample, upcoming = Sample(), itertools.cycle(requests)
    with contextlib.ExitStack() as closing:
        selector = closing.enter_context(selectors.DefaultSelector())
        everyone = []
        for _ in range(connections):
            everyone.append(_Connection(address, selector, sample))
            closing.callback(everyone[-1].close)
        started = time.perf_counter()
        for connection in everyone:
            connection.send(next(upcoming))
        while (left := started + seconds - time.perf_counter()) > 0:
            for key, _ in selector.select(left):
                if key.data.receive():
                    if len(sample.latencies) == at_most:
                        left = 0.0
                        break
                    key.data.send(next(upcoming))
            if left == 0.0:
                break
        sample.seconds = time.perf_counter() - started
        _await_the_rest(everyone, selector)
    return sample


def _await_the_rest(everyone: Sequence[_Connection], selector: selectors.BaseSelector) -> None:
    """Take the answers that are still to come, without counting them, for as long as they come."""
    for connection in everyone:
        connection.sample = Sample()
    while any(connection.waiting for connection in everyone) and (ready := selector.select(_PATIENCE)):
        for key, _ in ready:
            key.data.receive()
