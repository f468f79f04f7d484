"""mien predict: label pictures."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.cli.failures import to_stderr
from mien.cli.options import PATH, seed_option
from mien.cli.terminal import print_json
from mien.errors import DataError
from mien.types import NO_LABEL, Decision, Problem
from mien.watch.fields import time_text

SHOWN = 20
"""Most lines that are printed on what is left out."""
LOGGED = ("patch", "score", "threshold", "time")
"""Columns that a decision has where a patch corrects."""
if TYPE_CHECKING:
    from mien.deploy.predictor import Predictions


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--run", "run_folder", required=True, type=PATH, help="run folder of mien study or mien train")
@click.option("--left-out", help="use the model trained without this class, with its corrector")
@click.option("--patch", type=PATH, help="correct with this patch, of mien correct")
@click.option("--corrector", help="which of the study's correctors; the last by default")
@click.option("--base", help="base classifier from outside mien, as module:Name, if the run has one")
@seed_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of JSON lines")
def predict(files: tuple[Path, ...], run_folder: Path, as_csv: bool, **choices: Any) -> None:
    """Label pictures: one line each with label, probabilities and corrected label.

    Where a patch corrects, a line also has its id, score, threshold (empty: none is in force) and the time. Such lines
    are the log of decisions that mien watch reads.

    A folder means all pictures in and below it; files that are left out are counted on standard error. All pictures of
    more than 8 bits in one call are scaled alike, by the smallest usual range (8, 10, 12, 14 or 16 bits) that covers
    them.

    \b
    Example:
      mien predict photos/*.jpg --run runs/first --left-out disgust
      mien predict photos/ --run runs/base --patch fear.patch --csv
    """
    from mien.data.images import ranges_of
    from mien.deploy.opening import open_predictor

    paths = expand(files)
    predictor = open_predictor(run_folder, **choices)
    classes = predictor.classes
    ranges, notes = ranges_of(paths)
    for _, cause, remedy in notes:
        to_stderr(f"{cause} → {remedy}")
    patch = predictor.patch
    if patch is not None and patch.restraint:
        to_stderr(f"note: {patch.restraint}")
    patch_id = "" if patch is None else patch.id
    rows = (row for answers in predictor.stream_files(paths, ranges) for row in _rows(answers, classes, patch_id))
    failed = _write(rows, classes, LOGGED if patch_id else (), as_csv)
    if failed:
        to_stderr(f"{failed} of {len(paths)} pictures could not be read")
        click.get_current_context().exit(1 if failed == len(paths) else 0)


def expand(files: tuple[Path, ...]) -> list[Path]:
    """The pictures among the files and in the folders, each once; what is left out is printed to standard error.

    Raises
    ------
    DataError : a folder holds no picture that can be read.
    """
    from mien.data.files import images_in

    pictures: list[Path] = []
    problems: list[Problem] = []
    for place in files:
        inside, left_out = images_in(place)
        if not inside:
            why = f": {left_out[0].cause}" if left_out else ""
            remedy = left_out[0].remedy if left_out else "name picture files or a folder of them"
            raise DataError(f"no picture in this folder{why}", place=str(place), remedy=remedy)
        pictures += inside
        problems += left_out
    for problem in problems[:SHOWN]:
        to_stderr(f"left out: {problem}")
    if len(problems) > SHOWN:
        to_stderr(f"left out: {len(problems) - SHOWN} more folders")
    return list(dict.fromkeys(pictures))


def _rows(answers: Predictions, classes: tuple[str, ...], patch: str) -> Iterator[dict[str, Any]]:
    outputs, decision = answers.outputs, answers.decision
    place = {name: row for row, name in enumerate(outputs.ids.tolist())}
    causes = {problem.place: problem.cause for problem in answers.problems}
    for path in answers.ids:
        if path not in place:
            yield {"file": path, "error": causes.get(path, "cannot be read")}
            continue
        row = place[path]
        final = int(decision.final[row])
        logged = {"patch": patch, **_figures(decision, row), "time": time_text()} if patch else {}
        yield {
            "file": path,
            "label": classes[decision.base[row]],
            "corrected": None if final == NO_LABEL else classes[final],
            "overridden": bool(decision.overridden[row]),
            "probabilities": {
                name: round(float(value), 6) for name, value in zip(classes, outputs.probs[row], strict=True)
            },
            **logged,
        }


def _figures(decision: Decision, row: int) -> dict[str, float | None]:
    """Score and threshold; None for a threshold that is never exceeded."""
    figures = {"score": decision.score, "threshold": decision.threshold}
    values = {name: float(array[row]) for name, array in figures.items() if array is not None}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _write(rows: Iterator[dict[str, Any]], classes: tuple[str, ...], logged: tuple[str, ...], as_csv: bool) -> int:
    """Print the rows as JSON lines or CSV, and return how many pictures could not be read."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if as_csv:
        writer.writerow(["file", "label", "corrected", "overridden", *classes, "error", *logged])
    failed = 0
    for row in rows:
        if as_csv:
            writer.writerow(_csv_values(row, classes, logged))
        else:
            print_json(row, indent=None)
        failed += "error" in row
    return failed


def _csv_values(row: dict[str, Any], classes: tuple[str, ...], logged: tuple[str, ...]) -> list[Any]:
    if "error" in row:
        return [row["file"], "", "", "", *("" for _ in classes), row["error"], *("" for _ in logged)]
    first = [row["file"], row["label"], row["corrected"], int(row["overridden"])]
    cells = [*first, *row["probabilities"].values(), "", *(row[name] for name in logged)]
    return ["" if cell is None else cell for cell in cells]
