"""MAPIE's monitors on the same streams: of a risk, with a label for each picture, and of exchangeability."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from functools import partial
from importlib.util import find_spec

import numpy as np

from benchmarks.watch.streams import CALIBRATION, DELTA, QUIET_VALUES, Job, streams
from mien.types import Bools, Ints

STOPS = (1000, 2000, 4000, 8000)
"""Pictures of which MAPIE's monitor is shown more and more until it gives an alarm."""
WARNING = 0.01
"""δ of warnings, as in `mien.watch.shift`."""


def has_monitors() -> bool:
    """Whether the installed MAPIE has monitors; the oldest version allowed has none."""
    return find_spec("mapie") is not None and find_spec("mapie.exchangeability_testing") is not None


def monitored(job: Job, level: float = DELTA) -> Ints:
    """(S,) pictures until MAPIE's monitor gives an alarm, on the streams that `alarms` draws from these seeds.

    Parameters
    ----------
    level : its `test_level`. Half of it is for a reference, which a stated limit makes needless, and half of the rest
        for the other side: four times δ gives all of δ to the bound on the stream.
    """
    harmed, limit = streams(job, job.rng)
    return np.array([first_alarm(row, float(value), level) for row, value in zip(harmed, limit, strict=True)])


def first_alarm(spoilt: Bools, limit: float, level: float = DELTA) -> int:
    """The picture with which MAPIE's lower bound exceeds the limit, from 1; 0 for none."""
    from mapie.exchangeability_testing import RiskMonitoring
    from mapie.risk_control import BinaryRisk

    risk = BinaryRisk(lambda truth, _: truth == 1, lambda truth, _: truth >= 0, higher_is_better=False)
    for images in STOPS:  # it computes its whole history again at each update
        monitor = RiskMonitoring(risk, test_level=level, threshold=limit, warn=False)
        monitor.update(spoilt[:images].astype(int), np.zeros(len(spoilt[:images]), int))
        above = np.flatnonzero(monitor.online_risk_lower_bound_sequence_history > limit)
        if len(above):
            return int(above[0]) + 1
    return 0


def exchangeable(job: Job) -> Ints:
    """(S,) pictures from a shift until MAPIE's jumper martingale gives a warning; 0 for none, −1 for one before.

    Its p-values are those of `OnlineMartingaleTest.compute_p_value`, looked up in a sorted list.
    """
    from mapie.exchangeability_testing import OnlineMartingaleTest

    rng, delays = job.rng, []
    for _ in range(job.count):
        test, values = OnlineMartingaleTest(task="regression", test_level=WARNING, warn=False), rng.normal
        history, delay = sorted(values(size=CALIBRATION).tolist()), 0
        for number, value in enumerate(np.append(values(size=QUIET_VALUES), values(job.value, 1, job.length)).tolist()):
            higher = len(history) - bisect_right(history, value)
            equal = len(history) - higher - bisect_left(history, value)
            insort(history, value)
            p = (higher + rng.random() * (equal + 1)) / len(history)
            if test.update_simple_jumper_martingale(p) >= test.reject_threshold:
                delay = number + 1 - QUIET_VALUES if number >= QUIET_VALUES else -1
                break
        delays.append(delay)
    return np.array(delays)


fairly_monitored = partial(monitored, level=4 * DELTA)
