"""Figures of a server for Prometheus."""

from __future__ import annotations

from collections import deque
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mien.service.service import Service

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
"""Edges of the histogram of seconds."""
RECENT = 2000
"""Requests whose seconds are kept for the page."""
PATHS = ("/predict", "/explain", "/feedback", "/patches", "/v2", "/watch", "/metrics", "/healthz", "/readyz")
"""Paths that are counted apart, with what lies below them; all others are one."""


class Metrics:
    """What a worker counts; each worker has its own figures."""

    def __init__(self, service: Service) -> None:
        self.service, self.registry = service, CollectorRegistry()
        self._requests = Counter(
            "mien_requests", "Requests by path and status", ["path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "mien_request_seconds", "Seconds from the request to its answer", ["path"], buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._counted: dict[tuple[str, int], tuple[Any, Any]] = {}
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

    def count(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        key = _path(path), status
        if key not in self._counted:
            self._counted[key] = self._requests.labels(key[0], str(status)), self._seconds.labels(key[0])
        requests, histogram = self._counted[key]
        requests.inc()
        histogram.observe(seconds)
        if key == ("/predict", 200):
            self._recent.append(seconds)

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
