"""The document in, a WSGI app out: connexion routes and guards, the check validates, handlers answer.

before_request   request id → draining? 503 → rate limit? 429
connexion        route → handlers.security.check_key 401, 403 → RequestCheck 400
handler          → answer
errors           exception → envelope, whatever raised it
"""

import logging
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import connexion
import flask
import orjson
from connexion.apis.flask_api import FlaskApi
from connexion.exceptions import ProblemException
from connexion.resolver import RelativeResolver
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import BaseConverter

from gateway import errors
from gateway.limiter import Limiter
from gateway.metrics import Metrics
from gateway.validation import RequestCheck
from handlers.errors import Unauthorized
from handlers.security import client_ip

log = logging.getLogger("openwa.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,128}")
_NO_OPERATION: Any = None
_SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
)
_EXPOSED = "X-Request-ID, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Content-Type, X-API-Key, X-Request-ID, Idempotency-Key, Prefer, X-Preflight",
    "Access-Control-Max-Age": "86400",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What the document says of an operation that is decided before its handler runs."""

    id: str
    role: str
    exempt: bool
    drains: bool


@dataclass(frozen=True, slots=True)
class House:
    """What one app is built from. `context` is what handlers may ask for by name; `draining` says whether we close."""

    context: dict[str, Any]
    limiter: Limiter
    metrics: Metrics
    now: Callable[[], int]
    draining: Callable[[], bool]
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    error_detail: bool = True
    body_max_bytes: int = 70 * 2**20


def create_app(house: House, document: dict[str, Any]) -> flask.Flask:
    """The WSGI app that serves the bundled `document`."""
    app = _App("gateway", house=house, options={"swagger_ui": False, "serve_spec": False})
    secured = {**document, "components": {**document["components"], "securitySchemes": _guarded(document)}}
    app.add_api(
        secured,
        base_path="/api",
        resolver=RelativeResolver("handlers"),
        validator_map={"body": _Passing, "parameter": _Passing},
        options={"uri_parser_class": RequestCheck},
    )
    wsgi: flask.Flask = app.app
    wsgi.config["MAX_CONTENT_LENGTH"] = house.body_max_bytes
    _Hooks(house, app.operations).install(wsgi)
    return wsgi


def _guarded(document: dict[str, Any]) -> dict[str, Any]:
    """The security schemes with the function that checks keys; which function it is, is no consumer's business."""
    schemes = document["components"]["securitySchemes"]
    return {**schemes, "apiKey": {**schemes["apiKey"], "x-apikeyInfoFunc": "handlers.security.check_key"}}


class _Passing:
    """Stands where connexion would validate; RequestCheck has done it, with every problem at once."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return function


class _Text(BaseConverter):
    """A path value of any type, as text: RequestCheck says what is wrong with it, instead of a bare 404."""

    regex = "[^/]+"
    part_isolating = True


class _Json(JSONProvider):
    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


class _Request:
    """What connexion's decorators read of a request, without parsing what nobody asks for."""

    __slots__ = ("_flask", "context", "headers", "path_params", "query")
    form: ClassVar[dict[str, Any]] = {}
    files: ClassVar[dict[str, Any]] = {}
    json = None  # the body travels in the context

    def __init__(self, path_params: dict[str, Any], context: dict[str, Any]) -> None:
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - saves a proxy hop each
        self._flask = request
        self.headers = request.headers
        self.query: Any = request.args if request.query_string else {}
        self.path_params = path_params
        self.context = context

    @property
    def mimetype(self) -> str:
        return str(self._flask.mimetype)

    @property
    def body(self) -> bytes:
        return bytes(self._flask.get_data(cache=False))

    @property
    def cookies(self) -> Any:
        return self._flask.cookies


class _Api(FlaskApi):  # type: ignore[misc]
    """connexion's Flask binding with our request, our answer, and a note of each operation."""

    house: House
    operations: dict[str, Operation]

    def _add_operation_internal(self, method: str, path: str, operation: Any) -> None:
        super()._add_operation_internal(method, path, operation)
        raw = operation._operation  # noqa: SLF001 - connexion keeps extensions nowhere else
        endpoint = f"{self.blueprint.name}.{operation.operation_id.replace('.', '_')}"
        self.operations[endpoint] = Operation(
            id=operation.operation_id.removeprefix("handlers."),
            role=raw["x-required-role"],
            exempt=raw.get("x-rate-limit") == "exempt",
            drains=raw.get("x-while-draining") != "answers",
        )

    def get_request(self, *_: Any, **params: Any) -> _Request:
        context = {**self.house.context, "now": flask.g.now}
        flask.globals.request_ctx.connexion_context = context  # type: ignore[attr-defined]  # what connexion.context reads
        return _Request(params, context)

    def get_response(self, response: Any, *_: Any) -> flask.Response:
        """A handler's `body` or `(body, status)` or `(body, status, headers)`; bytes and text are sent as they are."""
        body, status, headers = (
            response if isinstance(response, tuple) and len(response) == 3 else (response, 200, None)
        )
        if isinstance(body, tuple):
            body, status = body
        if isinstance(body, flask.Response):
            return body
        if status == 204:
            made = flask.Response(status=204)
            del made.headers["Content-Type"]
            return made
        if isinstance(body, bytes | str):
            return flask.Response(body, status, headers)
        return flask.Response(orjson.dumps(body), status, headers, content_type="application/json")


