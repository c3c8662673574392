"""What the gateway counts, for Prometheus."""

import hmac
import resource
import time
from typing import Any

from engines import Engines
from handlers.errors import Disabled, Unauthorized
from handlers.settings import Settings
from storage import deliveries, events, sends, sessions, stats
from storage.db import Database

_STARTED = time.monotonic()


def get(db: Database, engines: Engines, now: int, settings: Settings, metrics: Any, authorization: str = "") -> Any:
    """Everything in Prometheus' text format, at most five seconds old. Raises Disabled, Unauthorized."""
    if not settings.metrics_token:
        raise Disabled("Metrics endpoint is disabled (set METRICS_TOKEN to enable)")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), settings.metrics_token.encode()):
        raise Unauthorized("Invalid metrics token")
    text = metrics.render(now, lambda: _gauges(db, engines, now))
    return text, 200, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}


def _gauges(db: Database, engines: Engines, now: int) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Gauges by name: labels to value."""
    with db.read() as tx:
        by_status = sessions.counts(tx)
        total = stats.totals(tx)
        queued = sends.open_counts(tx)
        waiting = deliveries.waiting(tx)
        newest = events.newest(tx)
    directions = {"incoming": total.received, "outgoing": total.sent + total.failed}
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "openwa_up": {(): 1},
        "openwa_process_uptime_seconds": {(): time.monotonic() - _STARTED},
        "openwa_process_resident_memory_bytes": {(): resident},
        "openwa_sessions_total": {(): sum(by_status.values())},
        "openwa_sessions_active": {(): by_status.get("ready", 0)},
        "openwa_engines_running": {(): len(engines.running())},
        "openwa_sessions": {(("status", status),): n for status, n in by_status.items()},
        "openwa_messages_total": {(("direction", d),): n for d, n in directions.items()},
        "openwa_messages_failed_total": {(): total.failed},
        "openwa_sends_open": {(("state", state),): n for state, n in queued.items()},
        "openwa_webhook_deliveries_pending": {(): waiting.pending},
        "openwa_webhook_deliveries_dead": {(): waiting.dead},
        "openwa_webhook_oldest_pending_seconds": {(): max(0, now - waiting.oldest) / 1000 if waiting.oldest else 0},
        "openwa_events_total": {(): newest},
    }
