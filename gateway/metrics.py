"""What the program counts while it runs, in Prometheus' own library."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from engines.base import Event, StateChanged

Gauges = Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]
_FRESH = 5_000


class Metrics:
    """Counters of one gateway, and its gauges when asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests_total", "Requests answered", ("method", "route", "status"), registry=self._registry
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from routing to the answer",
            ("route",),
            registry=self._registry,
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._states = Counter(
            "openwa_session_changes_total", "States that sessions entered", ("state", "reason"), registry=self._registry
        )
        self._attempts = Histogram(
            "openwa_webhook_attempt_duration_seconds",
            "Time that an endpoint took for a delivery, by whether it took it",
            ("outcome",),
            registry=self._registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self._held = Counter(
            "openwa_contract_checks_total",
            "Answers and deliveries held against the document, by whether they were what it says",
            ("where", "kept"),
            registry=self._registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}  # looking labels up costs more
        self._lock = threading.Lock()
        self._rendered: tuple[int, bytes] = (-_FRESH, b"")

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered; `route` is the operationId."""
        series = self._series.get((method, route, status))
        if series is None:
            series = (self._requests.labels(method, route, status), self._durations.labels(route))
            self._series[method, route, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def happened(self, events: Sequence[Event]) -> None:
        """Something happened on a session; `reason` is empty where a state has none."""
        for event in events:
            if isinstance(event, StateChanged):
                self._states.labels(event.state, event.reason or "").inc()

    def attempted(self, seconds: float, *, ok: bool) -> None:
        """A delivery was posted to a webhook's endpoint, once."""
        self._attempts.labels("accepted" if ok else "failed").observe(seconds)

    def held(self, where: str, *, kept: bool) -> None:
        """An answer (`sessions.get 200`) or a delivery (`webhooks`) was held against the document."""
        self._held.labels(where, str(kept).lower()).inc()

    def render(self, now: int, gauges: Callable[[], Gauges]) -> bytes:
        """The text format; `gauges` are asked at most every five seconds."""
        with self._lock:
            at, text = self._rendered
            if now - at >= _FRESH:
                passing = CollectorRegistry()
                passing.register(_Gauges(gauges()))
                text = generate_latest(passing) + generate_latest(self._registry)
                self._rendered = (now, text)
            return text


class _Gauges:
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, values in self._gauges.items():
            labels = [label for label, _ in next(iter(values), ())]
            family = GaugeMetricFamily(name, name.replace("_", " "), labels=labels)
            for key, value in values.items():
                family.add_metric([text for _, text in key], value)
            yield family
