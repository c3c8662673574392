"""Bulk sends: a batch is taken at once, sent bit by bit, watched and cancelled."""

import secrets
from collections import Counter
from typing import Any, Protocol

from engines import Engines, base, contents
from handlers.attachments import pack
from handlers.errors import BadRequest, Blocked
from handlers.identity import known
from handlers.security import Caller
from handlers.sending import Parcel
from handlers.shapes import moment
from handlers.uploads import Upload
from handlers.variables import fill
from storage import batches, idempotency, media, sessions
from storage.db import Database, Tx

Json = dict[str, Any]
_LONGEST, _LONGEST_CAPTION = 4096, 1024
_MEAN_JITTER = 1_000
_RESULTS = {
    "queued": "pending", "sending": "pending", "sent": "sent", "failed": "failed", "unknown": "failed",
    "expired": "failed", "cancelled": "cancelled",
}  # fmt: skip


class Bulk(Protocol):
    """What handlers need of gateway.bulk."""

    def wake(self) -> None: ...
    def cancel(self, session_id: str, batch_id: str) -> bool: ...


def send(
    db: Database,
    engines: Engines,
    bulk: Bulk,
    now: int,
    caller: Caller,
    session_id: str,
    body: Json,
    idempotency_key: str = "",
) -> tuple[Json, int]:
    """Take a batch."""
    with db.read() as tx:
        session = sessions.find(tx, session_id)
    use = idempotency.use(caller.key_id, idempotency_key, "bulk.send", body, session_id=session.id)
    uploads: list[Upload] = []
    with db.write() as tx:

        def work() -> tuple[Json, int]:
            if session.id not in engines.running():
                raise BadRequest(f"Session '{session_id}' is not active")
            row, parcels = _create(tx, session.id, body, now)
            for parcel in parcels:
                if parcel.upload is not None:
                    media.add(tx, parcel.upload.carried(parcel.content), now, batch_row=row.row)
                    uploads.append(parcel.upload)
            return _accepted(row), 202

        answer = idempotency.once(tx, use, now, work)
    for upload in uploads:
        upload.keep()
    bulk.wake()
    return answer


def get(db: Database, session_id: str, batch_id: str) -> Json:
    """Where a batch stands, item by item."""
    with db.read() as tx:
        row = batches.get(tx, sessions.find(tx, session_id).id, batch_id)
        results = _results(tx, row)
    return {
        "batchId": row.id,
        "status": row.state,
        "progress": _progress(results),
        "results": results,
        "startedAt": moment(row.started_at),
        "completedAt": moment(row.completed_at),
    }


def cancel(db: Database, bulk: Bulk, session_id: str, batch_id: str) -> Json:
    """Send nothing more of a batch. Raises BadRequest where it has ended."""
    with db.read() as tx:
        session = sessions.find(tx, session_id).id
        batches.get(tx, session, batch_id)
    cancelled = bulk.cancel(session, batch_id)
    with db.read() as tx:
        row = batches.get(tx, session, batch_id)
        if not cancelled:
            raise BadRequest(f"Batch '{batch_id}' is already {row.state}")
        return {"batchId": row.id, "status": row.state, "progress": _progress(_results(tx, row))}


def _create(tx: Tx, session_id: str, body: Json, now: int) -> tuple[batches.Batch, list[Parcel]]:
    options = body.get("options", {})
    pace = batches.Pace(
        options.get("delayBetweenMessages", 3000),
        options.get("randomizeDelay", True),
        options.get("stopOnError", False),
    )
    parcels = _parcels(session_id, body["messages"])
    items = [_item(tx, session_id, *one) for one in zip(body["messages"], parcels, strict=True)]
    wanted = body.get("batchId")
    while (row := batches.create(tx, session_id, wanted or f"batch_{secrets.token_hex(4)}", items, pace, now)) is None:
        if wanted:
            raise BadRequest(f"Batch ID '{wanted}' already exists")
    return row, parcels


def _parcels(session_id: str, messages: list[Json]) -> list[Parcel]:
    """Each message, variables filled in. Raises BadRequest."""
    problems: list[str] = []
    parcels = []
    for n, message in enumerate(messages):
        content = fill(message["content"], message.get("variables", {}))
        try:
            parcels.append(
                _text(content) if message["type"] == "text" else _media(session_id, message["type"], content)
            )
        except BadRequest as error:
            problems.append(f"messages.{n}.content.{error}")
    if problems:
        raise BadRequest("; ".join(problems[:10]))
    return parcels


def _item(tx: Tx, session_id: str, message: Json, parcel: Parcel) -> batches.Item:
    """A message as it will be queued. Raises BadAddress."""
    chat = known(tx, session_id, message["chatId"])
    row = {"chat_id": chat, "recipient": chat, "body": parcel.body, "type": parcel.type, "metadata": parcel.metadata}
    if parcel.upload is not None:
        row["id"] = parcel.upload.name
    return batches.Item(row, contents.dump(parcel.content, parcel.quote))


def _text(content: Json) -> Parcel:
    text = content.get("text", "")
    if not text or len(text) > _LONGEST:
        rule = f"be shorter than or equal to {_LONGEST} characters" if text else "not be empty"
        raise BadRequest(f"text must {rule} once its variables are filled in")
    return Parcel("text", text, base.Text(text))


def _media(session_id: str, kind: base.MediaKind, content: Json) -> Parcel:
    given = content.get(kind, {})
    caption = content.get("caption", "")
    if len(caption) > _LONGEST_CAPTION:
        raise BadRequest(
            f"caption must be shorter than or equal to {_LONGEST_CAPTION} characters once its variables are filled in"
        )
    kind = "voice" if given.get("ptt") else kind
    try:  # where its URL leads is seen when it is sent: names of a hundred items are not looked up in one request
        return pack(lambda _: None, session_id, kind, {**given, "caption": caption}, default=True)
    except BadRequest as error:
        raise BadRequest(f"{kind}: {error}") from None


def _accepted(row: batches.Batch) -> Json:
    """BulkAccepted."""
    pause = row.delay + (_MEAN_JITTER if row.randomize else 0)
    return {
        "batchId": row.id,
        "status": row.state,
        "totalMessages": row.total,
        "estimatedCompletionTime": moment(row.created_at + (row.total - 1) * pause),
        "statusUrl": f"/api/sessions/{row.session_id}/messages/batch/{row.id}",
    }


def _results(tx: Tx, row: batches.Batch) -> list[Json]:
    """BatchResult of each item: told by its send, and where it has none by whether it can still come to one."""
    unsent = "pending" if row.completed_at is None else "cancelled"
    return [_result(found, unsent) for found in batches.results(tx, row.row)]


def _result(row: Any, unsent: str) -> Json:
    result: Json = {"chatId": row.chat_id, "status": _RESULTS.get(row.state, unsent)}
    if row.state == "sent":
        result |= {"messageId": row.wa_message_id, "sentAt": moment(row.finished_at)}
    elif result["status"] == "failed":
        if row.code == Blocked.code:
            result["error"] = {"code": "SEND_BLOCKED", "message": "Destination address is not allowed"}
        else:
            code = "SEND_UNKNOWN" if row.state == "unknown" else "SEND_FAILED"
            result["error"] = {"code": code, "message": row.error}
    return result


def _progress(results: list[Json]) -> Json:
    counted = Counter(result["status"] for result in results)
    return {"total": len(results), **{name: counted[name] for name in ("sent", "failed", "pending", "cancelled")}}
