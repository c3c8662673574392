"""What must be true at the end: the ledger, the database, the contacts' phones and the receiver tell one story."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from storage.db import Database, Tx
from storage.tables import chats, counters, deliveries, events, media, messages, sends, sessions
from tools.faults.ledger import Asked, Batch, Ledger
from tools.faults.receiver import Heard

Json = dict[str, Any]


@dataclass
class Evidence:
    """All that can be known after a run. `inboxes` is contact → what it received, as the simulator shows it."""

    ledger: Ledger
    inboxes: dict[str, list[Json]]
    views: dict[str, Json]  # session → how the network sees it
    journal: Path
    database_url: str
    heard: Heard | None = None  # by the receiver, None where there was none
    media: Path | None = None  # the directory of media files, None where none is looked at


@dataclass
class Verdict:
    """What is wrong, in sentences, and figures."""

    problems: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def none_of(self, what: str, found: Iterable[object]) -> None:
        """There must be nothing of that kind."""
        several = list(found)
        if several:
            self.problems.append(f"{what}: {len(several)}, such as {several[:3]}")


def judge(evidence: Evidence) -> Verdict:
    """Hold everything against everything."""
    verdict = Verdict()
    db = Database(evidence.database_url)
    try:
        with db.read() as tx:
            rows = [dict(row) for row in tx.execute(_SENDS).mappings()]
            _sends(verdict, evidence, rows)
            _promises(verdict, evidence.ledger, rows)
            _inbound(verdict, tx, evidence)
            _log(verdict, tx)
            _told(verdict, tx, rows)
            _totals(verdict, tx)
            _media(verdict, tx, evidence)
    finally:
        db.close()
    return verdict


_SENDS = (
    select(
        sends.c.row, sends.c.message_id, sends.c.session_id, sends.c.chat_id, sends.c.state, sends.c.code,
        messages.c.body, messages.c.wa_message_id, messages.c.status,
    )
    .join(messages, messages.c.id == sends.c.message_id)
    .order_by(sends.c.row)
)  # fmt: skip


# --- what went out -------------------------------------------------------------------------------


def _sends(verdict: Verdict, evidence: Evidence, rows: list[Json]) -> None:
    """Each send's state agrees with what its contact received, and nobody received anything else, or out of order."""
    entries = [(contact, entry) for contact, inbox in evidence.inboxes.items() for entry in inbox]
    received = Counter(entry["sendId"] for _, entry in entries)
    by_id = {row["message_id"]: row for row in rows}
    verdict.none_of("received twice", [send for send, times in received.items() if times > 1])
    verdict.none_of("a text received twice", _repeated(entry["body"] for _, entry in entries))
    verdict.none_of("received, but no send of ours", [send for send in received if send not in by_id])
    for row in rows:
        verdict.figures[f"sends {row['state']}"] += 1
        times = received[row["message_id"]]
        if row["state"] == "unknown":
            verdict.figures["unknown, received" if times else "unknown, not received"] += 1
    verdict.none_of(
        "sent, but not received", [r for r in rows if r["state"] == "sent" and not received[r["message_id"]]]
    )
    never = ("failed", "cancelled", "expired")
    verdict.none_of("not sent, but received", [r for r in rows if r["state"] in never and received[r["message_id"]]])
    verdict.none_of("left over", [r for r in rows if r["state"] in ("queued", "sending")])
    verdict.none_of("handed over again", [s for s, view in evidence.views.items() if view["repeats"]])
    verdict.none_of("came out of order", _disordered(evidence))
    states = {"sent": {"sent", "delivered", "read"}, "unknown": {"pending"}}
    wrong = [r for r in rows if r["status"] not in states.get(r["state"], {"failed"})]
    verdict.none_of("a message whose status does not fit its send", wrong)


def _media(verdict: Verdict, tx: Tx, evidence: Evidence) -> None:
    """Each message that carries something has its file, each file its message, and what arrived is what was sent."""
    if evidence.media is None:
        return
    files = {path.name for path in evidence.media.iterdir()}
    kept = {row.name: row for row in tx.execute(select(media))}
    verdict.figures["media"] = len(kept)
    verdict.none_of("media without its file", kept.keys() - files)
    verdict.none_of("a file without its media", files - kept.keys())
    verdict.none_of("media of nobody", [name for name, row in kept.items() if row.message_id is None])
    pictures = [one for inbox in evidence.inboxes.values() for one in inbox if one["type"] == "image"]
    known = {row.sha256 for row in kept.values()}
    verdict.none_of("a picture that arrived damaged", [one for one in pictures if one["sha256"] not in known])


