"""What a receiver gets: OpenWA's envelope and headers, and the three headers of the Standard Webhooks.

Both signatures are made from one secret. OpenWA's key is the secret as it is written. The standard's key is what
stands behind `whsec_`, decoded from base64; of any other secret it is the bytes of the secret itself, so a consumer
gives its verifier `"whsec_" + base64(secret)`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import orjson

from handlers.shapes import moment
from storage.events import digest

_PREFIX = "whsec_"
_OURS = ("x-openwa-", "webhook-")
_DROPPED = {
    "connection", "content-length", "content-type", "expect", "host", "keep-alive", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip


class Parcel(NamedTuple):
    """What `body` and `headers` need of a delivery."""

    id: str
    type: str
    session_id: str
    idempotency_key: str
    created_at: int
    data: str
    attempts: int = 0
    sequence: int | None = None
    cursor: int | None = None


def test_parcel(hook: Any, now: int) -> Parcel:
    """An event `test` for this webhook, which no log knows."""
    data = {"message": "This is a test of your webhook", "webhookId": hook.id, "url": hook.url}
    key = f"evt_test_{digest(data)}"
    return Parcel(f"dlv_{uuid4()}", "test", hook.session_id, key, now, orjson.dumps(data).decode())


def standard_key(secret: str) -> bytes:
    """The key of the standard's signature for this secret."""
    if secret.startswith(_PREFIX):
        try:
            decoded = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
        return decoded or secret.encode()
    return secret.encode()


def body(parcel: Any, data: str) -> bytes:
    """The envelope of one delivery: the same bytes for the same `data`, so that OpenWA's signature is the same too.

    `data` is the event's payload as JSON text: the same on every try, but for media that it had inside and that has
    been removed meanwhile. A test has neither sequence nor cursor.
    """
    envelope = {
        "event": parcel.type,
        "timestamp": moment(parcel.created_at),
        "sessionId": parcel.session_id,
        "idempotencyKey": parcel.idempotency_key,
        "deliveryId": parcel.id,
    }
    if parcel.cursor is not None:
        envelope |= {"sequence": parcel.sequence, "cursor": parcel.cursor}
    return orjson.dumps({**envelope, "data": orjson.Fragment(data)})


def headers(hook: Any, parcel: Any, payload: bytes, at: int) -> dict[str, str | bytes]:
    """The headers of one attempt at `at` (epoch milliseconds). The webhook's own come first and cannot replace ours."""
    made: dict[str, str | bytes] = {name: value.encode() for name, value in _custom(hook.headers)}
    made |= {
        "Content-Type": "application/json",
        "User-Agent": "OpenWA-Webhook/1.0.0",
        "X-OpenWA-Event": parcel.type,
        "X-OpenWA-Idempotency-Key": parcel.idempotency_key,
        "X-OpenWA-Delivery-Id": parcel.id,
        "X-OpenWA-Retry-Count": str(parcel.attempts),
        "webhook-id": parcel.id,
        "webhook-timestamp": str(at // 1000),
    }
    if hook.secret:
        old = hook.old_secret if hook.old_secret and at < (hook.old_secret_until or 0) else None
        made["X-OpenWA-Signature"] = _hex(hook.secret, payload)
        if old:
            made["X-OpenWA-Signature-Previous"] = _hex(old, payload)
        signed = f"{parcel.id}.{at // 1000}.".encode() + payload
        made["webhook-signature"] = _standard([hook.secret, old] if old else [hook.secret], signed)
    return made


def _custom(given: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in given.items()
        if name.lower() not in (*_DROPPED, "user-agent") and not name.lower().startswith(_OURS)
    ]


def _hex(secret: str, payload: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def _standard(keys: Collection[str], signed: bytes) -> str:
    made = (hmac.new(standard_key(secret), signed, hashlib.sha256).digest() for secret in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in made)
