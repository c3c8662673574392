"""The document in, a WSGI app out: connexion routes and guards, the check validates, handlers answer.

before_request   request id → draining? 503 → rate limit? 429
connexion        route → handlers.security.check_key 401, 403, 501 → RequestCheck 400
handler          → answer
errors           exception → envelope, whatever raised it
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, ClassVar, cast

import connexion
import flask
import orjson
from connexion.apis.flask_api import FlaskApi
from connexion.resolver import RelativeResolver
from connexion.spec import OpenAPISpecification
from flask.json.provider import JSONProvider
from werkzeug.routing import BaseConverter, MapAdapter, Rule

from gateway.answers import Answer
from gateway.gate import Gate, House, Operation
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


class _Text(BaseConverter):
    """A path value of any type, as text: RequestCheck says what is wrong with it, instead of a bare 404."""

    regex = "[^/]+"
    part_isolating = True


class _Json(JSONProvider):
    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


class _Rule(Rule):
    """A route that is only matched: to make addresses of it, Werkzeug compiles two functions, half a millisecond."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - Werkzeug's signature
        return _no_address


def _no_address(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("no address is made from a route")


class _Flask(flask.Flask):
    """Flask without what no request here uses (hosts, cookies, signals, hooks of blueprints): a third of its cost."""

    gate: Gate
    response_class = Answer
    url_rule_class = _Rule

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        if request is None:
            return None
        path = request.environ.get("PATH_INFO", "").encode("latin1").decode(errors="replace")
        return MapAdapter(self.url_map, "", "/", "", "http", path, request.method)

    def full_dispatch_request(self) -> Answer:
        try:
            made: Any = self.gate.admit() or self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - each becomes an answer in the envelope
            made = self.handle_user_exception(error)
        return self.finalize_request(made)

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Answer:  # noqa: ARG002, FBT001, FBT002 - Flask's signature
        return self.gate.dress(cast("Answer", self.make_response(rv)))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


class _Request:
    """What connexion's decorators read of a request, without parsing what nobody asks for."""

    __slots__ = ("_flask", "context", "headers", "path_params", "query")
    form: ClassVar[dict[str, Any]] = {}
    files: ClassVar[dict[str, Any]] = {}
    json = None  # the body travels in the context

    def __init__(self, path_params: dict[str, Any], context: dict[str, Any]) -> None:
        request = here(flask.request)
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
        return _Request(params, context)

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

    def create_app(self) -> "_Flask":
        app = _Flask(self.import_name, static_folder=None)
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        app.json = _Json(app)
        app.url_map.strict_slashes = True
        app.url_map.merge_slashes = False
        app.url_map.converters.update(dict.fromkeys(("default", "string", "int", "float"), _Text))
        return app
