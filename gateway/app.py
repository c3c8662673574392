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
from connexion.resolver import RelativeResolver
from connexion.spec import OpenAPISpecification
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import BaseConverter

from gateway import cors, errors
from gateway.limiter import Limiter
from gateway.metrics import Metrics
from gateway.streams import Streams, Waiting
from gateway.validation import RequestCheck
from handlers.events import Watch
from handlers.security import client_ip

log = logging.getLogger("openwa.http")
OpenAPISpecification.openapi_schema = {}  # tests/test_document.py validates; at every start it would cost a second
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


@dataclass(frozen=True, slots=True)
class House:
    """What one app is built from. `context` is what handlers may ask for by name; `draining` says whether we close."""

    context: dict[str, Any]
    limiter: Limiter
    metrics: Metrics
    now: Callable[[], int]
    draining: Callable[[], bool]
    streams: Streams
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
        request = _here(flask.request)
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
            whole=raw.get("x-scope") == "gateway",
            exempt=raw.get("x-rate-limit") == "exempt",
            drains=raw.get("x-while-draining") != "answers",
        )

    def get_request(self, *_: Any, **params: Any) -> _Request:
        context = {**self.house.context, "now": flask.g.now}
        flask.globals.request_ctx.connexion_context = context  # type: ignore[attr-defined]  # what connexion.context reads
        return _Request(params, context)

    def get_response(self, response: Any, *_: Any) -> flask.Response:
        """A handler's `body` or `(body, status)` or `(body, status, headers)`; bytes and text are sent as they are."""
        if isinstance(response, Watch):
            return _later(self.house.streams.answer(response), response)
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


def _later(waiting: Waiting, watch: Watch) -> flask.Response:
    """An answer that comes later: the server parks the connection where it can, else it is what can be said at once."""
    kind = "application/json" if watch.wait is not None else "text/event-stream"
    park = flask.request.environ.get("openwa.park") if flask.request.method == "GET" else None
    made = flask.Response(waiting.at_once() if park is None else iter(()), content_type=kind)
    made.headers["Cache-Control"] = "no-store"
    made.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back until there are 4 kB of them
    if park is not None:
        made.direct_passthrough = True
        park(waiting)
    return made


class _App(connexion.FlaskApp):  # type: ignore[misc]
    """connexion's app with our API class, exact paths, and no error pages of its own."""

    def __init__(self, *args: Any, house: House, **kwargs: Any) -> None:
        super().__init__(*args, skip_error_handlers=True, **kwargs)
        self.operations: dict[str, Operation] = {}
        self.api_cls = type("_BoundApi", (_Api,), {"house": house, "operations": self.operations})

    def create_app(self) -> flask.Flask:
        app = flask.Flask(self.import_name, static_folder=None)
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        app.json = _Json(app)
        app.url_map.strict_slashes = True
        app.url_map.merge_slashes = False
        app.url_map.converters.update(dict.fromkeys(("default", "string", "int", "float"), _Text))
        return app


def _here(proxy: Any) -> Any:
    """What one of Flask's proxies stands for now: each use of the proxy itself costs a look-up."""
    return proxy._get_current_object()  # noqa: SLF001 - werkzeug's documented way


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
        request, g, house = _here(flask.request), _here(flask.g), self._house
        asked = request.environ.get
        g.started = time.perf_counter()
        g.now = house.now()
        request_id = asked("HTTP_X_REQUEST_ID")
        g.request_id = request_id if request_id and _REQUEST_ID.fullmatch(request_id) else str(uuid.uuid4())
        g.operation = operation = self._operations.get(request.endpoint, _NO_OPERATION)
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
        return flask.Response(status=204) if preflight else None

    def _dress(self, response: flask.Response) -> flask.Response:
        request, g = _here(flask.request), _here(flask.g)
        told = [("X-Request-ID", g.request_id), *_SECURITY_HEADERS]
        origin = request.environ.get("HTTP_ORIGIN")
        if origin is not None:
            preflight = request.method == "OPTIONS"
            told.extend(cors.headers_for(origin, self._house.cors_origins, preflight=preflight).items())
        verdict = g.get("verdict")
        if verdict is not None:
            told.append(("X-RateLimit-Limit", str(verdict.limit)))
            told.append(("X-RateLimit-Remaining", str(verdict.remaining)))
            told.append(("X-RateLimit-Reset", str(verdict.reset)))
        response.headers.extend(told)
        operation = g.operation.id if g.operation else "none"
        method, status = request.method, response.status_code
        known = method if method in _METHODS else "other"  # names a client makes up must not grow memory
        self._house.metrics.answered(known, operation, status, time.perf_counter() - g.started)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s %s", method, operation, status, extra={"request_id": g.request_id})
        return response

    def _http_error(self, error: HTTPException) -> flask.Response:
        return errors.http_answer(error, self._house.body_max_bytes)

    def _error(self, error: Exception) -> flask.Response:
        kind = errors.kind_of(error)
        if kind.status >= 500:
            bug = error if kind is errors.UNEXPECTED else None
            log.error("%s", error, exc_info=bug, extra={"request_id": flask.g.request_id})
        return errors.answer(error, kind, detail=self._house.error_detail)
