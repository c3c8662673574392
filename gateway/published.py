"""What consumers are given: the document in two notations, its page, and what the page needs. Written out once."""

import functools
import hashlib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import yaml

from gateway import samples

_PAGES = Path(__file__).parent / "pages"
# Swagger UI (Apache-2.0) is what the package flask-swagger-ui (MIT) carries of it.
_SWAGGER_UI = ("swagger-ui.css", "swagger-ui-bundle.js")
_PARTS = {
    "page.html": "text/html", "swagger-ui.css": "text/css", "page.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript", "page.js": "text/javascript",
}  # fmt: skip


class File(NamedTuple):
    """Something that is published: its bytes, their type, and a tag that changes with them."""

    body: bytes
    content_type: str
    etag: str


class Published:
    """Everything under /api/openapi.* and /api/docs, by its name there."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @functools.cache  # noqa: B019 - one document lives as long as its gateway
    def openapi(self, notation: str) -> File:
        """The document as `json` or `yaml`."""
        if notation == "yaml":
            return _file(_yaml(self.document), "application/yaml")
        return _file(orjson.dumps(self.document, option=orjson.OPT_INDENT_2), "application/json")

    @functools.cache  # noqa: B019
    def page(self, name: str = "page.html") -> File | None:
        """The page of the document, or a file that belongs to it; None where none of that name does."""
        if name == "document.json":
            return _file(orjson.dumps(samples.added(self.document)), "application/json")
        return _file(_read(name), _PARTS[name]) if name in _PARTS else None


def whole_page(document: dict[str, Any]) -> bytes:
    """The page as one file that needs nothing else, neither a gateway nor the network."""
    page = _read("page.html").decode()
    for name in _PARTS:
        body = _read(name).decode().replace("</script", "<\\/script")
        page = page.replace(f'<link rel="stylesheet" href="docs/{name}">', f"<style>{body}</style>")
        page = page.replace(f'<script src="docs/{name}"></script>', f"<script>{body}</script>")
    data = orjson.dumps(samples.added(document)).decode().replace("</", "<\\/")
    return page.replace("<!-- document -->", f'<script type="application/json" id="document">{data}</script>').encode()


def _file(body: bytes, content_type: str) -> File:
    return File(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


def _read(name: str) -> bytes:
    folder = resources.files("flask_swagger_ui") / "dist" if name in _SWAGGER_UI else _PAGES
    return (folder / name).read_bytes()


def _yaml(document: dict[str, Any]) -> bytes:
    return bytes(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, encoding="utf-8"))


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, _data: Any) -> bool:
        return True
