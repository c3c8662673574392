"""The only caller of `Engine.send`: immediate, scheduled and bulk sends take this road, one at a time in each chat.

A request sends in its own thread, once it has its chat's turn; what waits (for a time, for a connection) is sent by
the loop. A crash leaves rows in `sending`: at the next start they are unknown, and stay so unless the engine tells.
"""

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engines import Engines, base, contents
from handlers import happenings
from storage import Unavailable, batches, events, sends, sessions
from storage.db import Database, Tx
from storage.sends import Lane, Send

log = logging.getLogger("openwa.sender")
_THREADS = 16
_AGAIN = 2_000  # milliseconds until a patient send that found no connection is tried again
_POLL = 1.0
_RECOVER = 30_000  # milliseconds from one look for sends that nobody sends to the next


class Sender:
    """Sends of one gateway. `typing_max` is the longest simulated typing, in milliseconds; 0 is none.

    `ready` gives media to send with its file being here, fetched if need be.
    """

    def __init__(
        self,
        db: Database,
        engines: Engines,
        now: Callable[[], int],
        wake_others: Callable[[], None] = lambda: None,
        *,
        typing_max: int = 0,
        pause: Callable[[float], object] | None = None,
        ready: Callable[[Send, base.Content, base.Quote | None], base.Content] = lambda _row, content, _quote: content,
    ) -> None:
        self._db = db
        self._engines = engines
        self._now = now
        self._wake_others = wake_others
        self._typing_max = typing_max
        self._lanes = _Lanes()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sender")
        self._due = threading.Event()
        self._passed_over = False  # something is due in a chat that somebody else was sending in
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._ready = ready

    # --- for requests ----------------------------------------------------------------------------

    def lane(self, lane: Lane, patience: float) -> "_Turn":
        """This thread's turn in a chat, for a `with`; its value says whether it came within `patience` seconds."""
        return _Turn(self._lanes, lane, patience)

    def work_off(self, lane: Lane, claimed: Send | None, until: str) -> None:
        """In the lane's turn: send `claimed`, and what follows that is due, up to the message `until`."""
        while claimed is not None:
            self.send(claimed)
            if claimed.message_id == until:
                break
            claimed = self._claim(lane)
        if self._passed_over:
            self._due.set()

    def wake(self) -> None:
        """Something was queued, or a session connected."""
        self._due.set()

    # --- the loop --------------------------------------------------------------------------------

    def recover(self) -> int:
        """What stands in `sending` and nobody sends is unknown: its process died, or could not write down its outcome.

        At boot, and now and then: PostgreSQL may commit for a process that is dead already. Answers how many.
        """
        with self._db.read() as tx:
            left = sends.left_sending(tx)
        found = 0
        for row in left:
            with self.lane(Lane(row.session_id, row.chat_id), 0) as ours:
                if ours:
                    found += self._give_up(row)
        return found

    def run(self) -> None:
        """Work off what is due until `stop`; a turn that fails is logged and the next one tries again."""
        recovered = self._now()
        while not self._stopping.is_set():
            self._due.wait(_POLL)
            self._due.clear()
            if self._stopping.is_set():
                break
            try:
                if self._now() - recovered > _RECOVER:
                    recovered = self._now()
                    self.recover()
                self.turn(self._now())
            except Exception:
                log.exception("a turn of the send queue failed")

    def turn(self, now: int) -> list[object]:
        """Expire what is too late and start what is due, a thread per chat; futures of what was started."""
        with self._db.read() as tx:
            expired = sends.take_expired(tx, now, 100)
            lanes = sends.due_lanes(tx, now, _THREADS * 4)
        for row in expired:
            with self._db.write() as tx:
                finish(tx, row, "expired", now, base.EngineError("Its time was over before it could be sent"))
            self._wake_others()
        free = [lane for lane in lanes if not self._lanes.busy(lane)]
        self._passed_over = len(free) < len(lanes)
        return [self._pool.submit(self._work, lane) for lane in free]

    def cancel(self, session_id: str, message_id: str) -> bool:
        """Take back a send that is still queued; says whether it was. Raises NotFound."""
        with self._db.write() as tx:
            row = sends.get(tx, session_id, message_id)
            if row.state != "queued":
                return False
            told = base.EngineError("It was cancelled before it was sent")
            cancelled = finish(tx, row, "cancelled", self._now(), told)
        self._wake_others()
        return cancelled

    def stop(self) -> None:
        """Start nothing more; what is being sent goes on to its end."""
        self._stopping.set()
        self._due.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    # --- one send --------------------------------------------------------------------------------

    def send(self, row: Send) -> None:
        """Hand a claimed send to its engine and commit what came of it, with its events."""
        came_to = self._ask(row)
        self._commit(lambda tx: _record(tx, row, came_to, self._now()))
        self._wake_others()

    def _ask(self, row: Send) -> base.Sent | base.EngineError:
        try:
            engine = self._engines.live(row.session_id)
            content, quote = contents.load(row.content)
            content = self._ready(row, content, quote)
            if self._typing_max and isinstance(content, base.Text) and row.batch_row is None:
                self._pretend_typing(engine, row.chat_id, content)
            return contents.hand_over(engine, base.Outgoing(row.message_id, row.chat_id, content, quote))
        except base.EngineError as error:
            return error
        except Exception:
            log.exception("the engine of session %s failed in a send", row.session_id)
            return base.OutcomeUnknown("The engine failed while sending")

    def _work(self, lane: Lane) -> None:
        with self.lane(lane, 0) as ours:
            while ours and not self._stopping.is_set() and (row := self._claim(lane)) is not None:
                self.send(row)

    def _give_up(self, row: Send) -> bool:
        """In the lane's turn: if the row still stands in `sending`, nobody is going to say what came of it."""
        with self._db.write() as tx:
            sessions.hold(tx, row.session_id)
            if sends.get(tx, row.session_id, row.message_id).state != "sending":
                return False
            finish(tx, row, "unknown", self._now(), base.OutcomeUnknown("The gateway was killed while sending"))
        return True

    def _claim(self, lane: Lane) -> Send | None:
        with self._db.write() as tx:
            return sends.claim(tx, lane, self._now())

    def _commit(self, work: Callable[[Tx], object]) -> None:
        """The message is out whatever becomes of the books, so they are tried for a while before they are left open."""
        for attempt in range(5):
            try:
                with self._db.write() as tx:
                    work(tx)
            except Unavailable:
                if attempt == 4:
                    raise
                self._stopping.wait(0.2 * 2**attempt)
            else:
                return

    def _pretend_typing(self, engine: base.Engine, chat: str, content: base.Text) -> None:
        wanted = min(self._typing_max / 1000, 0.5 + 0.045 * len(content.body))
        try:
            engine.typing(chat, "typing")
        except base.EngineError:
            return
        self._pause(wanted * random.uniform(0.85, 1.15))  # noqa: S311 - a pause


