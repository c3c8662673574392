"""Order within a chat, also where a send has to be tried again."""

from tests.support import Gateway
from tests.test_sends import faults, received, text, turn


def test_what_is_tried_again_is_not_overtaken(gateway: Gateway) -> None:
    """The connection is gone for the first, and back for the second: that one has to wait for its turn."""
    gateway.session(ready=True)
    for body in ("first", "second"):
        text(gateway, body, headers={"Prefer": "respond-async"})
    faults(gateway, "not_connected")
    turn(gateway)
    gateway.clock.advance(5)
    turn(gateway)

    assert received(gateway) == ["first", "second"]


def test_what_comes_after_what_is_tried_again_is_not_sooner(gateway: Gateway) -> None:
    gateway.session(ready=True)
    text(gateway, "first", headers={"Prefer": "respond-async"})
    faults(gateway, "not_connected")
    turn(gateway)
    text(gateway, "second", headers={"Prefer": "respond-async"})
    turn(gateway)
    gateway.clock.advance(5)
    turn(gateway)

    assert received(gateway) == ["first", "second"]


def test_what_is_scheduled_for_later_keeps_nobody_waiting(gateway: Gateway) -> None:
    gateway.session(ready=True)
    text(gateway, "tomorrow", sendAt="2027-01-16T09:00:00Z")

    assert text(gateway, "now").status_code == 201
    assert received(gateway) == ["now"]