class _App(connexion.FlaskApp):  # type: ignore[misc]
    """connexion's app with our API class, exact paths, and no error pages of its own."""

    def __init__(self, *args: Any, house: House, **kwargs: Any) -> None:
        super().__init__(*args, skip_error_handlers=True, **kwargs)
        self.operations: dict[str, Operation] = {}
        self.api_cls = type("_BoundApi", (_Api,), {"house": house, "operations": self.operations})

    def create_app(self) -> flask.Flask:
        app = flask.Flask(self.import_name, static_folder=None)
        app.json = _Json(app)
        app.url_map.strict_slashes = True
        app.url_map.merge_slashes = False
        app.url_map.converters.update(dict.fromkeys(("default", "string", "int", "float"), _Text))
        return app


class _Hooks:
    """What happens around every request of one app."""

    def __init__(self, house: House, operations: dict[str, Operation]) -> None:
        self._house = house
        self._operations = operations

    def install(self, app: flask.Flask) -> None:
        app.before_request(self._admit)
        app.after_request(self._dress)
        for status in default_exceptions:
            app.register_error_handler(status, self._http_error)
        app.register_error_handler(Exception, self._error)

    def _admit(self) -> flask.Response | None:
        request, house, g = flask.request, self._house, flask.g
        g.started = time.perf_counter()
        g.now = house.now()
        asked = request.headers.get("X-Request-ID", "")
        g.request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid.uuid4())
        g.operation = self._operations.get(request.endpoint or "", _NO_OPERATION)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return flask.Response(status=204, headers=_PREFLIGHT) if self._origin() else None
        forwarded = request.headers.get("X-Forwarded-For") if house.trusted_proxies else None
        g.client_ip = client_ip(request.remote_addr, forwarded, house.trusted_proxies)
        if house.draining() and (g.operation is None or g.operation.drains):
            raise errors.Draining
        if g.operation is None or not g.operation.exempt:
            g.verdict = house.limiter.admit(g.client_ip or "", g.now)
            if g.verdict.retry_after:
                raise errors.TooManyRequests(g.verdict.retry_after)
        return None

    def _origin(self) -> str | None:
        """What a page elsewhere is told about using the answer, None for nothing."""
        allowed = self._house.cors_origins
        given = flask.request.headers.get("Origin")
        if not given or not allowed:
            return None
        return "*" if "*" in allowed else given if given in allowed else None

    def _dress(self, response: flask.Response) -> flask.Response:
        g, headers = flask.g, response.headers
        headers["X-Request-ID"] = g.request_id
        headers.extend(_SECURITY_HEADERS)
        origin = self._origin()
        if origin is not None:
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers.add("Vary", "Origin")
        verdict = g.get("verdict")
        if verdict is not None:
            headers["X-RateLimit-Limit"] = str(verdict.limit)
            headers["X-RateLimit-Remaining"] = str(verdict.remaining)
            headers["X-RateLimit-Reset"] = str(verdict.reset)
        operation = g.operation.id if g.operation else "none"
        self._house.metrics.answered(
            flask.request.method, operation, response.status_code, time.perf_counter() - g.started
        )
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "%s %s %s", flask.request.method, operation, response.status_code, extra={"request_id": g.request_id}
            )
        return response

    def _http_error(self, error: HTTPException) -> flask.Response:
        return errors.http_answer(error, self._house.body_max_bytes)

    def _error(self, error: Exception) -> flask.Response:
        if isinstance(error, ProblemException) and error.status == 401:  # connexion found no key at all
            error = Unauthorized("API key is required")
        kind = errors.kind_of(error)
        if kind.status >= 500:
            bug = error if kind is errors.UNEXPECTED else None
            log.error("%s", error, exc_info=bug, extra={"request_id": flask.g.request_id})
        return errors.answer(error, kind, detail=self._house.error_detail)
