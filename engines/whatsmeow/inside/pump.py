"""The way of events out of the worker: spooled first, then translated, reported, and forgotten once committed.

What the library hands over is spooled before its callback returns, and acknowledged after that (`custody`). A worker
that ends in order closes the socket and waits until nothing comes any more.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from neonize import events as happen

from engines import base
from engines.whatsmeow import frames
from engines.whatsmeow.inside import content, media
from engines.whatsmeow.inside.custody import Custody
from engines.whatsmeow.inside.happenings import Happenings
from engines.whatsmeow.inside.notebook import Notebook, Spooled
from engines.whatsmeow.inside.patience import patiently
from engines.whatsmeow.inside.people import People
from engines.whatsmeow.inside.session import Session
from engines.whatsmeow.inside.translate import Translator

log = logging.getLogger(__name__)

SETTLED = 1000
"""The kind of a spooled `engines.base.SendFinished`; other kinds are neonize's."""

_MESSAGE, _RECEIPT = happen.EVENT_TO_INT[happen.MessageEv], happen.EVENT_TO_INT[happen.ReceiptEv]
_WINDOW = 64
_CHUNK = 200
_TICK = 0.5
_PRUNE_EVERY = 1000


class Pump:
    """Spools what neonize tells and reports it in order; at most a window of reports is under way."""

    def __init__(
        self,
        name: str,
        session: Session,
        people: People,
        notebook: Notebook,
        custody: Custody,
        settings: frames.Settings,
    ) -> None:
        self._name, self._custody = name, custody
        self._session, self._people, self._notebook, self._settings = session, people, notebook, settings
        self._directory = Path(session.client.name).parent / "media"
        translator = Translator(session.client, people, notebook, self._fetch)
        self.happenings = Happenings(people, notebook, translator)
        self._stopped = False
        self._under_way: set[int] = set()
        self._changed = threading.Condition()
        self._kinds: dict[int, tuple[Any, Callable[[Any], list[base.Event]]]] = {
            happen.EVENT_TO_INT[kind]: (kind, handler)
            for kind, handler in (
                (happen.MessageEv, translator.message),
                (happen.ReceiptEv, self.happenings.receipt),
                (happen.JoinedGroupEv, self.happenings.joined),
                (happen.GroupInfoEv, self.happenings.group),
                (happen.CallOfferEv, self.happenings.call),
                (happen.CallOfferNoticeEv, self.happenings.call),
                (happen.CallTerminateEv, self.happenings.call_ended),
                (happen.HistorySyncEv, self.happenings.history),
            )
        }
        for number, (kind, _) in self._kinds.items():
            session.listen(kind, self._spooler(number))

    def _spooler(self, number: int) -> Callable[[Any], None]:
        return lambda event: self._spool(number, event)

    def _spool(self, kind: int, event: Any) -> None:
        """Out of this process before the library's callback returns; a full disk must not end in silence."""
        names, opened = [], False
        if kind == _MESSAGE:
            names, opened = [event.Info.ID], event.Info.MessageSource.Chat.Server != "newsletter"  # those are no secret
        elif kind == _RECEIPT:
            names = [f"receipt {stanza}" for stanza in event.MessageIDs]
        try:
            self._custody.keep(kind, event.SerializeToString(), names, opened=opened)
        except Exception:
            log.exception("an event could not be spooled")
            raise

    def settle(self, settled: base.SendFinished) -> None:
        """Spool that a send was taken."""
        self._notebook.append(SETTLED, msgspec.msgpack.encode(settled))

    def committed(self, numbers: list[int]) -> None:
        """The gateway has these."""
        self._notebook.forget(numbers)
        with self._changed:
            self._under_way.difference_update(numbers)
            self._changed.notify_all()

    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._notebook.spooled() == 0

    def let_in(self, quiet: float, most: float) -> None:
        """Wait until the library has handed over what it holds: nothing new for so many seconds."""
        until = time.monotonic() + most
        while self._notebook.wait(quiet) and time.monotonic() < until:
            pass

    def stop(self) -> None:
        """Report no more; what is spooled stays so."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def run(self, send: Callable[[frames.Report], None]) -> None:
        """Report until it is stopped; raises OSError when nobody listens any more."""
        last = 0
        while not self._stopped:
            record = self._notebook.after(last)
            if record is None:
                self._notebook.wait(_TICK)
                continue
            last = record.number
            if last % _PRUNE_EVERY == 0:
                self._notebook.prune()
            self._report(record, send)

    def _report(self, record: Spooled, send: Callable[[frames.Report], None]) -> None:
        translated, links = self._translated(record), self._people.fresh_links()
        self._notebook.meet((link.lid, link.phone) for link in links)
        found = [*translated, *links]
        if not found:
            self._notebook.forget([record.number])
            return
        self._notebook.settle()
        with self._changed:
            self._changed.wait_for(lambda: len(self._under_way) < _WINDOW or self._stopped)
            self._under_way.add(record.number)
        chunks = [found[at : at + _CHUNK] for at in range(0, len(found), _CHUNK)]
        for chunk in chunks[:-1]:
            send(frames.report(self._name, 0, chunk))
        send(frames.report(self._name, record.number, chunks[-1]))

    def _translated(self, record: Spooled) -> list[base.Event]:
        if record.kind == SETTLED:
            return [frames.unpack(record.body, base.SendFinished)]
        kind, handler = self._kinds.get(record.kind, (None, None))
        if kind is None or handler is None:
            return []
        # what fails because the library is about to end stays in the spool: the worker is gone before it is given up
        return patiently(lambda: handler(kind.FromString(record.body)), f"an event of kind {record.kind}") or []

    def _fetch(self, chat: str, stanza: str, message: Any, found: content.Said) -> str | None:
        """The file with a message's media, None where it is left out or lost."""
        if not found.has_media or not self._settings.download_media:
            return None
        size = int(found.part.fileLength)
        if size > self._settings.media_cap:
            return None
        target = self._directory / media.file_name(chat, stanza)
        for attempt in (1, 2):
            while self._session.state in ("initializing", "authenticating", "disconnected") and not self._stopped:
                self._session.ready.wait(_TICK)
            try:
                return media.download(self._session.client, message, size, target)
            except Exception as error:  # noqa: BLE001 - neonize's errors have no common base
                log.warning("media of %s not downloaded (attempt %d): %s", stanza, attempt, error)
        return None