def _disordered(evidence: Evidence) -> Iterable[str]:
    """Texts that one actor queued one after the other to one chat, or in one batch, and that arrived otherwise."""
    kinds = {asked.token: asked.kind for asked in evidence.ledger.sends}
    for inbox in evidence.inboxes.values():
        last: dict[tuple[str, str], str] = {}
        for entry in inbox:
            token = entry["body"]
            if kinds.get(token) == "async" or "/" in token:
                lane = (entry["sessionId"], token.partition("/")[0] if "/" in token else token.partition(" ")[0])
                if token < last.get(lane, ""):
                    yield f"{token} after {last[lane]}"
                last[lane] = max(token, last.get(lane, ""))


def _promises(verdict: Verdict, ledger: Ledger, rows: list[Json]) -> None:
    """What was answered is so."""
    by_token: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        by_token[row["body"]].append(row)
    verdict.figures["asked"] = len(ledger.sends)
    verdict.figures["asked again with the same key"] = ledger.retried
    for asked in ledger.sends:
        verdict.figures[f"answered {asked.status}"] += 1
    verdict.none_of("two sends for one request", [token for token, found in by_token.items() if len(found) > 1])
    items = Counter(token.partition("/")[0] for token, found in by_token.items() if "/" in token and found)
    for batch in ledger.batches:
        verdict.figures[f"batches {batch.state}"] += 1
    verdict.none_of("batches not sent to their end", [b for b in ledger.batches if not _complete(b, items[b.token])])
    verdict.none_of("promised otherwise", [a for a in ledger.sends if not _kept(a, by_token[a.token])])


def _complete(batch: Batch, items: int) -> bool:
    """A batch ended as it was asked to, with a send for each of its items."""
    if batch.state == "cancelled":
        return batch.doubtful
    return not batch.cancelled and batch.state in ("completed", "failed") and items == batch.items


def _kept(asked: Asked, rows: Sequence[Json]) -> bool:
    states = {row["state"] for row in rows}
    match asked.status:
        case 201:
            return states == {"sent"} and rows[0]["wa_message_id"] == asked.wa_id
        case 202:
            fits = rows != [] and rows[0]["message_id"] == asked.send_id
            return fits and (not asked.cancelled or states == {"cancelled"})
        case 504:
            return states <= {"unknown", "sent"} and rows != []
        case 422:
            return states == {"failed"}
        case 400 | 409:
            return "sent" not in states or asked.key is not None
    return asked.status != 500


# --- what came in --------------------------------------------------------------------------------


def _inbound(verdict: Verdict, tx: Tx, evidence: Evidence) -> None:
    """What contacts wrote is stored once and told once or more, under one id."""
    wrote = _journalled(evidence.journal)
    query = select(messages.c.session_id, messages.c.wa_message_id).where(messages.c.direction == "incoming")
    stored = [tuple(row) for row in tx.execute(query)]
    promised = {(session, one) for session, ids in evidence.ledger.written.items() for one in ids}
    verdict.figures["written by contacts"] = len(wrote)
    verdict.none_of("written as answered, but unknown to the network", promised - wrote)
    verdict.none_of("written, but not stored", wrote - set(stored))
    verdict.none_of("stored, but never written", set(stored) - wrote)
    verdict.none_of("stored twice", _repeated(stored))
    verdict.none_of("not taken by the gateway", [s for s, view in evidence.views.items() if view["waiting"]])
    if evidence.heard is not None:
        verdict.none_of("written, but never told to the receiver", wrote - evidence.heard.messages.keys())
        verdict.none_of("told under two ids", [k for k, ids in evidence.heard.messages.items() if len(ids) > 1])
        _deliveries(verdict, tx, evidence.heard)


