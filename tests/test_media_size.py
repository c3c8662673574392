"""The largest media, through a gateway in a process of its own, as it is after installation: 50 MiB decoded."""

import base64
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.receiver import Receiver, answer
from tools.stage import KEY, Gateway, serving

CAP = 50 * 2**20
ADA = "447700900006@c.us"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a linked session."""
    with serving(tmp_path_factory.mktemp("large"), SIMULATOR_LINK_AFTER="0") as gateway:
        gateway.ask("POST", "/sessions", {"name": "my-bot"})
        gateway.ask("POST", "/sessions/my-bot/start")
        gateway.until("my-bot", "ready")
        yield gateway


def peak(gateway: Gateway) -> int:
    """The most memory that the gateway ever held, MiB."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024  # type: ignore[index]


def send(gateway: Gateway, source: bytes) -> tuple[int, Any]:
    """Send a document, given as JSON of the fields that say where it is."""
    body = b'{"chatId": "%s", "mimetype": "application/pdf", %s}' % (ADA.encode(), source)
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/sessions/my-bot/messages/send-document", body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as sent:  # noqa: S310
            return sent.status, json.load(sent)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_50_mib_are_sent_a_byte_more_is_413_and_memory_stays_small(large: Gateway) -> None:
    before, whole = peak(large), bytes(range(256)) * (CAP // 256)
    sent, refused = (send(large, b'"base64": "%s"' % base64.b64encode(whole + more)) for more in (b"", b"!"))
    assert (201, 413, f"Media is larger than {CAP} bytes") == (sent[0], refused[0], refused[1]["message"])
    (message,) = large.ask("GET", "/sessions/my-bot/messages?limit=1")["messages"]
    link = large.url.removesuffix("/api") + message["metadata"]["media"]["url"]
    request = urllib.request.Request(link, headers={"X-API-Key": KEY})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=60) as given:  # noqa: S310
        assert hashlib.sha256(whole).digest() == hashlib.file_digest(given, "sha256").digest()
    assert peak(large) - before < 30


def test_50_mib_are_fetched_by_url_and_a_byte_more_is_413(large: Gateway, receiver: Receiver) -> None:
    before, found = peak(large), []
    for size in (CAP, CAP + 1):
        receiver.behaviour = answer(200, bytes(size), Content_Type="application/pdf")
        found.append(send(large, b'"url": "%s/large.pdf"' % receiver.url.encode())[0])
    assert [201, 413] == found
    assert peak(large) - before < 30
