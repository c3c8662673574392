"""The document itself, as enforced, and its page."""

from typing import Any

from storage import NotFound

_Answer = tuple[bytes, int, dict[str, str]]
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def openapi_json(document: Any, if_none_match: str = "") -> _Answer:
    """The whole document as JSON."""
    return _given(document.openapi("json"), if_none_match)


def openapi_yaml(document: Any, if_none_match: str = "") -> _Answer:
    """The whole document as YAML."""
    return _given(document.openapi("yaml"), if_none_match)


def page(document: Any, if_none_match: str = "") -> _Answer:
    """The page on which people read the document and try it."""
    body, status, headers = _given(document.page(), if_none_match)
    return body, status, {**headers, "Content-Security-Policy": _POLICY}


def part(document: Any, file: str, if_none_match: str = "") -> _Answer:
    """A file that the page needs. Raises NotFound."""
    found = document.page(file)
    if found is None:
        raise NotFound(f"The documentation has no file '{file}'")
    return _given(found, if_none_match)


def _given(file: Any, if_none_match: str) -> _Answer:
    """The file, or 304 to whoever has it; kept by clients, who ask each time whether it is still the same."""
    headers = {"Content-Type": file.content_type, "ETag": file.etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return (b"", 304, headers) if known & {file.etag, "*"} else (file.body, 200, headers)
