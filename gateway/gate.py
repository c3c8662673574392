"""What happens around every request of one app: who is let in, what the answer is dressed with, what an error says."""

import logging
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flask
from werkzeug.exceptions import HTTPException, InternalServerError

from gateway import cors, errors
from gateway.answers import Answer
from gateway.limiter import Limiter
from gateway.metrics import Metrics
from gateway.promise import Promise
from gateway.streams import Streams
from handlers.errors import Unauthorized
from handlers.security import client_ip, here
from storage.audit import Refusals

log = logging.getLogger("openwa.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_OPERATION: Any = None
_SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the document says of an operation that is decided before its handler runs."""

    id: str
    role: str
    whole: bool
    exempt: bool
    drains: bool
    capability: str | None


@dataclass(frozen=True, slots=True)
class House:
    """What one app is built from. `context` is what handlers may ask for by name; `draining` says whether we close."""

    context: dict[str, Any]
    limiter: Limiter
    metrics: Metrics
    now: Callable[[], int]
    draining: Callable[[], bool]
    streams: Streams
    refusals: Refusals
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    error_detail: bool = True
    body_max_bytes: int = 70 * 2**20
    promise: Promise | None = None


def _new_id() -> str:
    """A UUID of version 4. Names a request and guards nothing, so it need not come from the system's secrets."""
    bits = f"{random.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{'89ab'[int(bits[16], 16) % 4]}{bits[17:20]}-{bits[20:]}"


class Gate:
    """What happens around every request of one app."""

    house: House

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}

    def install(self, app: flask.Flask) -> None:
        app.register_error_handler(InternalServerError, self.answer)  # what Flask makes of an error while it answers

    def admit(self) -> Answer | None:
        """Let the request on to its operation, or answer or raise for it."""
        request, g, house = here(flask.request), here(flask.g), self.house
        asked = request.environ.get
        g.started = time.perf_counter()
        g.now = house.now()
        request_id = asked("HTTP_X_REQUEST_ID")
        g.request_id = request_id if request_id and _REQUEST_ID.fullmatch(request_id) else _new_id()
        g.operation = operation = self.operations.get(request.endpoint, _NO_OPERATION)
        forwarded = asked("HTTP_X_FORWARDED_FOR") if house.trusted_proxies else None
        g.client_ip = client_ip(request.remote_addr, forwarded, house.trusted_proxies)
        if house.draining() and (operation is None or operation.drains):
            raise errors.Draining
        if operation is None or not operation.exempt:
            g.verdict = house.limiter.admit(g.client_ip or "", g.now)
            if g.verdict.retry_after:
                raise errors.TooManyRequests(g.verdict.retry_after)
        wanted = asked("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
        preflight = cors.is_preflight(request.method, asked("HTTP_ORIGIN"), wanted)
        return Answer(status=204) if preflight else None

    def dress(self, response: Answer) -> Answer:
        """Add what every answer carries, and count it."""
        request, g = here(flask.request), here(flask.g)
        told = [("X-Request-ID", g.request_id), *_SECURITY_HEADERS]
        origin = request.environ.get("HTTP_ORIGIN")
        if origin is not None:
            preflight = request.method == "OPTIONS"
            told.extend(cors.headers_for(origin, self.house.cors_origins, preflight=preflight).items())
        verdict = g.get("verdict")
        if verdict is not None:
            told.append(("X-RateLimit-Limit", str(verdict.limit)))
            told.append(("X-RateLimit-Remaining", str(verdict.remaining)))
            told.append(("X-RateLimit-Reset", str(verdict.reset)))
        response.dress(told)
        for upload in g.get("uploads", ()):
            upload.drop()
        operation = g.operation.id if g.operation else "none"
        method, status = request.method, response.status_code
        known = method if method in _METHODS else "other"  # names a client makes up must not grow memory
        self.house.metrics.answered(known, operation, status, time.perf_counter() - g.started)
        promise = self.house.promise
        if promise is not None and g.operation and response.is_sequence and method != "HEAD":
            promise.answer(operation, status, response.mimetype or "", response.get_data())
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s %s", method, operation, status, extra={"request_id": g.request_id})
        return response

    def answer(self, error: Exception) -> Answer:
        """What the client is told of an error that ended its request."""
        if isinstance(error, HTTPException):
            return errors.http_answer(error, self.house.body_max_bytes)
        kind = errors.kind_of(error)
        if kind.status >= 500:
            bug = error if kind is errors.UNEXPECTED else None
            log.error("%s", error, exc_info=bug, extra={"request_id": flask.g.request_id})
        self._note(error)
        return errors.answer(error, kind, detail=self.house.error_detail)

    def _note(self, error: Exception) -> None:
        """Keep in the audit log who was refused for the key or for the rate, a sample of it."""
        request, g = here(flask.request), here(flask.g)
        limited = isinstance(error, errors.TooManyRequests)
        if limited or (isinstance(error, Unauthorized) and g.operation.role != "public"):
            self.house.refusals.note(
                "rate_limit_exceeded" if limited else "api_key_auth_failed",
                g.now,
                ip_address=g.client_ip,
                user_agent=request.headers.get("User-Agent"),
                method=request.method,
                path=request.path,
                status_code=errors.kind_of(error).status,
                error_message=str(error),
            )
