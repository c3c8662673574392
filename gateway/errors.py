"""From exception to answer: the only status codes in Python, and the one envelope."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import storage
from engines import addresses
from engines import base as engine
from gateway import outbound, ssrf
from handlers import errors as refusal
from storage.idempotency import KeyReused


class Invalid(Exception):
    """The request breaks the document; `problems` has one sentence per problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class NotJson(Exception):
    """The body is no JSON at all; the message says where it stops making sense."""


class UnsupportedMediaType(Exception):
    """The body is not sent as application/json."""


class Draining(Exception):
    """The gateway is shutting down."""


class TooManyRequests(Exception):
    """A rate-limit window is full; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ThrottlerException: Too Many Requests")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Kind:
    """How one exception class is told: HTTP status, stable code, and whether the same call may succeed later."""

    status: int
    code: str
    retryable: bool = False


KINDS: dict[type[Exception], Kind] = {
    Invalid: Kind(400, "invalid_request"),
    NotJson: Kind(400, "malformed_json"),
    UnsupportedMediaType: Kind(415, "unsupported_media_type"),
    Draining: Kind(503, "draining", retryable=True),
    TooManyRequests: Kind(429, "rate_limited", retryable=True),
    refusal.BadRequest: Kind(400, "precondition_failed"),
    refusal.Unauthorized: Kind(401, "unauthorized"),
    refusal.Forbidden: Kind(403, "role_too_low"),
    refusal.Disabled: Kind(404, "disabled"),
    refusal.TooLarge: Kind(413, "media_too_large"),
    storage.NotFound: Kind(404, "not_found"),
    storage.Conflict: Kind(409, "conflict"),
    KeyReused: Kind(422, "idempotency_key_reused"),
    storage.Unavailable: Kind(503, "database_unavailable", retryable=True),
    engine.NotStarted: Kind(400, engine.NotStarted.code),
    engine.NotConnected: Kind(409, engine.NotConnected.code, retryable=True),
    engine.WrongState: Kind(400, engine.WrongState.code),
    engine.NotSupported: Kind(501, engine.NotSupported.code),
    engine.NotOnAccount: Kind(404, engine.NotOnAccount.code),
    engine.Refused: Kind(422, engine.Refused.code),
    engine.OutcomeUnknown: Kind(504, engine.OutcomeUnknown.code),
    engine.EngineError: Kind(500, engine.EngineError.code),
    ssrf.Blocked: Kind(400, "blocked_url"),
    outbound.Unreachable: Kind(400, "url_unreachable", retryable=True),
    outbound.Redirected: Kind(400, "url_redirects"),
    outbound.TooMuch: Kind(413, "media_too_large"),
    addresses.BadAddress: Kind(400, "bad_address"),
}

UNEXPECTED = Kind(500, "internal_error")


def kind_of(error: Exception) -> Kind:
    """The first of the error's ancestors that the table knows; anything else is our own bug."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), UNEXPECTED)


def envelope(status: int, message: str | list[str]) -> dict[str, Any]:
    """The body of every answer that is no success."""
    return {"statusCode": status, "message": message, "error": HTTPStatus(status).phrase}


def message_of(error: Exception, *, detail: bool = True) -> str | list[str]:
    """What the caller is told. Our own bugs say nothing of themselves; `detail` off hides validation problems."""
    if isinstance(error, Invalid):
        return error.problems if detail else "Bad Request"
    if isinstance(error, UnsupportedMediaType):
        return "Content-Type must be application/json"
    if isinstance(error, Draining):
        return "The gateway is shutting down"
    return "Internal server error" if kind_of(error) is UNEXPECTED else str(error)


def headers_of(error: Exception) -> dict[str, str]:
    """Headers that belong to an error: when to come back."""
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": "5"} if isinstance(error, Draining | storage.Unavailable) else {}
