"""The road of what only the engine can answer: the session, its running engine, and addresses in their one form."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from engines import Engines, addresses, base
from engines.verbs import Everything
from handlers.errors import Refusal
from handlers.identity import known, phones_of
from storage import Conflict, idempotency, identities, sessions
from storage.db import Database

Json = dict[str, Any]
_LONGEST = 300_000  # milliseconds that no engine takes: whoever asked has died


class Asked(NamedTuple):
    """A running session that is asked something."""

    db: Database
    session_id: str
    engine: Everything

    def address(self, written: str) -> str:
        """The one address of whom or what any written form names. Raises BadAddress."""
        with self.db.read() as tx:
            return known(tx, self.session_id, written)

    def addresses(self, written: Iterable[str]) -> list[str]:
        """The same of several, each once, in the order given."""
        return list(dict.fromkeys(self.address(one) for one in written))

    def phones(self, found: Iterable[str]) -> dict[str, str]:
        """The phone's addresses of those that the engine calls by a hidden one although the session knows better."""
        with self.db.read() as tx:
            return phones_of(tx, self.session_id, found)

    def lids(self, found: Iterable[str]) -> dict[str, str]:
        """The hidden addresses of people by phone, as far as the session knows them."""
        with self.db.read() as tx:
            return identities.lids(tx, self.session_id, [one for one in found if addresses.phone(one)])


def ask(db: Database, engines: Engines, given: str) -> Asked:
    """The session with this id or name, to be asked. Raises NotFound, NotStarted."""
    with db.read() as tx:
        session_id = sessions.find(tx, given).id
    return Asked(db, session_id, engines.live(session_id))


def live(db: Database, engines: Engines, session_id: str) -> Everything:
    """The running engine of the session with this id or name. Raises NotFound, NotStarted."""
    return ask(db, engines, session_id).engine


def ask_once(db: Database, now: int, use: idempotency.Use, work: Callable[[], tuple[Json, int]]) -> tuple[Json, int]:
    """Have the engine make something, once per idempotency key; `work` asks it and gives (answer, status).

    What certainly did not happen may be tried again under the same key; what may have happened is never repeated.
    Raises KeyReused, Conflict while the first use is under way, OutcomeUnknown where nobody knows what it came to.
    """
    if not use.key:
        return work()
    with db.write() as tx:
        kept = idempotency.begin(tx, use)
        if kept is None:
            idempotency.keep(tx, use, now)
    if kept is not None:
        return _repeated(kept, now)
    try:
        answer, status = work()
    except base.OutcomeUnknown as error:
        with db.write() as tx:
            idempotency.settle(tx, use, None, {"unknown": str(error)})
        raise
    except (base.EngineError, Refusal):
        with db.write() as tx:
            idempotency.forget(tx, use)
        raise
    with db.write() as tx:
        idempotency.settle(tx, use, status, answer)
    return answer, status


def _repeated(kept: idempotency.Kept, now: int) -> tuple[Json, int]:
    if kept.status is not None:
        return kept.answer, kept.status
    if kept.answer is not None:
        raise base.OutcomeUnknown(kept.answer["unknown"])
    if now - kept.since < _LONGEST:
        raise Conflict("A request with this Idempotency-Key is still in flight")
    raise base.OutcomeUnknown("Nobody can say what the first request with this Idempotency-Key came to")
