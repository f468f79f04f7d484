"""A base classifier of a finished run with its corrector, for new pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mien import correctors
from mien.correctors.calibration import Calibration
from mien.correctors.contract import Corrector, wanted_by
from mien.correctors.policy import Certified, Policy, decide
from mien.data.images import read_pictures
from mien.errors import RunError, UsageError, choice_error
from mien.machine import cores
from mien.models import saved
from mien.models.classifier import Classifier
from mien.models.device import one_thread
from mien.models.latents import GRIDS, extract
from mien.runs import FULL, WITHOUT, Run, read_arrays
from mien.types import Dataset, Decision, LabelSet, Outputs, Problem
from mien.workers import in_order

CHUNK = 512
"""Pictures looked at together."""


@dataclass(frozen=True)
class Answers:
    """What is said of some pictures.

    Attributes
    ----------
    paths : all of them, in order.
    outputs, decision : of those that can be read; ids are paths.
    problems : what is wrong with any, each with its path as place.
    """

    paths: Sequence[Path]
    outputs: Outputs
    decision: Decision
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Corrected:
    """A base classifier with at most one corrector, as a run keeps them.

    Attributes
    ----------
    model, card : the base classifier.
    corrector, certified, action : what stands beside it, with its thresholds; None without one.
    """

    model: Classifier
    card: saved.ModelCard
    corrector: Corrector | None = None
    certified: Certified | None = None
    action: str = "relabel"

    def answers(self, paths: Sequence[Path]) -> Iterator[Answers]:
        """Answers to all pictures, in order, some hundred at a time; memory does not grow with their number.

        One thread reads, and each core looks at pictures of its own: that is faster than all cores on the same ones.
        """
        chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
        read = partial(read_pictures, classes=self.card.classes, settings=self.card.images)
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(cores(), initializer=one_thread) as lookers:
            data = in_order(reader, read, chunks, 2 * cores())
            looked_at = in_order(lookers, self._look, data, 1 + cores())
            for chunk, (outputs, problems) in zip(chunks, looked_at, strict=True):
                yield Answers(chunk, outputs, self._decide(outputs), problems)

    def _look(self, data: Dataset) -> tuple[Outputs, tuple[Problem, ...]]:
        grids, taps = (GRIDS, [wanted_by(self.corrector).tap]) if self.corrector else ((), [])
        maps = [tap for tap in taps if tap]
        return extract(self.model, data.pictures, data.ids, grids=grids, maps=maps), data.problems

    def _decide(self, outputs: Outputs) -> Decision:
        base = outputs.predicted
        if self.corrector is None or self.certified is None or not len(outputs):
            return Decision(outputs.ids, base, base, np.zeros(len(base), bool))
        return decide(self.corrector.propose(outputs), base, self.certified.thresholds, self.action)


def load(
    run: Run,
    *,
    left_out: str | None = None,
    corrector: str | None = None,
    base: str | None = None,
    seed: int | None = None,
) -> Corrected:
    """The full base classifier of a run or, with `left_out`, the one without that class, and its corrector.

    A base or a corrector from outside mien must be named again: a file alone may not choose what is imported.

    Raises
    ------
    UsageError : no such class, corrector or seed in this run. RunError : the cell is not finished.
    """
    manifest = run.manifest()
    seed = manifest["seeds"][0] if seed is None else seed
    if seed not in manifest["seeds"]:
        raise choice_error("seed", str(seed), map(str, manifest["seeds"]), place="--seed")
    if left_out is not None and left_out not in manifest["left_out"]:
        raise choice_error("left-out class", left_out, manifest["left_out"], place="--left-out")
    folder = run.path("cells", f"seed{seed}", WITHOUT + left_out if left_out else FULL)
    if not (folder / "cell.json").exists():
        raise RunError("is not finished", place=str(folder), remedy="run the study again: it goes on where it stopped")
    model, card = saved.load(folder, base=base)
    if left_out is None:
        if corrector:
            raise UsageError(
                "the full model has no corrector", place="--corrector", remedy="name a class with --left-out as well"
            )
        return Corrected(model, card)
    name = corrector or manifest["correctors"][-1]
    if name not in manifest["correctors"]:
        raise choice_error("corrector", name, manifest["correctors"], place="--corrector")
    policy = manifest["policy"].record(Policy)
    target = card.classes.index(left_out)
    kind = correctors.find(name, outside=corrector is not None)
    fitted = correctors.beside(kind, model, target).restore(read_arrays(folder / "correctors" / f"{name}.npz"))
    calibration = Calibration.of(read_arrays(folder / "scores" / f"{name}.npz"))
    certified = calibration.certified(LabelSet(card.classes), target, policy, np.array(card.known))
    return Corrected(model, card, fitted, certified, policy.action)
