"""Puts a worker's parts together; importing this loads the library."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.whatsmeow.inside import lean

lean.prepare()  # before the library's package, which is imported from here on

from neonize import events as happen

from engines import base
from engines.whatsmeow import exits, frames
from engines.whatsmeow.inside import keys, store
from engines.whatsmeow.inside.compose import Composer
from engines.whatsmeow.inside.custody import Custody
from engines.whatsmeow.inside.ground import Ground
from engines.whatsmeow.inside.notebook import Notebook
from engines.whatsmeow.inside.office import Office
from engines.whatsmeow.inside.people import People
from engines.whatsmeow.inside.pump import Pump
from engines.whatsmeow.inside.session import Session
from engines.whatsmeow.inside.verbs.chatting import Chatting
from engines.whatsmeow.inside.verbs.gatherings import Gatherings
from engines.whatsmeow.inside.verbs.sending import Sending


@dataclass(frozen=True)
class Parts:
    """What the worker's threads drive."""

    session: Session
    pump: Pump
    office: Office
    notebook: Notebook


def build(
    directory: Path,
    begin: frames.Begin,
    tell: Callable[[base.Event], None],
    leave: Callable[[int], None],
    send: Callable[[frames.Outward], None],
) -> Parts:
    """Everything one account needs."""
    _quieten()
    settings = begin.settings
    notebook = Notebook(directory / store.NOTEBOOK)
    if notebook.fact("unlinked"):  # the library may have died before it forgot the credentials itself
        store.forget(directory)
        notebook.note("unlinked", "")
    _put_back(directory, notebook)
    custody = Custody(notebook, directory / store.NAME, lambda: leave(exits.RETRY))
    session = Session(directory, settings, begin.proxy_url, custody, tell, leave)
    people = People(session.client, session.alive, notebook.fact("own"))

    def identify(digits: str) -> None:
        people.become(f"{digits}@c.us")
        notebook.note("own", people.own())

    session.identify, session.unlinked = identify, lambda: notebook.note("unlinked", "yes")
    pump = Pump(begin.session, session, people, notebook, custody, settings)
    _pass_on(session, pump, tell)
    composer = Composer(session.client, people, notebook, settings.media_cap)
    ground = Ground(session, people, notebook, composer, pump, settings)
    sending = Sending(ground)
    office = Office(begin.session, [sending, Chatting(ground), Gatherings(ground, sending)], send)
    return Parts(session, pump, office, notebook)


def _put_back(directory: Path, notebook: Notebook) -> None:
    """The keys for a message that was being opened as the process was killed."""
    before = notebook.opening()
    if before:
        if store.linked(directory):
            keys.restore(directory / store.NAME, before)
        notebook.open([])


def _pass_on(session: Session, pump: Pump, tell: Callable[[base.Event], None]) -> None:
    """What is only worth knowing now is not spooled."""

    def teller(handler: Callable[[Any], list[base.Event]]) -> Callable[[Any], None]:
        def pass_on(event: Any) -> None:
            for each in handler(event):
                tell(each)

        return pass_on

    session.listen(happen.ChatPresenceEv, teller(pump.happenings.typing))
    session.listen(happen.PresenceEv, teller(pump.happenings.presence))


def _quieten() -> None:
    """Neonize logs numbers and addresses at INFO."""
    for name in ("neonize", "whatsmeow", "whatsmeow.Client", "Whatsmeow.Database", "neonize.utils.log"):
        with contextlib.suppress(ValueError):
            logging.getLogger(name).setLevel(logging.WARNING)
