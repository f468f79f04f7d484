"""Effect of a change, class by class: the full network of a run beside that of another, on the same pictures.

Made for reviews: a study of the data as given, one with `--reviews`, and the second's labels as the truth for both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from mien.errors import RunError, UsageError
from mien.experiments.tables import TABLES
from mien.metrics.intervals import mcnemar
from mien.report.common.layout import Cell, Table, section, stack
from mien.report.common.run_figures import cell, grouped, names, number, rows
from mien.report.study.certificates import ALL, test_cell
from mien.storage.files import read_arrays
from mien.storage.layout import FULL
from mien.storage.run import Run
from mien.types import row_name

TABLE = "beside"
SIDES = ("before", "after")


def compare(run: Run, other: Run) -> None:
    """Write tables/beside.csv of `run`: recall before and after on the pictures that both tested.

    The truth are the labels of `run`. Seeds, splits and classes may differ; only pictures of both test parts count.

    Raises
    ------
    RunError : one of them has no finished full network. UsageError : they share no seed or no test picture.
    """
    shared = [seed for seed in run.manifest()["seeds"] if seed in other.manifest()["seeds"]]
    if not shared:
        remedy = "give a run with one of the same seeds"
        raise UsageError("has no seed of this run", place=f"--beside {other.folder}", remedy=remedy)
    run.write_table(TABLES[TABLE], [row for seed in shared for row in _rows(run, other, seed)])


def _rows(run: Run, other: Run, seed: int) -> Iterator[dict[str, Any]]:
    classes = list(run.manifest()["classes"])
    after, before = (_answers(side, seed) for side in (run, other))
    both = sorted(after.keys() & before.keys())
    if not both:
        remedy = "give a run on the same pictures"
        raise UsageError("tested none of these pictures", place=f"--beside {other.folder}", remedy=remedy)
    truth = np.array([after[key][1] for key in both])
    right = np.array(
        [[side[key][0] == label for side in (before, after)] for key, label in zip(both, truth, strict=True)]
    )
    for label, own_rows in ((ALL, slice(None)), *((row_name(name), truth == name) for name in classes)):
        selected = right[own_rows]
        total, (before_hits, after_hits) = len(selected), selected.sum(0).tolist()
        harmed, repaired = (int((selected[:, side] & ~selected[:, 1 - side]).sum()) for side in (0, 1))
        yield {
            "seed": seed, "label": label, "total": total, "before_hits": before_hits, "after_hits": after_hits,
            "before": before_hits / total if total else math.nan, "after": after_hits / total if total else math.nan,
            "harmed": harmed, "repaired": repaired, "p": mcnemar(harmed, repaired) if total else math.nan,
        }  # fmt: skip


def _answers(run: Run, seed: int) -> dict[str, tuple[str, str]]:
    """Picture → (answer, truth) of the full network's test part, by name."""
    place = run.cell(seed, FULL).test
    if not place.exists():
        raise RunError("has no finished full network", place=str(run.folder), remedy="run it again: it continues")
    stored, classes = read_arrays(place), np.array(run.manifest()["classes"])
    answers, truth = classes[stored["probs"].argmax(1)], classes[stored["truth"]]
    return {
        key: (answer, label)
        for key, answer, label in zip(stored["ids"].tolist(), answers.tolist(), truth.tolist(), strict=True)
    }


@section("Beside another run", TABLE, needs=(TABLE,))
def beside(run: Run) -> Markup:
    """Recall of the full network of another run (before) and of this one (after), on the test pictures of both, by the
    labels of this run; and the exact McNemar test, with pictures harmed and repaired."""
    by_label = grouped(rows(run, TABLE), "label")
    lines = [
        (
            Cell("all pictures" if label == ALL else label),
            *(cell(number(by_label[label], side, f"{side}_hits", "total")) for side in SIDES),
            test_cell(by_label[label], of_target=False),
        )
        for label in (ALL, *map(row_name, names(run, "classes")))
        if label in by_label
    ]
    return stack(Table("", ("", "Before", "After", "p, and harmed / repaired"), lines))
