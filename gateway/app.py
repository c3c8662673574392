"""The document in, a WSGI app out: connexion routes and guards, the check validates, handlers answer.

before_request   request id → draining? 503 → rate limit? 429
connexion        route → handlers.security.check_key 401, 403, 501 → RequestCheck 400
handler          → answer
errors           exception → envelope, whatever raised it
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BufferedReader
from typing import Any, ClassVar

import connexion
import flask
import orjson
from connexion.apis.flask_api import FlaskApi
from connexion.resolver import RelativeResolver
from connexion.spec import OpenAPISpecification
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header

from gateway.answers import Answer
from gateway.gate import Gate, House, Operation
from gateway.lean import LeanFlask
from gateway.streams import Waiting
from gateway.validation import RequestCheck
from handlers.events import Watch
from handlers.media import Part
from handlers.security import here
from handlers.uploads import Upload
from storage.files import pieces

OpenAPISpecification.openapi_schema = {}  # tests/test_document.py validates; at every start it would cost a second


@dataclass(frozen=True, slots=True)
class Site:
    """The built app without a house; building it costs half a second, moving in nothing."""

    wsgi: flask.Flask
    _gate: Gate

    def move_in(self, house: House) -> flask.Flask:
        """The app, serving this house from now on."""
        self._gate.house = house
        self.wsgi.config["MAX_CONTENT_LENGTH"] = house.body_max_bytes
        return self.wsgi


def build(document: dict[str, Any]) -> Site:
    """The WSGI app that serves the bundled `document`, for a house to move in."""
    gate = Gate()
    app = _App("gateway", gate=gate, options={"swagger_ui": False, "serve_spec": False})
    secured = {**document, "components": {**document["components"], "securitySchemes": _guarded(document)}}
    app.add_api(
        secured,
        base_path="/api",
        resolver=RelativeResolver("handlers"),
        validator_map={"body": _Passing, "parameter": _Passing},
        options={"uri_parser_class": RequestCheck},
    )
    gate.install(app.app)
    return Site(app.app, gate)


def _guarded(document: dict[str, Any]) -> dict[str, Any]:
    """The security schemes with the function that checks keys; which function it is, is no consumer's business."""
    schemes = document["components"]["securitySchemes"]
    return {**schemes, "apiKey": {**schemes["apiKey"], "x-apikeyInfoFunc": "handlers.security.check_key"}}


class _Passing:
    """Stands where connexion would validate; RequestCheck has done it, with every problem at once."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return function


class _Headers:
    """The headers of a request by name, without the checks and copies of Werkzeug's."""

    __slots__ = ("_environ",)

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, default: str | None = None) -> str | None:
        return self._environ.get(_variable(name), default)


@cache
def _variable(header: str) -> str:
    """The name of a header in a WSGI environment; the document names few."""
    return f"HTTP_{header.upper().replace('-', '_')}"


@lru_cache(maxsize=64)
def _media_type(text: str) -> str:
    return parse_options_header(text)[0].lower()


class _Request:
    """What connexion's decorators read of a request, without parsing what nobody asks for."""

    __slots__ = ("_flask", "_most", "context", "headers", "path_params", "query")
    form: ClassVar[dict[str, Any]] = {}
    files: ClassVar[dict[str, Any]] = {}
    json = None  # the body travels in the context

    def __init__(self, path_params: dict[str, Any], context: dict[str, Any], most: int) -> None:
        request = here(flask.request)
        self._flask, self._most = request, most
        self.headers = _Headers(request.environ)
        self.query: Any = request.args if request.query_string else {}
        self.path_params = path_params
        self.context = context

    @property
    def mimetype(self) -> str:
        return _media_type(self._flask.environ.get("CONTENT_TYPE", ""))

    @property
    def body(self) -> bytes:
        if self.length > self._most:
            raise RequestEntityTooLarge
        return bytes(self._flask.environ["wsgi.input"].read(self.length))

    @property
    def length(self) -> int:
        return self._flask.content_length or 0

    @property
    def stream(self) -> Any:
        return self._flask.stream

    def upload(self) -> Upload:
        """A file for media in the body, which goes with the request unless somebody keeps it."""
        made: Upload = self.context["keeper"].upload()
        flask.g.setdefault("uploads", []).append(made)
        return made

    @property
    def cookies(self) -> Any:
        return self._flask.cookies


