"""Figures of a server for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from mien.service.service import Service

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
"""Edges of the histogram of seconds."""
RECENT = 2000
"""Requests whose seconds are kept for the page."""
PATHS = ("/predict", "/explain", "/feedback", "/patches", "/v2", "/watch", "/metrics", "/healthz", "/readyz")
"""Paths that are counted apart, with what lies below them; all others are one."""


@dataclass(slots=True)
class _Times:
    """Requests between the edges of SECONDS, and seconds in all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    total: float = 0.0


class Metrics:
    """What a worker counts; each worker has its own figures."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self._counts: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, _Times] = {}
        self._recent: deque[float] = deque(maxlen=RECENT)
        gauges = {
            "mien_waiting": ("Pictures that wait for an answer", lambda: service.engine.waiting),
            "mien_answers": ("Pictures answered", lambda: service.answered),
            "mien_overridden": ("Answers overridden", lambda: service.overridden),
            "mien_decisions_waiting": ("Decisions that are not in the store yet", lambda: service.recorder.waiting),
            "mien_decisions_lost": ("Decisions that could not be kept", lambda: service.recorder.lost),
            "mien_patch_version": ("Place in the log of patches", lambda: service.in_force.now.version),
        }
        for name, (about, value) in gauges.items():
            Gauge(name, about, registry=self.registry).set_function(value)
        self.registry.register(self)

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count a request, in the thread of the event loop: plain numbers, since every request passes here."""
        key = path, status = _path(path), status
        self._counts[key] = self._counts.get(key, 0) + 1
        times = self._seconds.get(path)
        if times is None:
            times = self._seconds[path] = _Times()
        times.counts[bisect_left(SECONDS, seconds)] += 1
        times.total += seconds
        if key == ("/predict", 200):
            self._recent.append(seconds)

    def collect(self) -> Iterator[Metric]:
        """The counts, as Prometheus takes them."""
        requests = CounterMetricFamily("mien_requests", "Requests by path and status", labels=["path", "status"])
        for (path, status), count in list(self._counts.items()):
            requests.add_metric([path, str(status)], count)
        yield requests
        about = "Seconds from the request to its answer"
        histogram = HistogramMetricFamily("mien_request_seconds", about, labels=["path"])
        for path, times in list(self._seconds.items()):
            up_to = zip((*map(str, SECONDS), "+Inf"), accumulate(times.counts), strict=True)
            histogram.add_metric([path], list(up_to), times.total)
        yield histogram

    def latency(self) -> dict[str, float | int]:
        """Quantiles of the seconds that the latest predictions took, and how many these are."""
        recent = sorted(self._recent.copy())
        if not recent:
            return {"requests": 0}
        quantiles = {f"p{share}": recent[min(len(recent) - 1, len(recent) * share // 100)] for share in (50, 90, 99)}
        return {"requests": len(recent), **quantiles}

    def shown(self) -> tuple[bytes, str]:
        """All figures, and their media type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


def _path(path: str) -> str:
    """A path as it is counted.

    >>> _path("/patches/swap"), _path("/anything")
    ('/patches', 'other')
    """
    first = "/" + path.strip("/").partition("/")[0]
    return first if first in PATHS else "other"
