"""A base classifier of a run, alone or with a patch beside it, for new pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mien import correctors
from mien.certify.calibration_set import Calibration
from mien.certify.policy import Policy
from mien.correctors.contract import Corrector, load_corrector, read_out_for, requested_features
from mien.data.deep import Ranges
from mien.data.images import ranges_of, read_pictures
from mien.data.provenance import KNOWN, Provenance
from mien.deploy.patch import Patch, Witness
from mien.errors import RunError, UsageError, choice_error
from mien.machine import cores
from mien.nets import saved
from mien.nets.device import one_thread
from mien.nets.extraction import extract
from mien.nets.network import Network
from mien.storage.files import as_storage_error, read_arrays
from mien.storage.layout import APPLIED, CARD, FULL, CellFolder, cell_folders, without
from mien.storage.run import Run
from mien.types import Dataset, Decision, Outputs, Problem
from mien.workers import in_order

CHUNK = 512
"""Pictures looked at together."""


@dataclass(frozen=True)
class PredictionBatch:
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
    """A base classifier with at most one patch.

    Attributes
    ----------
    model, card : the base classifier, with a column for each class of the patch.
    patch : what stands beside it.
    """

    model: Network
    card: saved.ModelCard
    patch: Patch | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that may be answered."""
        return self.patch.classes if self.patch else self.card.classes

    def answers(self, paths: Sequence[Path], ranges: Ranges | None = None) -> Iterator[PredictionBatch]:
        """Answers to all pictures, in order, some hundred at a time; memory does not grow with their number.

        Black and white of pictures of more than 8 bits are `ranges`, or follow from all of `paths`.

        One thread reads, and each core looks at pictures of its own: that is faster than all cores on the same ones.
        """
        chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
        ranges = ranges or ranges_of(paths)[0]
        read = partial(read_pictures, classes=self.card.classes, settings=self.card.images, ranges=ranges)
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(cores(), initializer=one_thread) as lookers:
            data = in_order(reader, read, chunks, 2 * cores())
            looked_at = in_order(lookers, self._look, data, 1 + cores())
            for chunk, (outputs, decision, problems) in zip(chunks, looked_at, strict=True):
                yield PredictionBatch(chunk, outputs, decision, problems)

    def _look(self, data: Dataset) -> tuple[Outputs, Decision, tuple[Problem, ...]]:
        if self.patch is None:
            outputs = extract(self.model, data.pictures, data.ids, vectors=())
            silent = np.zeros(len(outputs), bool)
            return outputs, Decision(outputs.ids, outputs.predicted, outputs.predicted, silent), data.problems
        outputs = extract(self.model, data.pictures, data.ids, **read_out_for(self.patch.correctors))
        return outputs, self.patch.decide(outputs), data.problems


def cell_of(place: Path, *, left_out: str | None = None, seed: int | None = None, flag: str = "--seed") -> Path:
    """The folder of a base classifier: `place` itself, or in a run the full one or the one without a class.

    Parameters
    ----------
    flag : what the seed was given by, for messages.

    Raises
    ------
    UsageError : no such class or seed in this run, or one of many classifiers. RunError : no run, or the cell is not
        finished.
    """
    if (place / CARD).exists():
        return place
    run = Run(place)
    manifest = run.manifest()
    if manifest.get("kind") == "compare":
        raise _of_comparison(run)
    with as_storage_error(run.path("run.json")):
        seed = manifest["seeds"][0] if seed is None else seed
        _ = len(manifest["left_out"])
    if seed not in manifest["seeds"]:
        raise choice_error("seed", str(seed), map(str, manifest["seeds"]), place=flag)
    if left_out is not None and not manifest["left_out"]:
        raise UsageError(
            "this run left no class out", place="--left-out", remedy="leave it out, or give a study's folder"
        )
    if left_out is not None and left_out not in manifest["left_out"]:
        raise choice_error("left-out class", left_out, manifest["left_out"], place="--left-out")
    cell = run.cell(seed, without(left_out) if left_out else FULL)
    if not cell.finished.exists():
        raise RunError(
            "is not finished", place=str(cell.path), remedy="run the study again: it goes on where it stopped"
        )
    return cell.path


