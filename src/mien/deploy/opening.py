"""Open what is deployed: the classifier of a run, folder or table, and the patch or corrector beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.certify.policy import Policy
from mien.classifiers.borrowing import Encoder, reopened
from mien.classifiers.cell import cell_of, open_run
from mien.classifiers.contract import Classifier, is_identity
from mien.classifiers.feature_store import build_corrector
from mien.classifiers.table import of_answers
from mien.correctors.contract import Corrector, Target, requested_features
from mien.data.answers import Answers, read_answers
from mien.data.provenance import KNOWN, Provenance
from mien.deploy.patch import Patch
from mien.deploy.patch_io import PATCH, REMEDY
from mien.deploy.patch_record import PatchRecord
from mien.deploy.predictor import Predictor
from mien.deploy.saved_corrector import load_corrector
from mien.deploy.watch_io import read_watch, restraint_of
from mien.errors import RunError, UsageError, choice_error
from mien.storage.files import Record, as_storage_error, read_arrays
from mien.storage.layout import APPLIED, CellFolder
from mien.storage.run import Run
from mien.types import plain


def open_predictor(
    place: Path,
    *,
    left_out: str | None = None,
    corrector: str | None = None,
    base: str | None = None,
    seed: int | None = None,
    patch: Path | None = None,
) -> Predictor:
    """The classifier of a run, or of a folder with model.json, with what corrects it.

    That is the patch named or, if none is, with `left_out` the study's own corrector, else the patch applied to it. A
    network or a corrector from outside mien must be named again: a file alone may not choose what is imported.

    Raises
    ------
    UsageError : no such class, corrector or seed in this run. RunError : the cell is not finished, or the patch was
        made for another classifier.
    """
    folder = cell_of(place, left_out=left_out, seed=seed)
    classifier = open_run(folder, base=base)
    if patch is None and left_out is not None:
        return Predictor(classifier, _of_study(Run(place), folder, classifier, left_out, corrector))
    if corrector and patch is None:
        raise UsageError(
            "the full model has no corrector", place="--corrector", remedy="name a class with --left-out as well"
        )
    if patch is None and is_patched(folder):
        patch = folder / APPLIED
    return Predictor(classifier, None if patch is None else load_patch(patch, classifier, corrector))


def open_answers(table: Path, patch: Path, name: str = "") -> tuple[Predictor, Answers]:
    """A patch beside the classifier that gave the answers in a table, and the answers; the rows need no labels.

    Parameters
    ----------
    table : with the columns that the patch was made with; others play no part. name : of the classifier, compared with
        the name that the patch has, where both are there.

    Raises
    ------
    UsageError : the patch is for pictures, or for a classifier of another name. DataError : other classes or features.
    """
    record = PatchRecord.read(patch)
    columns = record.columns
    if columns is None:
        remedy = "name the classifier that it was made for with --run, and pictures"
        raise UsageError("is no patch for tables of answers", place=str(patch), remedy=remedy)
    if name and columns.name and name != columns.name:
        cause = f"the patch was made for the classifier {plain(columns.name)!r}, not {plain(name)!r}"
        raise UsageError(cause, place="--classifier-id", remedy="give answers of that classifier, or make a new patch")
    answers = read_answers(table, columns)
    classifier = of_answers(answers, columns.name)
    return Predictor(classifier, load_patch(patch, classifier)), answers


def is_patched(folder: Path) -> bool:
    """Whether a patch is applied to the classifier in a folder, a whole one or a damaged one."""
    return (folder / APPLIED).exists() or (folder / APPLIED).is_symlink()


def load_patch(folder: Path, classifier: Classifier, corrector: str | None = None) -> Patch:
    """Read the patch in a folder, for the classifier that it was made for; what its watch put in force is in force.

    Parameters
    ----------
    corrector : "module:Name" of the patch's corrector, where it is from outside mien.

    Raises
    ------
    RunError : it was made for another classifier, is damaged (its watch, too), or is no patch.
    """
    stored, card = PATCH.read(folder, REMEDY), classifier.card
    if not is_identity(classifier, str(stored["base"])):
        remedy = "name the classifier that it was made for, or make one for this with mien correct"
        raise RunError("was made for another classifier", place=str(folder), remedy=remedy)
    with as_storage_error(folder / PATCH.file):
        classes = tuple(stored["classes"])
        if classes[: len(card.classes)] != card.classes:
            raise ValueError(f"its classes do not begin with {', '.join(card.classes)}")

    def make(name: str, target: Target) -> Corrector:
        outside = corrector if ":" in name else None
        kind = correctors.get_corrector(outside or name, outside=outside is not None)
        return build_corrector(kind, classifier, target, len(classes))

    patch = Patch.load(folder, make, encoders_of(stored, folder))
    maps = {layer.name for layer in card.layers if layer.kind == "map"}
    for record in patch.correctors:
        for layer in requested_features(record).maps:
            if layer not in maps:
                raise RunError(f"wants a layer {layer!r}", place=str(folder), remedy="make the patch again")
    return replace(patch, base=card.id, restraint=restraint_of(read_watch(folder, patch.id), folder))


def encoders_of(stored: Record, folder: Path) -> tuple[Encoder, ...]:
    """The networks whose features a patch borrows: where they lay when it was made, or else beside its folder.

    Raises
    ------
    RunError : one is not there, or is another one.
    """
    with as_storage_error(folder / PATCH.file, REMEDY):
        named = [dict(each) for each in stored.get("features", ())]  # earlier versions had none
        return tuple(reopened(each, folder.resolve().parent) for each in named)


def _of_study(run: Run, folder: Path, classifier: Classifier, left_out: str, corrector: str | None) -> Patch:
    """The corrector that a study fitted for the class, as a patch."""
    manifest, card = run.manifest(), classifier.card
    name = corrector or manifest["correctors"][-1]
    if name not in manifest["correctors"]:
        raise choice_error("corrector", name, manifest["correctors"], place="--corrector")
    target = card.classes.index(left_out)
    kind = correctors.get_corrector(name, outside=corrector is not None)
    unfitted = build_corrector(kind, classifier, target)
    files = CellFolder(folder)
    fitted = load_corrector(unfitted, files.corrector(name))
    calibration = CalibrationSet.of_cell(read_arrays(files.scores(name)), target)
    return Patch(
        card.classes, card.known_mask, (name,), (fitted,), Policy.of_stored(manifest.part("policy")), calibration,
        card.id, manifest["data"]["fingerprint"], provenance=Provenance(KNOWN),
    )  # fmt: skip
