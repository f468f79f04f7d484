"""mien predict: label pictures, or the rows of tables."""

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
from mien.errors import DataError, UsageError
from mien.types import NO_LABEL, Decision, Problem
from mien.watch.fields import time_text

SHOWN = 20
"""Most lines that are printed on what is left out."""
LOGGED = ("patch", "score", "threshold", "time")
"""Columns that a decision has where a patch corrects."""
CHUNK = 10_000
"""Rows of a table corrected together."""
if TYPE_CHECKING:
    from mien.deploy.predictor import Predictions, Predictor


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option("--run", "run_folder", type=PATH, help="run folder of mien study or mien train; a table needs none")
@click.option("--left-out", help="use the model trained without this class, with its corrector")
@click.option("--patch", type=PATH, help="correct with this patch, of mien correct")
@click.option("--corrector", help="which of the study's correctors; the last by default")
@click.option("--base", help="base classifier from outside mien, as module:Name, if the run has one")
@seed_option
@click.option("--classifier-id", help="name of the classifier that gave a table of answers: that of the patch")
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of JSON lines")
def predict(
    files: tuple[Path, ...], run_folder: Path | None, classifier_id: str | None, as_csv: bool, **choices: Any
) -> None:
    """Label pictures, or correct a table of answers: one line each with label, probabilities and corrected label.

    Where a patch corrects, a line also has its id, score, threshold (empty: none is in force) and the time. Such lines
    are the log of decisions that mien watch reads.

    A folder means all pictures in and below it; files that are left out are counted on standard error. All pictures of
    more than 8 bits in one call are scaled alike, by the smallest usual range (8, 10, 12, 14 or 16 bits) that covers
    them.

    A table of answers (CSV, TSV, Parquet or NPZ) is corrected by --patch alone: a line for each row, with its id and
    its group.

    \b
    Example:
      mien predict photos/*.jpg --run runs/first --left-out disgust
      mien predict photos/ --run runs/base --patch fear.patch --csv
      mien predict new_answers.csv --patch fraud.patch
    """
    from mien.data.answers import is_table

    if any(map(is_table, files)):
        name = classifier_id or ""
        rows, classes = _rows_of_tables(files, choices.pop("patch"), name, {"run": run_folder, **choices})
        _write(rows, classes, (*LOGGED, "group"), as_csv, key="id")
        return
    if run_folder is None:
        raise click.MissingParameter(param_hint="'--run'", param_type="option")
    if classifier_id is not None:
        remedy = "leave it out: the classifier of a run is known by its weights"
        raise UsageError("is for tables of answers", place="--classifier-id", remedy=remedy)
    _predict_pictures(files, run_folder, as_csv, choices)


def _predict_pictures(files: tuple[Path, ...], run_folder: Path, as_csv: bool, choices: dict[str, Any]) -> None:
    from mien.data.images import ranges_of
    from mien.deploy.opening import open_predictor

    paths = expand(files)
    predictor = open_predictor(run_folder, **choices)
    ranges, notes = ranges_of(paths)
    for _, cause, remedy in notes:
        to_stderr(f"{cause} → {remedy}")
    patch_id = _announced(predictor)
    rows = (
        row
        for answers in predictor.stream_files(paths, ranges)
        for row in _rows(answers, predictor.classes, patch_id, "file")
    )
    failed = _write(rows, predictor.classes, LOGGED if patch_id else (), as_csv, key="file")
    if failed:
        to_stderr(f"{failed} of {len(paths)} pictures could not be read")
        click.get_current_context().exit(1 if failed == len(paths) else 0)


def _rows_of_tables(
    files: tuple[Path, ...], patch: Path | None, name: str, of_pictures: dict[str, Any]
) -> tuple[Iterator[dict[str, Any]], tuple[str, ...]]:
    """The corrected rows of tables, and the classes; all tables are checked before the first row."""
    from mien.data.answers import is_table
    from mien.deploy.opening import open_answers

    for flag, value in of_pictures.items():
        if value is not None:
            remedy = "leave it out: a table of answers is corrected by --patch alone"
            raise UsageError("is for pictures", place=f"--{flag.replace('_', '-')}", remedy=remedy)
    pictures = [path for path in files if not is_table(path)]
    if pictures:
        remedy = "call mien predict once for tables and once for pictures"
        raise UsageError("is no table, and others are", place=str(pictures[0]), remedy=remedy)
    if patch is None:
        remedy = "name the patch that corrects them with --patch"
        raise UsageError("a table has its answers already", place=str(files[0]), remedy=remedy)
    opened = [open_answers(path, patch, name) for path in files]
    for _, answers in opened:
        for note in answers.notes:
            to_stderr(f"note: {answers.path}: {note}")
    patch_id = _announced(opened[0][0])

    def rows() -> Iterator[dict[str, Any]]:
        for predictor, answers in opened:
            ids = answers.outputs.ids
            groups = {} if answers.groups is None else dict(zip(ids.tolist(), answers.groups.tolist(), strict=True))
            chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
            for predictions in predictor.stream(chunks):
                for row in _rows(predictions, predictor.classes, patch_id, "id"):
                    yield {**row, "group": groups.get(row["id"], "")}

    return rows(), opened[0][0].classes


def _announced(predictor: Predictor) -> str:
    """The id of the patch, "" for none; what an alarm put in force is printed to standard error."""
    patch = predictor.patch
    if patch is not None and patch.restraint:
        to_stderr(f"note: {patch.restraint}")
    return "" if patch is None else patch.id


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


def _rows(answers: Predictions, classes: tuple[str, ...], patch: str, key: str) -> Iterator[dict[str, Any]]:
    outputs, decision = answers.outputs, answers.decision
    place = {name: row for row, name in enumerate(outputs.ids.tolist())}
    causes = {problem.place: problem.cause for problem in answers.problems}
    for each in answers.ids:
        if each not in place:
            yield {key: each, "error": causes.get(each, "cannot be read")}
            continue
        row = place[each]
        final = int(decision.final[row])
        logged = {"patch": patch, **_figures(decision, row), "time": time_text()} if patch else {}
        yield {
            key: each,
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


def _write(
    rows: Iterator[dict[str, Any]], classes: tuple[str, ...], logged: tuple[str, ...], as_csv: bool, *, key: str
) -> int:
    """Print the rows as JSON lines or CSV, and return how many pictures could not be read."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if as_csv:
        writer.writerow([key, "label", "corrected", "overridden", *classes, "error", *logged])
    failed = 0
    for row in rows:
        if as_csv:
            writer.writerow(_csv_values(row, classes, logged, key))
        else:
            print_json(row, indent=None)
        failed += "error" in row
    return failed


def _csv_values(row: dict[str, Any], classes: tuple[str, ...], logged: tuple[str, ...], key: str) -> list[Any]:
    if "error" in row:
        return [row[key], "", "", "", *("" for _ in classes), row["error"], *("" for _ in logged)]
    first = [row[key], row["label"], row["corrected"], int(row["overridden"])]
    cells = [*first, *row["probabilities"].values(), "", *(row[name] for name in logged)]
    return ["" if cell is None else cell for cell in cells]