def _of_comparison(run: Run) -> UsageError:
    """The error for a comparison in place of one of its classifiers, with the first of them as a hint."""
    models = [cell.path for _, _, cell in cell_folders(run.folder, CARD)]
    shown = f"such as {models[0]}" if models else "but none of its cells has one: run mien compare again to train them"
    cause = "holds a comparison of treatments, which has a classifier for each model, treatment and seed"
    return UsageError(cause, place=str(run.folder), remedy=f"give the folder of one of them, {shown}")


def load(
    place: Path,
    *,
    left_out: str | None = None,
    corrector: str | None = None,
    base: str | None = None,
    seed: int | None = None,
    patch: Path | None = None,
) -> Corrected:
    """The base classifier of a run (or of a folder with model.json), with what corrects it.

    That is the patch named or, if none is, with `left_out` the study's own corrector, else the patch applied to it. A
    base or a corrector from outside mien must be named again: a file alone may not choose what is imported.

    Raises
    ------
    UsageError : no such class, corrector or seed in this run. RunError : the cell is not finished, or the patch was
        made for another classifier.
    """
    folder = cell_of(place, left_out=left_out, seed=seed)
    model, card = saved.load(folder, base=base)
    if patch is None and left_out is not None:
        return Corrected(model, card, _of_study(Run(place), folder, model, card, left_out, corrector))
    if corrector and patch is None:
        raise UsageError(
            "the full model has no corrector", place="--corrector", remedy="name a class with --left-out as well"
        )
    if patch is None and is_patched(folder):
        patch = folder / APPLIED
    if patch is None:
        return Corrected(model, card)
    return with_patch(model, card, patch, corrector)


def is_patched(folder: Path) -> bool:
    """Whether a patch is applied to the classifier in a folder, a whole one or a damaged one."""
    return (folder / APPLIED).exists() or (folder / APPLIED).is_symlink()


def with_patch(model: Network, card: saved.ModelCard, folder: Path, corrector: str | None = None) -> Corrected:
    """A classifier with the patch in a folder; RunError where it was made for another one.

    Parameters
    ----------
    corrector : "module:Name" of the patch's corrector, where it is from outside mien.
    """
    from mien.deploy.patch import read_summary

    stored = read_summary(folder)
    if not saved.is_identity(stored["base"], model, card):
        remedy = "name the classifier that it was made for, or make one for this with mien correct"
        raise RunError("was made for another classifier", place=str(folder), remedy=remedy)
    with as_storage_error(folder / "patch.json"):
        count = len(stored["classes"])
        if tuple(stored["classes"][: len(card.classes)]) != card.classes:
            raise ValueError(f"its classes do not begin with {', '.join(card.classes)}")
    wide = saved.widened(model, card, count)

    def make(name: str, target: int | None) -> Corrector:
        outside = corrector if ":" in name else None
        return correctors.for_classifier(
            correctors.get_corrector(outside or name, outside=outside is not None), wide, target
        )

    patch = Patch.load(folder, make)
    for one in patch.correctors:
        if requested_features(one).layer not in ("", *model.layers):
            raise RunError(
                f"wants a layer {requested_features(one).layer!r}", place=str(folder), remedy="make the patch again"
            )
    return Corrected(wide, card, replace(patch, base=saved.fingerprint(model, card)))


def _of_study(
    run: Run, folder: Path, model: Network, card: saved.ModelCard, left_out: str, corrector: str | None
) -> Patch:
    """The corrector that a study fitted for the class, as a patch."""
    manifest = run.manifest()
    name = corrector or manifest["correctors"][-1]
    if name not in manifest["correctors"]:
        raise choice_error("corrector", name, manifest["correctors"], place="--corrector")
    target = card.classes.index(left_out)
    kind = correctors.get_corrector(name, outside=corrector is not None)
    fitted = load_corrector(correctors.for_classifier(kind, model, target), CellFolder(folder).corrector(name))
    seen = Calibration.of(read_arrays(CellFolder(folder).scores(name)), target)
    ids = np.arange(len(seen.score)).astype(str)
    witness = Witness(ids, seen.truth, seen.base, seen.group, seen.score[None], seen.suggested[None])
    return Patch(
        card.classes, np.array(card.known), (name,), (fitted,), manifest.part("policy").record(Policy), witness,
        saved.fingerprint(model, card), manifest["data"]["fingerprint"], provenance=Provenance(KNOWN),
    )  # fmt: skip
