"""How long correctors take, beside a classifier's own reading of the same pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import do_all
from benchmarks.correction.scored import Job, make_all
from mien.classifiers.feature_store import FeatureStore
from mien.classifiers.network import NetworkClassifier
from mien.correctors.contract import Corrector
from mien.nets.device import keep_freed_memory, one_thread
from mien.nets.extraction import extract
from mien.nets.settings import AugmentSettings
from mien.types import Floats

Found = TypeVar("Found")


def timed(jobs: Sequence[Job]) -> dict[str, Floats]:
    """Corrector → (jobs, 3) seconds: f's own reading of the test part, fitting on all of *correct*, proposing for test.

    The jobs run at the same time, one thread each; nothing is taken up from elsewhere. Changing views of *correct* is
    part of the adapter's fitting, reading out its map for test part of its proposing.
    """
    found = do_all(_time, jobs)
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _time(job: Job) -> dict[str, list[float]]:
    one_thread()
    keep_freed_memory()
    with threadpool_limits(1):
        target = job.task.parts().data.labelset.index(job.task.left_out)
        model = job.task.load()
        return {name: _of(job, make_all([name], model, target, job.task.quick)[name]) for name in job.names}


def _of(job: Job, corrector: Corrector) -> list[float]:
    parts, model, augment = job.task.parts(), job.task.load(), AugmentSettings()
    learnt = FeatureStore.of(
        NetworkClassifier.of(model, parts.data), parts.data, augment, parts.rows["correct"], [corrector]
    )
    pictures, ids = parts.tested.pictures[parts.test], parts.tested.ids[parts.test]
    _, own = _clock(lambda: extract(model, pictures, ids, vectors=()))
    _, fitting = _clock(lambda: learnt.fit(corrector, parts.rows["correct"]))
    tested, reading = _clock(
        lambda: FeatureStore.of(
            NetworkClassifier.of(model, parts.tested), parts.tested, augment, parts.test, [corrector]
        )
    )
    _, proposing = _clock(lambda: tested.propose(corrector, parts.test))
    return [own, fitting, reading - own + proposing]


def _clock(do: Callable[[], Found]) -> tuple[Found, float]:
    start = time.perf_counter()
    found = do()
    return found, time.perf_counter() - start
