"""One cell of a study: a base classifier, and the correctors fitted for it. Each stage done is kept."""

from __future__ import annotations

from dataclasses import dataclass

from mien.classifiers.feature_store import FeatureStore, build_correctors
from mien.correctors.contract import Corrector, fitted_targets
from mien.experiments.clock import Costs
from mien.experiments.progress import announce
from mien.experiments.settings import StudySettings
from mien.experiments.training.task import TrainTask, Work, at_work
from mien.storage.files import write_arrays
from mien.storage.layout import RETRAINED, left_out_of


@dataclass(frozen=True)
class Cell(TrainTask):
    """One base classifier of a study, and its correctors. `key`: "full", "retrained" or "without-CLASS"."""

    settings: StudySettings

    @property
    def left_out(self) -> str | None:
        return left_out_of(self.key)

    @property
    def more(self) -> tuple[str, ...]:
        return ("correct",) if self.key == RETRAINED else ()

    def missing(self) -> list[str]:
        """Correctors that are not fitted, or have no scores so far; none for a classifier that knows every class."""
        files, wanted = self.files, self.settings.correctors if self.left_out else ()
        return [name for name in wanted if not (files.corrector(name).exists() and files.scores(name).exists())]

    def finished(self) -> bool:
        return super().finished() and not self.missing()


def run_cell(task: Cell) -> Costs:
    """Do what is not done yet of a cell: train, read out, fit and score each corrector."""
    with at_work(task) as work:
        target = work.data.labelset.index(task.left_out) if task.left_out else -1
        missing = build_correctors(task.missing(), work.classifier, target)
        store = work.read_out(["correct", "test"] if missing else ["test"], missing.values())
        for name, corrector in missing.items():
            announce(task, f"fitting {name}")
            _correct(work, name, corrector, store)
        return work.finish()


def _correct(work: Work, name: str, corrector: Corrector, store: FeatureStore) -> None:
    """Fit one corrector twice, score test and calibration pictures, keep it.

    On *fit* alone, so that *calibrate* can certify it; on all of *correct*, for the figures of the score alone.
    """
    parts, clock, files = work.parts, work.clock, work.task.files
    fitting, tested = parts.rows("fit"), parts.rows("test")
    with clock.stage(f"fit {name}", len(fitting)):
        certified = store.fit(corrector, fitting)
    with clock.stage(f"propose {name}", len(tested)):
        proposal = store.propose(certified, tested)
    calibration = store.calibration(certified, parts.rows("calibrate"))
    write_arrays(files.corrector(name), **certified.state())
    [again] = store.build([name], next(iter(fitted_targets(certified)), None)).values()
    with clock.stage(f"fit {name} on all", len(parts.rows("correct"))):
        whole = store.fit(again, parts.rows("correct"))
    write_arrays(
        files.scores(name),
        score=proposal.score, suggested=proposal.suggested, score_all=store.propose(whole, tested).score,
        **calibration.cell_arrays(),
    )  # fmt: skip