def mark_sent(tx: Tx, session_id: str, message_id: str, sent: base.Sent, now: int) -> None:
    """The books of a message that went out: its row, its event, the deliveries. Twice is once."""
    sessions.hold(tx, session_id)
    row = sends.mark_sent(tx, message_id, sent.message_id, sent.timestamp, now)
    if row is None:
        return
    drafts = [happenings.own_send(session_id, row, sent.message_id, sent.timestamp)]
    if row.status != "sent":  # its receipts came first
        drafts.extend(happenings.receipt(session_id, row))
    events.append(tx, session_id, drafts, now)


def finish(tx: Tx, row: Send, state: str, now: int, error: base.EngineError) -> bool:
    """The books of a send that ended otherwise: its row, its event, the deliveries. Whether it was still open."""
    sessions.hold(tx, row.session_id)
    code = state if state in ("cancelled", "expired") else error.code  # which no engine has to do with
    message = sends.mark_finished(tx, row.message_id, state, now, error=str(error), code=code)
    if message is None:
        return False
    if state == "unknown":
        draft = happenings.message_unknown(row.session_id, message, str(error))
    else:
        draft = happenings.message_failed(row.session_id, message, str(error), code)
    events.append(tx, row.session_id, [draft], now)
    return True


def _record(tx: Tx, row: Send, came_to: base.Sent | base.EngineError, now: int) -> None:
    match came_to:
        case base.Sent():
            mark_sent(tx, row.session_id, row.message_id, came_to, now)
        case base.OutcomeUnknown():
            finish(tx, row, "unknown", now, came_to)
        case base.NotConnected() | base.NotStarted() if row.patient:
            sessions.hold(tx, row.session_id)
            taken_back = row.batch_row is not None and batches.is_cancelled(tx, row.batch_row)
            sends.put_back(tx, row.message_id, now + _AGAIN, error=str(came_to), code=came_to.code)
            if taken_back:  # its batch was cancelled while it was out
                finish(tx, row, "cancelled", now, base.EngineError("Its batch was cancelled before it was sent"))
        case _:
            finish(tx, row, "failed", now, came_to)


class _Lanes:
    """A lock per chat, kept only while somebody holds or waits for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Lane, tuple[threading.Lock, int]] = {}

    def busy(self, lane: Lane) -> bool:
        return lane in self._locks

    def enter(self, lane: Lane, patience: float) -> bool:
        with self._guard:
            lock, users = self._locks.get(lane) or (threading.Lock(), 0)
            self._locks[lane] = (lock, users + 1)
        if lock.acquire(timeout=patience) if patience else lock.acquire(blocking=False):
            return True
        self._leave(lane)
        return False

    def exit(self, lane: Lane) -> None:
        self._locks[lane][0].release()
        self._leave(lane)

    def _leave(self, lane: Lane) -> None:
        with self._guard:
            lock, users = self._locks[lane]
            if users == 1:
                del self._locks[lane]
            else:
                self._locks[lane] = (lock, users - 1)


class _Turn:
    def __init__(self, lanes: _Lanes, lane: Lane, patience: float) -> None:
        self._lanes, self._lane, self._patience = lanes, lane, patience
        self._ours = False

    def __enter__(self) -> bool:
        self._ours = self._lanes.enter(self._lane, self._patience)
        return self._ours

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._lanes.exit(self._lane)
