"""What is shown at the terminal of linking, and the command that links in one go."""

import dataclasses
import io

import pytest

from engines import base
from gateway.link import Api, Unlinked, link
from gateway.terminal import Terminal, drawn
from tests.live import Live
from tests.support import ADMIN, Gateway

QR = base.QrChanged("https://wa.me/settings/linked_devices#2@abc", 0)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def settings() -> dict[str, str]:
    return {"PORT": "0"}


@pytest.fixture
def live(gateway: Gateway):
    live = Live(gateway)
    yield live
    live.stop()


def api(live: Live) -> Api:
    """The API of this gateway; while the command waits, time passes."""
    settings = dataclasses.replace(live.gateway.program.config, port=live.server.port, api_master_key=ADMIN)
    return Api(settings, pause=live.gateway.clock.advance)


def test_a_drawn_code_is_square_and_has_nothing_but_blocks() -> None:
    lines = drawn("anything").splitlines()
    assert set(" ▀▄█") >= set("".join(lines))
    assert {len(lines[0])} == {len(line) for line in lines}
    assert len(lines) == (len(lines[0]) + 1) // 2


def test_a_session_that_waits_shows_its_code_and_then_who_it_is(out: io.StringIO) -> None:
    terminal = Terminal(out)
    terminal.show("my-bot", [QR, base.StateChanged("ready", None, "628123456789")])
    assert drawn(QR.text) in out.getvalue()
    assert out.getvalue().endswith("'my-bot' is linked as +628123456789.\n")


def test_a_session_that_was_linked_before_comes_back_quietly(out: io.StringIO) -> None:
    Terminal(out).show("my-bot", [base.StateChanged("ready", None, "628123456789")])
    assert out.getvalue() == ""


def test_a_terminal_that_was_closed_stops_nothing(out: io.StringIO) -> None:
    terminal = Terminal(out)
    out.close()
    terminal.show("my-bot", [QR])


def test_link_creates_starts_and_links_in_one_go(live: Live, out: io.StringIO) -> None:
    link(api(live), "brand-new", None, out)
    session = live.gateway.get("/sessions/brand-new").json
    assert "ready" == session["status"]
    assert out.getvalue().endswith(f"'brand-new' is linked as +{session['phone']}.\n")
    assert "█" in out.getvalue()


def test_link_by_phone_shows_a_code_to_type(live: Live, out: io.StringIO) -> None:
    link(api(live), "my-bot", "628123456789", out)
    assert "Link with phone number" in out.getvalue()
    assert "█" not in out.getvalue()
    assert out.getvalue().endswith("'my-bot' is linked as +628123456789.\n")


def test_link_of_a_linked_session_just_says_so(live: Live, out: io.StringIO) -> None:
    live.gateway.session("linked-bot", ready=True)
    link(api(live), "linked-bot", None, out)
    assert "█" not in out.getvalue()


def test_link_says_what_the_gateway_refuses(live: Live, out: io.StringIO) -> None:
    with pytest.raises(Unlinked, match="letters, numbers, and hyphens"):
        link(api(live), "my bot", None, out)


def test_link_without_a_gateway_says_how_to_start_one(gateway: Gateway, out: io.StringIO) -> None:
    settings = dataclasses.replace(gateway.program.config, port=1)
    with pytest.raises(Unlinked, match="run 'openwa serve' in another terminal"):
        link(Api(settings), "my-bot", None, out)


def test_link_says_when_whatsapp_cannot_be_reached(live: Live, out: io.StringIO) -> None:
    session = live.gateway.session("dropped-bot", ready=True)
    live.gateway.world.control.drop(session, 5)
    live.gateway.clock.advance()
    link(api(live), "dropped-bot", None, out)
    lost, linked = out.getvalue().splitlines()
    assert "Not connected to WhatsApp; the gateway goes on trying." == lost
    assert "is linked" in linked
