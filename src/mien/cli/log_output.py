"""Where a log of decisions is written: to standard output as it comes, or to a file that appears when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mien.cli.options import PATH
from mien.errors import UsageError

if TYPE_CHECKING:
    from mien.deploy.decisions.rows import Columns, Row

Command = Callable[..., Any]
NAMES = ("jsonl", "csv", "parquet")
TOGETHER = 1_000
"""Rows of a table that are printed together."""


@dataclass(frozen=True)
class LogOutput:
    """What the flags of `output_options` ask for.

    Attributes
    ----------
    out : file to write; None for standard output. format : one of NAMES.
    resume, fresh : whether rows of a stopped call are continued, or given up.
    """

    out: Path | None
    format: str
    resume: bool = False
    fresh: bool = False

    @classmethod
    def of_flags(cls, out: Path | None, form: str | None, *, as_csv: bool, resume: bool, fresh: bool) -> LogOutput:
        """Check the flags; UsageError where they contradict one another."""
        from mien.deploy.decisions.formats import format_for

        if as_csv and form not in (None, "csv"):
            raise UsageError("--csv and --format contradict each other", place="--csv", remedy="give one of them")
        if resume and fresh:
            raise UsageError("--resume and --fresh contradict each other", place="--fresh", remedy="give one of them")
        if out is None and (resume or fresh):
            flag = "--resume" if resume else "--fresh"
            raise UsageError("is for a file", place=flag, remedy="name the file with --out")
        if out is not None and out.is_dir():
            raise UsageError(f"{out} is a folder", place="--out", remedy="name a file, such as answers.jsonl")
        return cls(out, format_for(out, "csv" if as_csv else form), resume, fresh)

    def print(self, batches: Iterable[list[Row]], columns: Columns) -> None:
        """Print rows as soon as each batch is there."""
        from mien.deploy.decisions.formats import FORMATS

        format = FORMATS[self.format]
        assert format.text is not None  # checked with the flags
        click.echo(format.header(columns), nl=False)
        for batch in batches:
            click.echo(format.text(batch, columns), nl=False)

    def write_at_once(self, rows: Iterator[Row], columns: Columns, sources: Sequence[Path]) -> None:
        """Print rows, or write them to the file, which then holds all of them or is as it was."""
        from mien.deploy.decisions.formats import check_columns, write_log
        from mien.deploy.decisions.unfinished import check_new
        from mien.storage.files import write_atomic
        from mien.storage.output import prepare_output

        if self.out is None:
            self.print(iter(lambda: list(islice(rows, TOGETHER)), []), columns)
            return
        check_columns(self.format, columns)
        with prepare_output(self.out, sources=sources):
            check_new(self.out, fresh=self.fresh)
            write_atomic(self.out, lambda file: write_log(file, self.format, rows, columns))


def output_options(command: Command) -> Command:
    """Add the flags --out, --format, --csv, --resume and --fresh."""
    for option in (
        click.option("--fresh", is_flag=True, help="with --out: start over; replace what is there"),
        click.option("--resume", is_flag=True, help="with --out: continue a call that was stopped"),
        click.option("--csv", "as_csv", is_flag=True, help="CSV instead of JSON lines, as --format csv"),
        click.option("--format", "form", type=click.Choice(NAMES), help="by default that of --out, or JSON lines"),
        click.option("--out", type=PATH, metavar="FILE", help="file to write, NAME.jsonl, .csv or .parquet"),
    ):
        command = option(command)
    return command
