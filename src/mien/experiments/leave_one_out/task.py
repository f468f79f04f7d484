"""One cell of a study: one base classifier on one split, and its correctors. Each stage done is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mien.classifiers.feature_store import FeatureStore, build_correctors
from mien.classifiers.network import NetworkClassifier
from mien.correctors.contract import Corrector, fitted_target
from mien.data.load import absolute
from mien.data.prepare import prepare
from mien.data.provenance import TrainedOn, training_rows
from mien.data.split import group_ids, split
from mien.experiments.identity import training_identities
from mien.experiments.progress import announce
from mien.experiments.settings import StudySettings
from mien.experiments.training.base import Lesson, base_of
from mien.nets.device import torch_runtime
from mien.nets.examples import Examples
from mien.nets.network import Network
from mien.storage.files import read_json, write_arrays, write_json
from mien.storage.layout import CARD, RETRAINED, CellFolder, left_out_of
from mien.storage.run import Run
from mien.types import Dataset, Ints, Split


@dataclass(frozen=True)
class Cell:
    """A task of a study: names a folder, so that any engine on the same disk can do it.

    Attributes
    ----------
    folder : of the run.
    settings : of the study.
    seed : of split and model.
    key : "full", "retrained" or "without-CLASS".
    """

    folder: str
    settings: StudySettings
    seed: int
    key: str

    @property
    def files(self) -> CellFolder:
        return CellFolder.of(Path(self.folder), self.seed, self.key)

    @property
    def path(self) -> Path:
        return self.files.path

    @property
    def left_out(self) -> str | None:
        return left_out_of(self.key)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The correctors to fit: none for a model that knows every class."""
        return self.settings.correctors if self.left_out else ()

    def missing(self) -> list[str]:
        """Correctors that are not fitted, or have no scores so far."""
        of = self.files
        return [name for name in self.wanted if not (of.corrector(name).exists() and of.scores(name).exists())]

    def finished(self) -> bool:
        whole = all(path.exists() for path in (self.files.finished, self.path / CARD, self.files.test))
        return whole and not self.missing()


@dataclass
class _Clock:
    """Seconds and pictures per stage, kept on disk: a cell killed half-way still knows what its first half cost."""

    path: Path
    stages: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.stages = {name: (seconds, pictures) for name, (seconds, pictures) in read_json(self.path).items()}

    @contextmanager
    def stage(self, name: str, pictures: int) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.set(name, time.perf_counter() - start, pictures)

    def set(self, name: str, seconds: float, pictures: int) -> None:
        self.stages[name] = (round(seconds, 3), pictures)
        write_json(self.path, self.stages)

    def summary(self) -> dict[str, dict[str, float]]:
        """As cell.json has it."""
        return {
            "seconds": {name: seconds for name, (seconds, _) in self.stages.items()},
            "pictures": {name: pictures for name, (_, pictures) in self.stages.items()},
        }


def run_cell(cell: Cell) -> None:
    """Do what is not done yet of a cell: train, read out, fit and score each corrector."""
    if cell.finished():
        return
    threads = max(1, cell.settings.train.threads)
    with threadpool_limits(threads), torch_runtime(cell.settings.train) as (device, _):
        data = prepare(cell.settings.data)
        parts = split(data, cell.seed)
        clock = _Clock(cell.path / "seconds.json")
        model = NetworkClassifier.of(_model(cell, data, parts, clock).to(device), data)
        announce(cell, "reading out")
        target = data.labelset.index(cell.left_out) if cell.left_out else -1
        missing = build_correctors(cell.missing(), model, target)
        rows = np.concatenate([parts.rows(part) for part in (["correct", "test"] if missing else ["test"])])
        with clock.stage("extract", len(rows)):
            bench = FeatureStore.of(model, data, cell.settings.train.augment, rows, missing.values())
        _write_test(cell, bench, parts.rows("test"))
        for name, corrector in missing.items():
            announce(cell, f"fitting {name}")
            _correct(cell, name, corrector, bench, parts, clock)
        write_json(cell.files.finished, {"key": cell.key, "seed": cell.seed, **clock.summary()})
    announce(cell, "done")


def _model(cell: Cell, data: Dataset, parts: Split, clock: _Clock) -> Network:
    """The cell's base classifier: read back, or trained (from its last checkpoint)."""
    settings, left_out = cell.settings, cell.left_out
    identities = training_identities(
        Run(cell.folder), data.fingerprint(), parts.fingerprint, settings.data.images, settings.train, cell.seed,
        cell.key,
    )  # fmt: skip
    absent = data.labelset.index(left_out) if left_out else -1

    def lesson() -> Lesson:
        more = ("correct",) if cell.key == RETRAINED else ()
        rows = np.sort(np.concatenate([parts.rows(part) for part in ("train", *more)]))
        learnt = training_rows(parts, *more)  # also pictures of the class left out: they count with their part
        trained_on = TrainedOn.from_dataset(data, learnt, absolute(settings.data.source), cell.seed)
        return Lesson(Examples.of(data, rows, absent), Examples.of(data, parts.rows("validation"), absent), trained_on)

    model, cost = base_of(cell, settings.base, settings.data, data.labelset, settings.train, identities, lesson)
    if cost and "train" not in clock.stages:
        clock.set("train", cost.seconds, cost.shown)
    return model


def _write_test(cell: Cell, bench: FeatureStore, rows: Ints) -> None:
    tested = bench.seen(rows)
    write_arrays(
        cell.files.test,
        ids=tested.ids, truth=bench.data.labels[rows], groups=group_ids(bench.data)[rows].astype(str),
        probs=tested.probs, known=tested.known,
    )  # fmt: skip


def _correct(cell: Cell, name: str, corrector: Corrector, bench: FeatureStore, parts: Split, clock: _Clock) -> None:
    """Fit one corrector twice, score test and calibration pictures, keep it.

    On *fit* alone, so that *calibrate* can certify it; on all of *correct*, for the figures of the score alone.
    """
    fitting, tested = parts.rows("fit"), parts.rows("test")
    with clock.stage(f"fit {name}", len(fitting)):
        certified = bench.fit(corrector, fitting)
    with clock.stage(f"propose {name}", len(tested)):
        proposal = bench.propose(certified, tested)
    calibration = bench.calibration(certified, parts.rows("calibrate"))
    write_arrays(cell.files.corrector(name), **certified.state())
    [again] = bench.build([name], fitted_target(certified)).values()
    with clock.stage(f"fit {name} on all", len(parts.rows("correct"))):
        whole = bench.fit(again, parts.rows("correct"))
    write_arrays(
        cell.files.scores(name),
        score=proposal.score, suggested=proposal.suggested, score_all=bench.propose(whole, tested).score,
        **calibration.cell_arrays(),
    )  # fmt: skip
