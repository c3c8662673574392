"""What only time shows. A module of its own: elsewhere the double is told to refuse whoever comes next."""

import pytest

from tests.whatsmeow.kit import Line

# isort: split
from engines import base


@pytest.fixture(scope="module")
def deaf(double, tmp_path_factory):
    """A session whose server falls silent at once; pings take half a minute to show it."""
    with Line(double, tmp_path_factory.mktemp("deaf") / "session", "deaf", silent_seconds=0.5) as line:
        line.link()
        line.phone.device.connection.deaf = True
        yield line


@pytest.fixture(scope="module")
def unscanned(double, tmp_path_factory):
    """A session that was given two codes, whose twenty seconds each run out."""
    with Line(double, tmp_path_factory.mktemp("unscanned") / "session", "unscanned") as line:
        double.server.pairing.codes = 2
        line.engine.start()
        line.happened(base.QrChanged)
        double.server.pairing.codes = 6
        yield line


@pytest.mark.usefixtures("unscanned")  # its codes run out meanwhile
def test_a_deaf_socket_is_no_connection(deaf):
    deaf.eventually(lambda: deaf.sink.states.count("ready") == 2, seconds=60)
    assert "unresponsive" in {event.reason for event in deaf.sink.of(base.StateChanged)}


def test_a_code_is_good_for_a_minute_the_next_ones_for_twenty_seconds(unscanned):
    """When none is left, the library says so only on its standard output, and would wait for ever."""
    unscanned.eventually(lambda: len(unscanned.sink.of(base.QrChanged)) > 2, seconds=60)
    first, second, third = unscanned.sink.of(base.QrChanged)[:3]
    assert -20 == pytest.approx((second.expires_at - first.expires_at) / 1000, abs=2)  # 20 after 20, instead of 60
    assert third.expires_at > second.expires_at + 40_000  # of a new client, which was given six
    assert ["initializing", "qr_ready", "disconnected", "initializing"] == unscanned.sink.states[:4]
    assert "qr_timeout" == unscanned.sink.of(base.StateChanged)[2].reason
    assert unscanned.engine.qr().text == unscanned.sink.of(base.QrChanged)[-1].text
