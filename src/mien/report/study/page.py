"""The report of a study: one HTML file that needs nothing else, neither network nor scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.errors import RunError
from mien.experiments.tables import TABLES
from mien.report.common import layout
from mien.report.common.run_figures import names, rows
from mien.report.study.diff import TABLE, beside
from mien.report.study.sections import SECTIONS
from mien.storage.files import write_text
from mien.storage.layout import FULL, RETRAINED, without
from mien.storage.run import Run


def write(run: Run) -> Path:
    """Write OUT/report.html and return its path.

    Raises
    ------
    RunError
        Where there is no run, or it is not a study.
    StorageError
        Where the file cannot be written.
    """
    path = run.path("report.html")
    write_text(path, render(run))
    return path


def render(run: Run) -> str:
    """The report as HTML, from manifest, tables and samples.png alone; what is not there yet is said to be missing.

    The same run gives the same text.

    Raises
    ------
    RunError
        Where there is no run, or it is not a study.
    """
    manifest = run.manifest()
    if manifest.get("kind") != "study":
        raise RunError(
            f"is a run of kind {manifest.get('kind')!r}, not a study",
            place=str(run.folder),
            remedy="give the --out folder of mien study",
        )
    expected = _cells(run)
    finished = {f"seed{row['seed']}/{row['cell']}" for row in rows(run, "cost")}
    compared = [beside] if run.has_table(TABLES[TABLE]) else []
    content = layout.render(
        "page.html",
        kind="mien study",
        noun="study",
        title=f"Correcting {name_of(manifest, 'base')} on {name_of(manifest, 'data')}",
        facts=facts_of(manifest),
        seeds=len(names(run, "seeds")),
        expected=len(expected),
        missing=[cell for cell in expected if cell not in finished],
        sections=[section(run) for section in (*SECTIONS, *compared)],
    )
    return str(content)


def _cells(run: Run) -> list[str]:
    """The cells of a finished study: the references and one per left-out class, for each seed."""
    references = [FULL, RETRAINED] if run.manifest().get("settings", {}).get("retrained", True) else [FULL]
    keys = [*references, *map(without, names(run, "left_out"))]
    return [f"seed{seed}/{key}" for seed in names(run, "seeds") for key in keys]


def name_of(manifest: Mapping[str, Any], part: str) -> str:
    """The last part of the name of the base or of the data."""
    return str(manifest.get(part, {}).get("name", "?")).rstrip("/").rpartition("/")[2]


def facts_of(manifest: Mapping[str, Any]) -> list[str]:
    """What the reader wants to know first, in a line."""
    counted = {
        "left_out": ("class left out in turn", "classes left out in turn"),
        "correctors": ("corrector", "correctors"),
        "models": ("model", "models"),
        "treatments": ("treatment", "treatments"),
        "seeds": ("seed", "seeds"),
    }
    counts = [(len(manifest[key]), one, many) for key, (one, many) in counted.items() if key in manifest]
    data = manifest.get("data", {})
    facts = [f"{data['usable']:,} pictures".replace(",", "\u202f")] if "usable" in data else []
    facts += [f"{count} {one if count == 1 else many}" for count, one, many in counts]
    facts.append(str(manifest.get("started", ""))[:10])
    return [fact for fact in facts if fact]
