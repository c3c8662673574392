"""Batches move on here: the next item is queued when the one before has ended and the pause after it is over.

Sending itself is the sender's: an item waits for its place in its chat and for a connection like any queued send.
"""

import logging
import random
import threading
from collections.abc import Callable

from engines import base
from gateway.sender import finish
from handlers.sending import own
from storage import batches, media, sends, sessions
from storage.db import Database

log = logging.getLogger("openwa.bulk")
_POLL = 0.5  # seconds; shorter than any pause, so that the end of an item is seen before the next one is due
_MOST = 100
_JITTER = 2_000


class Bulk:
    """The batches of one gateway. `jitter` picks a number of milliseconds between two, both included."""

    def __init__(
        self,
        db: Database,
        now: Callable[[], int],
        wake_others: Callable[[], None] = lambda: None,
        *,
        jitter: Callable[[int, int], int] = random.randint,
    ) -> None:
        self._db = db
        self._now = now
        self._wake_others = wake_others
        self._jitter = jitter
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._turning = threading.Lock()

    def run(self) -> None:
        """Take turns until `stop`; one that fails is logged and the next one tries again."""
        wait = 0.0
        while not self._stopping.is_set():
            self._due.wait(wait)
            self._due.clear()
            try:
                with self._turning:
                    now = self._now()
                    following = None if self._stopping.is_set() else self.turn(now)
                wait = _POLL if following is None else min(_POLL, max(0, following - now) / 1000)
            except Exception:
                log.exception("a turn of the batches failed")
                wait = _POLL

    def turn(self, now: int) -> int | None:
        """Take each step that is due; when the next one will be, as far as that is known."""
        with self._db.read() as tx:
            steps = batches.agenda(tx, _MOST)
        due = [step for step in steps if step.due <= now]
        for step in due:
            self._take(step, now)
        if due:
            self._wake_others()
        later = next((step.due for step in steps if step.due > now), None)
        return now if len(due) == _MOST else later

    def cancel(self, session_id: str, batch_id: str) -> bool:
        """Send nothing more of a batch, not even what is queued; says whether it was still open."""
        now = self._now()
        with self._db.write() as tx:
            sessions.hold(tx, session_id)
            queued = batches.cancel(tx, session_id, batch_id, now)
            media.let_go_of_batch(tx, batches.get(tx, session_id, batch_id).row)
            for row in queued or ():
                finish(tx, row, "cancelled", now, base.EngineError("Its batch was cancelled before it was sent"))
        if queued:
            self._wake_others()
        return queued is not None

    def wake(self) -> None:
        """A batch was taken."""
        self._due.set()

    def stop(self) -> None:
        """Take no further turn; one under way ends first."""
        self._stopping.set()
        self._due.set()
        with self._turning:
            pass

    def _take(self, step: batches.Step, now: int) -> None:
        try:
            with self._db.write() as tx:
                sessions.hold(tx, step.session_id)
                if step.stopped or step.next_item == step.total:
                    batches.conclude(tx, step, now)
                    media.let_go_of_batch(tx, step.row)
                    return
                item = batches.take(tx, step, self._pause(step), now)
                if item is not None:
                    message = {**item.message, "sender": own(step.phone), "timestamp": now // 1000}
                    place = (step.row, step.next_item)
                    message_id = sends.queue(tx, step.session_id, message, item.content, now, patient=True, batch=place)
                    media.hand_over(tx, message_id)
        except Exception:
            log.exception("a batch of session %s did not move on", step.session_id)

    def _pause(self, step: batches.Step) -> int:
        """How long to wait after the step's item; nothing follows the last."""
        if step.next_item == step.total - 1:
            return 0
        return step.pace.delay + (self._jitter(0, _JITTER) if step.pace.randomize else 0)