def _deliveries(verdict: Verdict, tx: Tx, heard: Heard) -> None:
    """Every event was heard, in each chat in the order of the log, each under one delivery, saying one thing."""
    verdict.figures["deliveries heard"] = heard.times
    verdict.figures["events heard"] = len(heard.cursors)
    lanes = {cursor: (session, chat) for cursor, session, chat in tx.execute(_LANES)}
    verdict.none_of("events never heard", lanes.keys() - set(heard.cursors))
    verdict.none_of("two deliveries of one event", [key for key, ids in heard.deliveries.items() if len(ids) > 1])
    verdict.none_of("heard, and wrong", heard.wrong)
    last: dict[Any, int] = {}
    late = []
    for cursor in heard.cursors:
        lane = lanes.get(cursor)
        if cursor < last.get(lane, 0):
            late.append(f"{cursor} after {last[lane]} in {lane}")
        last[lane] = max(cursor, last.get(lane, 0))
    verdict.none_of("heard out of order", late)
    states = set(tx.execute(select(deliveries.c.state).distinct()).scalars())
    verdict.none_of("deliveries that are not done", states - {"done"})


_LANES = select(events.c.cursor, events.c.session_id, events.c.chat_id)


def _journalled(journal: Path) -> set[tuple[str, str]]:
    """(session, message) of every message that reached an account, as the network wrote it down beforehand."""
    found = set()
    for line in journal.read_text().splitlines():
        try:
            record = json.loads(line)
        except ValueError:  # cut off by a kill; nobody was told of it
            continue
        if record[0] in ("in", "own"):
            fields = record[3] if record[0] == "in" else record[2]
            if fields["kind"] == "MessageReceived":
                found.add((record[1], fields["id"]))
    return found


# --- what is remembered --------------------------------------------------------------------------


def _log(verdict: Verdict, tx: Tx) -> None:
    """Cursors and sequences have no gaps."""
    cursors = list(tx.execute(select(events.c.cursor).order_by(events.c.cursor)).scalars())
    newest = tx.execute(select(counters.c.value).where(counters.c.name == "events")).scalar() or 0
    verdict.figures["events"] = len(cursors)
    if cursors != list(range(1, newest + 1)):
        verdict.problems.append(f"cursors have gaps: {len(cursors)} events, the counter says {newest}")
    for session_id, last in tx.execute(select(sessions.c.id, sessions.c.event_sequence)).all():
        query = select(events.c.sequence).where(events.c.session_id == session_id).order_by(events.c.cursor)
        if list(tx.execute(query).scalars()) != list(range(1, last + 1)):
            verdict.problems.append(f"sequences of {session_id} have gaps or another order than the cursors")


def _told(verdict: Verdict, tx: Tx, rows: list[Json]) -> None:
    """Every stored message has its event, every send the event of its outcome, and just one."""
    keys = set(tx.execute(select(events.c.idempotency_key)).scalars())
    known = tx.execute(select(messages.c.session_id, messages.c.wa_message_id)).all()
    wanted = {f"msg_{session}_{message}" for session, message in known if message}
    verdict.none_of("stored, but no event says so", wanted - keys)
    verdict.none_of("an event of a message that is not there", {k for k in keys if k.startswith("msg_")} - wanted)
    unknown = {f"unknown_{r['session_id']}_{r['message_id']}" for r in rows if r["state"] == "unknown"}
    verdict.none_of("unknown, but no event says so", unknown - keys)
    failed = {f"failed_{r['session_id']}_{r['message_id']}_failed" for r in rows if r["status"] == "failed"}
    verdict.none_of("failed, but no event says so", failed - keys)


def _totals(verdict: Verdict, tx: Tx) -> None:
    """What pages say there is, is there."""
    by_session = select(messages.c.session_id, func.count()).group_by(messages.c.session_id)
    kept = select(sessions.c.id, sessions.c.message_count).where(sessions.c.message_count > 0)
    if dict(map(tuple, tx.execute(by_session))) != dict(map(tuple, tx.execute(kept))):
        verdict.problems.append("the sessions' totals are not the numbers of their messages")
    by_chat = select(messages.c.session_id, messages.c.chat_id, func.count())
    counted = {tuple(row) for row in tx.execute(by_chat.group_by(messages.c.session_id, messages.c.chat_id))}
    if counted != {tuple(row) for row in tx.execute(select(chats).where(chats.c.message_count > 0))}:
        verdict.problems.append("the chats' totals are not the numbers of their messages")


def _repeated(values: Iterable[Any]) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]
