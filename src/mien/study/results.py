"""Reading a finished run: how a base classifier did on test, and a classifier with its corrector for new pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien import correctors
from mien.correctors.calibration import Calibration
from mien.correctors.contract import Corrector
from mien.correctors.policy import Certified, Policy, decide
from mien.data.images import decode
from mien.errors import RunError, UsageError, choice_error
from mien.metrics.classification import accuracy, macro_recall, recall
from mien.metrics.intervals import wilson
from mien.models import saved
from mien.models.classifier import Classifier
from mien.models.latents import GRIDS, extract
from mien.runs import FULL, WITHOUT, Run, read_arrays
from mien.types import NO_LABEL, Dataset, Decision, LabelSet, Outputs, Problem, texts

CHUNK = 512
"""Pictures read at once, while those before them are looked at."""


def recalls_on_test(run: Run, seed: int, key: str = FULL) -> dict[str, Any]:
    """Recall per class with its Wilson interval, accuracy and macro recall of a cell's base classifier on test."""
    classes = run.manifest()["classes"]
    folder = run.path("cells", f"seed{seed}", key)
    tested = read_arrays(folder / "test.npz")
    answers = tested["probs"].argmax(1)
    rates = recall(tested["truth"], answers, len(classes))
    low, high = wilson(rates.hits, rates.totals)
    rows = zip(
        classes,
        rates.hits.tolist(),
        rates.totals.tolist(),
        rates.values.tolist(),
        low.tolist(),
        high.tolist(),
        strict=True,
    )
    return {
        "classes": [
            {
                "class": name,
                "hits": hits,
                "total": total,
                "recall": _number(rate),
                "low": _number(least),
                "high": _number(most),
            }
            for name, hits, total, rate, least, most in rows
        ],
        "accuracy": accuracy(tested["truth"], answers),
        "macro_recall": macro_recall(tested["truth"], answers, len(classes)),
        "model": str(folder),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


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

    def answer(self, paths: Sequence[Path]) -> tuple[Outputs, Decision, tuple[Problem, ...]]:
        """Outputs and decision for every picture that can be read (ids are paths), a Problem for each other one."""
        chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)] or [paths]
        found: list[Outputs] = []
        problems: list[Problem] = []
        with ThreadPoolExecutor(1) as reader:  # reads the next pictures while these are looked at
            for data in reader.map(self._read, chunks):
                found.append(extract(self.model, data.pictures, data.ids, grids=GRIDS if self.corrector else ()))
                problems += data.problems
        outputs = Outputs.joined([part for part in found if len(part)] or found[:1])
        base = outputs.predicted
        if self.corrector is None or self.certified is None or not len(outputs):
            return outputs, Decision(outputs.ids, base, base, np.zeros(len(base), bool)), tuple(problems)
        proposal = self.corrector.propose(outputs)
        return outputs, decide(proposal, base, self.certified.thresholds, self.action), tuple(problems)

    def _read(self, paths: Sequence[Path]) -> Dataset:
        """The pictures that can be read, and a Problem for each other one."""
        names = texts([str(path) for path in paths])
        blank, labels = texts([""] * len(names)), np.full(len(names), NO_LABEL)
        listed = Dataset(names, labels, LabelSet(self.card.classes), blank, names, name="pictures")
        return decode(listed, self.card.images, keep=False)


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
    fitted = kind(target=target).restore(read_arrays(folder / "correctors" / f"{name}.npz"))
    calibration = Calibration.of(read_arrays(folder / "scores" / f"{name}.npz"))
    certified = calibration.certified(LabelSet(card.classes), target, policy, np.array(card.known))
    return Corrected(model, card, fitted, certified, policy.action)
