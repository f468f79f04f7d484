"""What mien predict does with tables of answers: the rows are corrected by a patch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.cli.failures import to_stderr
from mien.cli.log_output import LogOutput
from mien.errors import UsageError

if TYPE_CHECKING:
    from mien.data.answers import Answers
    from mien.deploy.decisions.rows import Row
    from mien.deploy.predictor import Predictor

CHUNK = 10_000
"""Rows of a table corrected together."""


def correct_tables(
    files: tuple[Path, ...], patch: Path | None, name: str, output: LogOutput, of_pictures: dict[str, Any]
) -> None:
    """Write the corrected rows of tables; all tables are checked before the first row.

    Parameters
    ----------
    name : of the classifier, "" for none. of_pictures : values of flags that are for pictures alone.
    """
    from mien.deploy.decisions.rows import Columns
    from mien.deploy.opening import open_answers

    given = {**of_pictures, "resume": output.resume or None}
    _check(files, patch, given)
    assert patch is not None
    opened = [open_answers(path, patch, name) for path in files]
    for _, answers in opened:
        for note in answers.notes:
            to_stderr(f"note: {answers.path}: {note}")
    predictor = opened[0][0]
    columns = Columns(predictor.classes, announced(predictor), "id", last=("group",))
    rows = (row for predictor, answers in opened for row in _corrected(predictor, answers, columns))
    output.write_at_once(rows, columns, files)


def announced(predictor: Predictor) -> str:
    """The id of the patch, "" for none; what an alarm put in force is printed to standard error."""
    patch = predictor.patch
    if patch is not None and patch.restraint:
        to_stderr(f"note: {patch.restraint}")
    return "" if patch is None else patch.id


def _check(files: tuple[Path, ...], patch: Path | None, of_pictures: dict[str, Any]) -> None:
    from mien.data.answers import is_table

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


def _corrected(predictor: Predictor, answers: Answers, columns: Any) -> Iterator[Row]:
    from mien.deploy.decisions.rows import rows_of

    ids = answers.outputs.ids
    groups = {} if answers.groups is None else dict(zip(ids.tolist(), answers.groups.tolist(), strict=True))
    chunks = (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
    for predictions in predictor.stream(chunks):
        for row in rows_of(predictions, columns):
            yield {**row, "group": groups.get(row["id"], "")}
