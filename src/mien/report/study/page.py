"""The report of a study: one HTML file that needs nothing else, neither network nor scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mien.experiments.tables import TABLES
from mien.report.common.again import again
from mien.report.common.frame import RunPage, name_of
from mien.report.common.layout import Section
from mien.report.common.run_figures import names, rows
from mien.report.study.certificates import certificates, mcnemar
from mien.report.study.diff import TABLE, beside
from mien.report.study.experiment import classes, cost, scheme, training
from mien.report.study.headline import headline
from mien.report.study.ranking import confusion, curves, ranking
from mien.report.study.results import gain, restored, retention_harm
from mien.storage.files import write_text
from mien.storage.layout import FULL, RETRAINED, without
from mien.storage.run import Run

PAGE = RunPage("study", "mien study", "study")
SECTIONS: tuple[Callable[[Run], Section], ...] = (
    headline,
    classes,
    scheme,
    training,
    retention_harm,
    gain,
    restored,
    curves,
    ranking,
    confusion,
    certificates,
    mcnemar,
    cost,
    again,
)
"""The sections of the page, in order. A section is a function Run → Section; to add one, write it and name it here."""


def write(run: Run) -> Path:
    """Write OUT/report.html and return its path.

    Raises
    ------
    RunError : there is no run, or it is not a study. StorageError : the file cannot be written.
    """
    path = run.path("report.html")
    write_text(path, render(run))
    return path


def render(run: Run) -> str:
    """The report as HTML, from manifest, tables and samples.png alone; it names what is not finished yet.

    The same run gives the same text.
    """
    manifest = PAGE.manifest(run)
    finished = {f"seed{row['seed']}/{row['cell']}" for row in rows(run, "cost")}
    compared = [beside] if run.has_table(TABLES[TABLE]) else []
    title = f"Correcting {name_of(manifest, 'base')} on {name_of(manifest, 'data')}"
    return PAGE.render(run, title, _cells(run), finished, (*SECTIONS, *compared))


def _cells(run: Run) -> list[str]:
    """The cells of a finished study: the references and one per left-out class, for each seed."""
    references = [FULL, RETRAINED] if run.manifest().get("settings", {}).get("retrained", True) else [FULL]
    keys = [*references, *map(without, names(run, "left_out"))]
    return [f"seed{seed}/{key}" for seed in names(run, "seeds") for key in keys]
