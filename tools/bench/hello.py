"""The floor: a bare WSGI application under waitress that says hello and nothing else.

python -m tools.bench.hello PORT [THREADS]
"""

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import waitress

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ANSWER = b'{"hello":"world"}'


def hello(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:  # noqa: ARG001 WSGI
    """Answer every request with the same 17 bytes."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))])
    return [ANSWER]


if __name__ == "__main__":
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every request that waits for a thread
    waitress.serve(hello, host="127.0.0.1", port=int(sys.argv[1]), threads=int((sys.argv[2:] or ["8"])[0]), _quiet=True)
