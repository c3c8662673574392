"""When a delivery is tried again, and when an endpoint is left alone. No clock, no database: numbers in, numbers out.

A delivery that fails is tried again soon, `retryCount` times, and its chat waits for it. After that it is set aside:
its chat goes on, and it is tried ever more rarely until the horizon. An endpoint that does not answer, or keeps
failing, is paused as a whole; after each pause one delivery tries it.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
_SLOW_FIRST, _SLOW_MOST = 5 * MINUTE, 4 * HOUR
_PAUSE_FIRST, _PAUSE_MOST = 1 * SECOND, 10 * MINUTE
_ASKED_MOST = 1 * HOUR
_PATIENCE = 5  # failures in a row of an endpoint that does answer, before it is paused
_OVERLOADED = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class Rules(NamedTuple):
    """What the operator set, in milliseconds."""

    delay: int = 5 * SECOND
    horizon: int = 72 * HOUR
    disable_after: int = 120 * HOUR


class Made(NamedTuple):
    """One attempt: when it began, how long it took (milliseconds), and what came of it."""

    at: int
    duration: int
    status: int | None = None
    error: str | None = None
    response: str | None = None
    retry_after: int | None = None  # milliseconds, as the receiver asked

    @property
    def ok(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and self.status // 100 == 2

    @property
    def overloaded(self) -> bool:
        """Whether the endpoint as a whole is in trouble, rather than this delivery."""
        return self.status is None or self.status in _OVERLOADED

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == HTTPStatus.GONE


def again(rules: Rules, retry_count: int, parcel: Any, made: Made, chance: float, now: int) -> tuple[int | None, bool]:
    """When a failed delivery is tried next, None for never, and whether it is set aside; `chance` is 0 to 1."""
    tries = parcel.attempts + 1
    aside = tries > retry_count
    if made.gone:
        return None, False
    if aside:
        wait = min(_SLOW_FIRST << min(tries - retry_count - 1, 20), _SLOW_MOST)
    else:
        wait = rules.delay << min(tries - 1, 20)
    wait = max(_spread(wait, chance), min(made.retry_after or 0, _ASKED_MOST))
    next_at = now + wait
    return (None, False) if next_at > parcel.queued_at + rules.horizon else (next_at, aside)


def health(rules: Rules, before: dict[str, Any], made: Made, chance: float, now: int) -> dict[str, Any]:
    """How an endpoint is doing after an attempt: the columns that change, `disabled_reason` among them where it is off.

    `before` holds failures, failing_since and paused_until. Attempts that were under way when the pause began do not
    make it longer.
    """
    if made.ok:
        well: dict[str, Any] = {"last_triggered_at": made.at}
        return well | ({"failures": 0, "failing_since": None, "paused_until": 0} if before["failures"] else {})
    failures = before["failures"] + 1
    since = before["failing_since"] if before["failing_since"] is not None else made.at
    changes: dict[str, Any] = {"failures": failures, "failing_since": since}
    if made.gone or made.at - since >= rules.disable_after:
        return changes | {"active": False, "disabled_reason": "gone" if made.gone else "failing"}
    if made.at < before["paused_until"]:
        return {}
    patience = 1 if made.overloaded else _PATIENCE
    if failures >= patience:
        pause = _spread(min(_PAUSE_FIRST << min(failures - patience, 20), _PAUSE_MOST), chance)
        changes["paused_until"] = now + max(pause, _asked(made))
    return changes


def asked(header: str | None, at: int) -> int | None:
    """The milliseconds that a Retry-After header asks to wait, from `at` on; None where there is none to be read."""
    if header is None:
        return None
    if header.isascii() and header.strip().isdigit():
        return int(header.strip()[:9]) * SECOND
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0, int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000) - at)


def _asked(made: Made) -> int:
    return min(made.retry_after or 0, _ASKED_MOST) if made.overloaded else 0


def _spread(wait: int, chance: float) -> int:
    """Up to a quarter longer, so that what failed together does not come back together."""
    return wait + int(wait * chance / 4)
