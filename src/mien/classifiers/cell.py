"""Find the folder of one classifier in a run."""

from __future__ import annotations

from pathlib import Path

from mien.classifiers.contract import Classifier
from mien.errors import RunError, UsageError, choice_error
from mien.storage.files import as_storage_error
from mien.storage.layout import ADOPTED, CARD, FULL, cell_folders, without
from mien.storage.run import RUN, Run


def holds_classifier(place: Path) -> bool:
    """Whether a folder is that of a run, of a base classifier or of an adopted one."""
    return any((place / name).is_file() for name in (CARD, ADOPTED, RUN.file))


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
    if (place / CARD).exists() or (place / ADOPTED).exists():
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
        remedy = "run the study again: it continues where it stopped"
        raise RunError("is not finished", place=str(cell.path), remedy=remedy)
    return cell.path


def _of_comparison(run: Run) -> UsageError:
    """The error for a comparison in place of one of its classifiers, with the first of them as a hint."""
    models = [cell.path for _, _, cell in cell_folders(run.folder, CARD)]
    shown = f"such as {models[0]}" if models else "but none of its cells has one: run mien compare again to train them"
    cause = "holds a comparison of treatments, which has a classifier for each model, treatment and seed"
    return UsageError(cause, place=str(run.folder), remedy=f"give the folder of one of them, {shown}")


def open_run(
    place: Path | str, *, left_out: str | None = None, seed: int | None = None, base: str | None = None
) -> Classifier:
    """The network in a folder, or the one of a run that `cell_of` names.

    Parameters
    ----------
    base : the network's class as module:Name, where it is from outside mien; of an adopted classifier, its code.
    """
    folder = cell_of(Path(place), left_out=left_out, seed=seed)
    if (folder / ADOPTED).exists():
        from mien.classifiers.adopted import open_adopted

        adopted = open_adopted(folder, base)
        if adopted.is_encoder:
            remedy = "give it beside a classifier: mien correct BASE DATA --features FOLDER"
            raise UsageError("is an encoder: it has features, and no answers", place=str(folder), remedy=remedy)
        return adopted
    from mien.classifiers.network import NetworkClassifier  # loads torch

    return NetworkClassifier.open(folder, base=base)
