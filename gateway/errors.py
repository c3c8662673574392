"""From exception to answer: the only status codes in Python, and the one envelope."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import flask
import orjson
from werkzeug.exceptions import HTTPException

import storage
from engines import addresses
from engines import base as engine
from gateway import outbound, skim, ssrf
from gateway.answers import Answer
from handlers import errors as refusal
from handlers.security import here
from handlers.shapes import moment
from storage import files
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


class TooManyStreams(Exception):
    """As many as the gateway holds wait for events already."""


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
    TooManyStreams: Kind(503, "too_many_streams", retryable=True),
    TooManyRequests: Kind(429, "rate_limited", retryable=True),
    refusal.BadRequest: Kind(400, "precondition_failed"),
    refusal.Unauthorized: Kind(401, "unauthorized"),
    refusal.Forbidden: Kind(403, "role_too_low"),
    refusal.NotAllowed: Kind(403, "not_allowed"),
    refusal.Disabled: Kind(404, "disabled"),
    refusal.Blocked: Kind(400, refusal.Blocked.code),
    refusal.Unreachable: Kind(400, refusal.Unreachable.code, retryable=True),
    refusal.Redirects: Kind(400, refusal.Redirects.code),
    refusal.TooLarge: Kind(413, refusal.TooLarge.code),
    refusal.BadRange: Kind(416, "range_not_satisfiable"),
    files.TooLarge: Kind(413, "media_too_large"),
    skim.TooMuchText: Kind(413, "body_too_large"),
    refusal.ReadOnly: Kind(501, "read_only"),
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
MALFORMED = Kind(400, "malformed_request")
PROBLEM = "application/problem+json"


BY_STATUS = {404: Kind(404, "no_such_path"), 405: Kind(405, "method_not_allowed"), 413: Kind(413, "body_too_large")}
# What OpenWA calls these; Python's own names for them change between releases.
_PHRASES = {413: "Payload Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Entity"}


def kind_of(error: Exception) -> Kind:
    """The first of the error's ancestors that the table knows; anything else is our own bug."""
    raised = type(error)
    return KINDS.get(raised) or next((KINDS[cls] for cls in raised.__mro__ if cls in KINDS), UNEXPECTED)


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def envelope(status: int, message: str | list[str]) -> dict[str, Any]:
    """The body of every answer that is no success."""
    return {"statusCode": status, "message": message, "error": _phrase(status)}


def problem(status: int, message: str | list[str], told: Kind, request_id: str, retry_at: str | None) -> dict[str, Any]:
    """The same as RFC 9457 has it, with what happened and whether the same call may succeed later."""
    said = "; ".join(message) if isinstance(message, list) else message
    shown = {
        "type": "about:blank",
        "title": _phrase(status),
        "status": status,
        "detail": said,
        "instance": f"urn:request:{request_id}",
        "code": told.code,
        "retryable": told.retryable,
        "outcome": "unknown" if status in (500, 504) else "not_sent",
    }
    if isinstance(message, list):
        shown["problems"] = message
    return {**shown, "retryAt": retry_at} if retry_at else shown


def message_of(error: Exception, *, detail: bool = True) -> str | list[str]:
    """What the caller is told. Our own bugs say nothing of themselves; `detail` off hides validation problems."""
    if isinstance(error, Invalid):
        return error.problems if detail else "Bad Request"
    if isinstance(error, UnsupportedMediaType):
        return "Content-Type must be application/json"
    if isinstance(error, Draining):
        return "The gateway is shutting down"
    if isinstance(error, TooManyStreams):
        return "Too many clients wait for events; see EVENT_STREAMS_MAX"
    return "Internal server error" if kind_of(error) is UNEXPECTED else str(error)


def headers_of(error: Exception) -> dict[str, str]:
    """Headers that belong to an error: when to come back."""
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, refusal.BadRange):
        return {"Content-Range": f"bytes */{error.size}"}
    return {"Retry-After": "5"} if isinstance(error, Draining | TooManyStreams | storage.Unavailable) else {}


def answer(error: Exception, kind: Kind, *, detail: bool) -> Answer:
    """The answer to a request that `error` ended."""
    return _answer(kind.status, message_of(error, detail=detail), headers_of(error), kind)


def http_answer(error: HTTPException, body_max: int) -> Answer:
    """The answer to what Flask and Werkzeug refuse: unknown path, wrong method, too large a body, a broken request."""
    request, status = flask.request, error.code or 500
    kind = BY_STATUS.get(status, UNEXPECTED if status >= 500 else MALFORMED)
    asked = f"{request.method} {request.path[:1000]}"
    if status == 401:  # connexion found no key at all; everything else about keys is raised by our guard
        return _answer(status, "API key is required", {}, KINDS[refusal.Unauthorized])
    if status == 404:
        return _answer(status, f"Cannot {asked}", {}, kind)
    if status == 405:
        allowed = ", ".join(sorted(set(getattr(error, "valid_methods", None) or ()) - {"HEAD", "OPTIONS"}))
        return _answer(status, f"Cannot {asked}; allowed: {allowed}", {"Allow": allowed}, kind)
    if status == 413:
        return _answer(status, f"Request body is larger than {body_max} bytes", {}, kind)
    message = "Internal server error" if status >= 500 else error.description or error.name
    return _answer(status, message, {}, kind)


def _answer(status: int, message: str | list[str], headers: dict[str, str], kind: Kind) -> Answer:
    """An error in the envelope, or as a problem where the caller asks for that."""
    content_type, body = "application/json", envelope(status, message)
    request = here(flask.request)
    asked = request.environ.get("HTTP_ACCEPT", "")
    # Generated clients name both, without preferring one: theirs is what every answer had before there was a choice.
    if PROBLEM in asked and request.accept_mimetypes.best_match((content_type, PROBLEM)) == PROBLEM:
        after = headers.get("Retry-After")
        retry_at = moment(flask.g.now + int(after) * 1000) if after else None
        content_type, body = PROBLEM, problem(status, message, kind, flask.g.request_id, retry_at)
    return Answer(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE), status, headers, content_type=content_type)