class _Api(FlaskApi):  # type: ignore[misc]
    """connexion's Flask binding with our request, our answer, and a note of each operation."""

    gate: Gate

    def _add_operation_internal(self, method: str, path: str, operation: Any) -> None:
        super()._add_operation_internal(method, path, operation)
        raw = operation._operation  # noqa: SLF001 - connexion keeps extensions nowhere else
        endpoint = f"{self.blueprint.name}.{operation.operation_id.replace('.', '_')}"
        self.gate.operations[endpoint] = Operation(
            id=operation.operation_id.removeprefix("handlers."),
            role=raw["x-required-role"],
            whole=raw.get("x-scope") == "gateway",
            exempt=raw.get("x-rate-limit") == "exempt",
            drains=raw.get("x-while-draining") != "answers",
            capability=raw.get("x-capability"),
        )

    def get_request(self, *_: Any, **params: Any) -> _Request:
        context = {**self.gate.house.context, "now": flask.g.now}
        flask.globals.request_ctx.connexion_context = context  # type: ignore[attr-defined]  # what connexion.context reads
        return _Request(params, context, self.gate.house.body_max_bytes)

    def get_response(self, response: Any, *_: Any) -> Answer:
        """A handler's `body` or `(body, status)` or `(body, status, headers)`; bytes and text are sent as they are."""
        if isinstance(response, Watch):
            return _later(self.gate.house.streams.answer(response), response)
        body, status, headers = (
            response if isinstance(response, tuple) and len(response) == 3 else (response, 200, None)
        )
        if isinstance(body, tuple):
            body, status = body
        if isinstance(body, Answer):
            return body
        if status == 204:
            made = Answer(status=204)
            del made.headers["Content-Type"]
            return made
        if isinstance(body, bytes | str | Iterator):
            return Answer(body, status, headers)
        if isinstance(body, Part):
            return _part(body, status, headers)
        return Answer(orjson.dumps(body), status, headers, content_type="application/json")


def _part(part: Part, status: int, headers: dict[str, str] | None) -> Answer:
    """Bytes as they are: a file goes to the server as a file, which sends it without a worker and without memory."""
    wrap = flask.request.environ.get("wsgi.file_wrapper")
    source: Any = part.source
    if isinstance(source, BufferedReader):
        source = wrap(source) if wrap is not None and part.length else pieces(source, part.length)
    made = Answer(source, status, headers, direct_passthrough=True)
    made.headers["Content-Length"] = str(part.length)
    return made


def _later(waiting: Waiting, watch: Watch) -> Answer:
    """An answer that comes later: the server parks the connection where it can, else it is what can be said at once."""
    kind = "application/json" if watch.wait is not None else "text/event-stream"
    park = flask.request.environ.get("openwa.park") if flask.request.method == "GET" else None
    made = Answer(waiting.at_once() if park is None else iter(()), content_type=kind)
    made.headers["Cache-Control"] = "no-store"
    made.headers["X-Accel-Buffering"] = "no"  # nginx would keep events back until there are 4 kB of them
    if park is not None:
        made.direct_passthrough = True
        park(waiting)
    return made


class _App(connexion.FlaskApp):  # type: ignore[misc]
    """connexion's app with our API class, exact paths, and no error pages of its own."""

    def __init__(self, *args: Any, gate: Gate, **kwargs: Any) -> None:
        super().__init__(*args, skip_error_handlers=True, **kwargs)
        self.api_cls = type("_BoundApi", (_Api,), {"gate": gate})
        self.app.gate = gate

    def create_app(self) -> LeanFlask:
        return LeanFlask(self.import_name)
