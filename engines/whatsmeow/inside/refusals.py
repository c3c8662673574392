"""What went wrong, from neonize's words to the exceptions of `engines.base`."""

import re
from collections.abc import Callable

from engines import base

_Made = Callable[[str], base.EngineError]


def _refused(reason: str, message: str | None = None) -> _Made:
    return lambda text: base.Refused(message or f"WhatsApp refused: {text}", reason)


_STRANGER = "WhatsApp does not let this account write to people who do not know it (463)"
_NOT_THERE = "The number is not on WhatsApp"
_DISCONNECTED = "Session is not connected. The WhatsApp client is not ready."

_RULES: tuple[tuple[str, _Made], ...] = (
    (r"no lid found|no signal session established .* not on whatsapp", _refused("not_on_whatsapp", _NOT_THERE)),
    (r"\b463\b", _refused("stranger", _STRANGER)),
    (r"rate-overlimit|\b429\b", _refused("rate_limited")),
    (r"timed out|timeout|deadline exceeded|disconnected before|context canceled", base.OutcomeUnknown),
    (r"websocket|not connected|client is nil|not logged in", lambda _: base.NotConnected(_DISCONNECTED)),
    (r"not-authorized|you're not participating|\b401\b", _refused("not_a_participant")),
    (r"forbidden|\b403\b", _refused("not_admin")),
    (r"item-not-found|not found|does not exist|\b404\b|\bgone\b|\b410\b", base.NotOnAccount),
    (r"not-acceptable|\b406\b|invite link", base.NotOnAccount),
    (
        r"pushname set|app state keys",
        _refused("not_synchronised", "The phone has not shared the account's settings yet"),
    ),
    (r"bad-request|\b400\b|server returned error|error code \d+", _refused("refused")),
    (r"feature-not-implemented|\b501\b", base.NotSupported),
)


def typed(error: Exception) -> base.EngineError:
    """The exception that callers shall see for what neonize raised."""
    if isinstance(error, base.EngineError):
        return error
    text = _words(error)
    for pattern, made in _RULES:
        if re.search(pattern, text, re.IGNORECASE):
            return made(text)
    return base.EngineError(text or type(error).__name__)


def _words(error: Exception) -> str:
    word = error.args[0] if error.args else ""
    word = getattr(word, "Error", word)
    return word.decode(errors="replace") if isinstance(word, bytes) else str(word)
