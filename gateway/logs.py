"""Structured lines on stderr: for people, or as JSON for machines."""

import json
import logging
import sys
import time
from typing import Any

_LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_NAMES = {logging.ERROR: "error", logging.WARNING: "warn", logging.INFO: "info", logging.DEBUG: "debug"}
_EXTRA = ("request_id", "session")


def configure(level: str, style: str) -> None:
    """Send all logging of the process to stderr in this style, from this severity on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Pretty())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("openwa").setLevel(_LEVELS[level])
    logging.getLogger("waitress.queue").setLevel(
        logging.ERROR
    )  # a full queue shows in the metrics, not on every request


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": _NAMES.get(record.levelno, "error"),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _EXTRA if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _Pretty(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f" {name}={getattr(record, name)}" for name in _EXTRA if hasattr(record, name))
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{at} {_NAMES.get(record.levelno, 'error'):5} {record.name}: {record.getMessage()}{extra}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
