"""The answer to a request, as it goes to the server."""

from typing import Any

import flask

_NO_BODY = frozenset({204, 304})


class Answer(flask.Response):
    """Flask's response, whose headers go to the server as they are: copied and checked once more they cost a tenth.

    Whoever sets a header has its value from us, or has checked it.
    """

    def get_wsgi_headers(self, environ: Any) -> Any:
        if self.status_code in _NO_BODY:
            return super().get_wsgi_headers(environ)
        if self.is_sequence and "Content-Length" not in self.headers:
            self.headers.set("Content-Length", str(sum(map(len, self.response))))
        return self.headers

    def get_app_iter(self, environ: Any) -> Any:
        if self.is_sequence and environ["REQUEST_METHOD"] != "HEAD" and self.status_code not in _NO_BODY:
            return self.response  # bytes that need no closing
        return super().get_app_iter(environ)

    def dress(self, headers: list[tuple[str, str]]) -> None:
        """Add headers whose values are known to be sound."""
        self.headers._list.extend(headers)  # noqa: SLF001 - `extend` checks each for newlines again
