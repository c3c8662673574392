"""Flask without what no request here uses (hosts, cookies, sessions, signals, hooks): a third of its cost.

Every request passes the gate; every error becomes an answer in the envelope.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import flask
import orjson
from flask.ctx import RequestContext
from flask.json.provider import JSONProvider
from flask.sessions import NullSession
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule

from gateway.answers import Answer
from gateway.gate import Gate

_NO_SESSION = NullSession()


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


class _Place:
    """A request's place on the map of routes, as Flask's context asks for it."""

    def __init__(self, routes: Map, path: str, method: str) -> None:
        self._routes, self._path, self._method = routes, path, method

    def match(self, *, return_rule: bool) -> tuple[Rule, Any]:  # noqa: ARG002 - Flask always asks for the rule
        find = _match_again if len(self._path) <= _SHORT else _match
        return find(self._routes, self._path, self._method)


def _match(routes: Map, path: str, method: str) -> tuple[Rule, Any]:
    return MapAdapter(routes, "", "/", "", "http", path, method).match(return_rule=True)


_SHORT = 200  # characters of a path that is remembered: what strangers ask for must not fill memory
_match_again = lru_cache(maxsize=2048)(_match)  # the same few are asked again and again; what fails is not kept


class LeanFlask(flask.Flask):
    """The WSGI app, before connexion adds the routes."""

    gate: Gate
    response_class = Answer
    url_rule_class = _Rule

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        self.json = _Json(self)
        self.url_map.strict_slashes = True
        self.url_map.merge_slashes = False
        self.url_map.converters.update(dict.fromkeys(("default", "string", "int", "float"), _Text))

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        return RequestContext(self, environ, session=_NO_SESSION)

    def create_url_adapter(self, request: flask.Request | None) -> Any:
        if request is None:
            return None
        path = request.environ.get("PATH_INFO", "").encode("latin1").decode(errors="replace")
        return _Place(self.url_map, path, request.method)

    def full_dispatch_request(self) -> Answer:
        try:
            made: Any = self.gate.admit() or self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - each becomes an answer in the envelope
            made = self.gate.answer(error)
        return self.finalize_request(made)

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Answer:  # noqa: ARG002, FBT001, FBT002 - Flask's signature
        return self.gate.dress(rv)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def do_teardown_request(self, *_: Any) -> None: ...
