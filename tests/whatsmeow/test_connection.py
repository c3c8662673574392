"""What happens when WhatsApp or the network fails: every state is proven by what happens next."""

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from tests.whatsmeow.kit import Line, drop, housed, recovers

# isort: split
from engines import base


@pytest.fixture(scope="module", params=[1, 100], ids=["alone", "together"])
def workers(request, double, tmp_path_factory):
    """One worker process for each session, then one for all sessions of this module."""
    with housed(double, tmp_path_factory.mktemp("house"), request.param) as made:
        yield made


# --- the connection


def test_a_dropped_connection_is_disconnected_then_ready(linked, contact):
    drop(linked)
    linked.happened(base.StateChanged, lambda event: (event.state, event.reason) == ("disconnected", "network"))
    recovers(linked, contact)


def test_messages_written_during_an_outage_arrive(linked, contact):
    drop(linked)
    linked.reach("disconnected")
    assert linked.heard(contact, "are you there?").body == "are you there?"


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ({"reason": "401"}, "logged_out"),
        ({"reason": "403"}, "logged_out"),
        ({"reason": "402", "code": "101", "expire": "3600"}, "banned"),
        ({"reason": "405"}, "outdated"),
    ],
)
def test_a_refused_login_is_a_terminal_state(linked, refusal, reason):
    linked.engine.stop()
    linked.sink.events.clear()
    linked.double.server.refusals.append(refusal)
    linked.engine.start()
    linked.reach("failed", reason=reason)
    linked.eventually(lambda: linked.engine.pid is None)
    assert linked.sink.states == ["initializing", "failed"]


def test_a_login_refused_before_the_library_listens_is_a_terminal_state(linked, network):
    """It waits for the credentials that it has just removed, and tells nothing; a dial that hangs holds it there."""
    linked.engine.stop()
    linked.sink.events.clear()
    network.mode, before = "hang", len(network.hosts)
    linked.engine.start()
    linked.eventually(lambda: len(network.hosts) > before)
    with contextlib.closing(sqlite3.connect(Path(linked.account.directory) / "whatsmeow.db")) as store, store:
        store.execute("DELETE FROM whatsmeow_device")
    linked.reach("failed", reason="logged_out")
    network.mode = "open"
    linked.engine.start()
    linked.reach("qr_ready")


def test_a_ban_says_until_when(linked):
    linked.engine.stop()
    linked.double.server.refusals.append({"reason": "402", "code": "101", "expire": "3600"})
    linked.engine.start()
    until = linked.reach("failed").until
    assert abs(until - time.time() - 3600) < 60


def test_a_ban_keeps_the_credentials(linked):
    linked.engine.stop()
    linked.double.server.refusals.append({"reason": "402", "code": "101", "expire": "3600"})
    linked.engine.start()
    linked.reach("failed")
    linked.engine.start()
    linked.reach("ready")
    assert linked.sink.of(base.QrChanged) == []


def test_an_unavailable_server_is_tried_again(linked, contact):
    linked.double.server.refusals.append({"reason": "503"})
    drop(linked)
    recovers(linked, contact)


def test_another_login_ends_the_session_for_good(linked):
    logins = linked.double.server.logins
    linked.double.run(linked.double.server.replace(linked.phone.device.connection))
    linked.reach("failed", reason="replaced")
    linked.eventually(lambda: linked.engine.pid is None)
    assert linked.double.server.logins == logins


def test_a_session_unlinked_on_the_phone_shows_a_code_at_the_next_start(linked):
    linked.double.run(linked.phone.unlink())
    linked.reach("failed", reason="logged_out")
    linked.engine.start()
    linked.reach("qr_ready")


def test_what_came_before_the_end_is_still_told(linked, contact):
    linked.sink.refuse = True
    linked.double.run(contact.say(linked.phone.account, "last words"))
    linked.eventually(lambda: linked.sink.refused)
    linked.double.run(linked.phone.unlink())
    linked.eventually(lambda: not linked.double.server.connections or linked.phone.account.linked == [])
    linked.sink.refuse = False
    linked.message(lambda message: message.body == "last words")
    linked.reach("failed", reason="logged_out")


# --- the network


def test_an_unreachable_server_is_tried_until_it_is_there(line, network):
    network.mode = "refuse"
    line.engine.start()
    line.happened(base.StateChanged, lambda event: (event.state, event.reason) == ("disconnected", "network"))
    network.mode = "open"
    line.happened(base.QrChanged)


def test_a_dial_that_hangs_is_given_up(line, network):
    network.mode = "hang"
    line.make(dial_seconds=0.5).start()
    line.happened(base.StateChanged, lambda event: (event.state, event.reason) == ("disconnected", "network"))
    network.mode = "open"
    line.happened(base.QrChanged)


def test_nothing_waits_for_a_dial_that_hangs(linked, network, contact):
    network.mode = "hang"
    drop(linked)
    linked.reach("disconnected")
    begun = time.monotonic()
    with pytest.raises(base.NotConnected):
        linked.send(contact, base.Text("now?"))
    assert time.monotonic() - begun < 1


def test_an_outage_without_end_gets_a_new_client(line, network, contact):
    line.make(outage_seconds=1.0)
    line.link()
    line.sink.events.clear()
    network.mode = "hang"
    drop(line)
    line.happened(base.StateChanged, lambda event: event.state == "initializing")
    network.mode = "open"
    recovers(line, contact)


def test_a_link_that_is_never_confirmed_is_tried_again(line, network):
    line.make(link_seconds=1.0).start()
    line.happened(base.QrChanged)
    text = line.sink.of(base.QrChanged)[-1].text
    network.mode = "hang"
    line.double.run(line.phone.scan(text))
    line.happened(base.StateChanged, lambda event: event.reason == "link_timeout")
    network.mode = "open"
    line.reach("ready")


def test_a_library_too_old_to_link_is_a_terminal_state(line):
    line.double.server.refusals.append({"reason": "405"})
    line.engine.start()
    line.reach("failed", reason="outdated")


def test_codes_that_nobody_scans_are_replaced(line):
    line.make(qr_seconds=0.5).start()
    line.eventually(lambda: len({event.text.split(",")[1] for event in line.sink.of(base.QrChanged)}) > 1)
    assert "qr_timeout" in {event.reason for event in line.sink.of(base.StateChanged)}


def test_a_session_may_have_a_proxy_of_its_own(double, tmp_path, monkeypatch, contact):
    monkeypatch.delenv("HTTPS_PROXY")
    with Line(double, tmp_path / "proxied", "proxied") as line:
        line.account = base.Account("p", "p", str(tmp_path / "proxied"), double.proxy_url)
        line.link()
        assert line.said(contact, base.Text("through")).text == "through"


def test_the_code_is_told_before_the_state_that_promises_it(line):
    """Who sees qr_ready asks for the code at once."""
    line.engine.start()
    line.reach("qr_ready")
    ready = line.sink.events.index(line.sink.first(base.StateChanged, lambda event: event.state == "qr_ready"))
    assert base.QrChanged in map(type, line.sink.events[:ready])
