"""mien predict: label pictures, or the rows of tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mien.cli.log_output import LogOutput, output_options
from mien.cli.looking import Looking
from mien.cli.options import PATH, SECONDS, options, seed_option
from mien.errors import UsageError
from mien.faces.settings import FinderSettings


@click.command()
@click.argument("files", metavar="[BASE] FILES...", nargs=-1, required=True, type=PATH)
@click.option("--run", "run_folder", type=PATH, help="BASE, if it is not the first of the arguments")
@click.option("--left-out", help="use the model trained without this class, with its corrector")
@click.option("--patch", type=PATH, help="correct with this patch, of mien correct")
@click.option("--corrector", help="which of the study's correctors; the last by default")
@click.option("--base", help="base classifier from outside mien, as module:Name, if the run has one")
@seed_option
@click.option("--classifier-id", help="name of the classifier that gave a table of answers: that of the patch")
@click.option("--explain", type=PATH, metavar="DIR", help="write a heat map for each overridden picture into DIR")
@click.option("--workers", type=click.IntRange(1), help="threads that decode, and that answer; by default all cores")
@click.option("--every", type=SECONDS, help="time from frame to frame of a video, as 0.5s; by default all frames")
@options(FinderSettings)
@output_options
def predict(files: tuple[Path, ...], run_folder: Path | None, classifier_id: str | None, **choices: Any) -> None:
    """Label pictures, or correct a table of answers: one line each with label, probabilities and corrected label.

    BASE is the folder of a run, or of a classifier that mien adopt took in; a table needs none. FILES are pictures,
    folders (all pictures in and below them), quoted globs such as 'photos/**/*.jpg', ZIP and TAR archives, videos,
    camera:0, and - for a list of paths on standard input, one a line or separated by NUL. Files that are left out are
    counted on standard error. With --faces, each face of a picture or frame has a row.

    Where a patch corrects, a line also has its id, score, threshold (empty: none is in force) and the time. Such lines
    are the log of decisions that mien watch reads.

    With --explain, DIR gets a picture for each overridden one: where it carries the corrector's score, as a heat map.
    The column explanation has its file.

    With --out, the file appears when it is whole. A call that was stopped, by whatever, is continued by the same
    command with --resume, and gives the same file.

    All picture files of more than 8 bits in one call are scaled alike, by the smallest usual range (8, 10, 12, 14 or 16
    bits) that covers them; in archives and lists, each by the range that covers it alone.

    A table of answers (CSV, TSV, Parquet or NPZ) is corrected by --patch alone: a line for each row, with its id and
    its group.

    \b
    Example:
      mien predict runs/base photos/ more.zip --patch fear.patch --out answers.parquet
      mien predict runs/base clip.mp4 --faces retina --every 0.5s --csv
      mien predict photos/*.jpg --run runs/first --left-out disgust
      find photos -name '*.jpg' -print0 | mien predict runs/base - --csv
      mien predict new_answers.csv --patch fraud.patch
    """
    from mien.classifiers.cell import holds_classifier
    from mien.cli.predict_pictures import predict_pictures
    from mien.cli.predict_tables import correct_tables
    from mien.data.answers import is_table

    looking = Looking.of_flags(choices)
    flags = {name: choices.pop(name) for name in ("as_csv", "resume", "fresh")}
    output = LogOutput.of_flags(choices.pop("out"), choices.pop("form"), **flags)
    if run_folder is None and holds_classifier(files[0]):
        run_folder, files = files[0], files[1:]
    if not files:
        raise click.MissingParameter(param_hint="'FILES...'", param_type="argument")
    if any(map(is_table, files)):
        of_pictures = {"run": run_folder, **looking.given, **choices}
        correct_tables(files, of_pictures.pop("patch"), classifier_id or "", output, of_pictures)
        return
    if run_folder is None:
        raise click.MissingParameter(param_hint="'--run'", param_type="option")
    if classifier_id is not None:
        remedy = "leave it out: the classifier of a run is known by its weights"
        raise UsageError("is for tables of answers", place="--classifier-id", remedy=remedy)
    predict_pictures(files, run_folder, output, looking, choices)
