"""The picture of docs/foreign-figures.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.correction.drawings import WIDTH, _write
from mien.report.common.figures import GRID, INK, MUTED, STYLE, Look

Line = tuple[str, float, float]
"""A class (or a mean), and its figure before and after, as shares."""


def before_and_after(lines: Sequence[Line], apart: int, file: Path) -> None:
    """A row for each class: a hollow mark before, a full one after, and a line between them.

    Parameters
    ----------
    apart : number of the first lines, of all classes together, that stand above the others.
    """
    height = 0.9 + 0.3 * (len(lines) + 1)
    heights = [len(lines) - place + (0.5 if place < apart else 0) for place in range(len(lines))]
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.2, 0.55 / height, 0.76, (height - 1.0) / height))
        for (name, before, after), y in zip(lines, heights, strict=True):
            look = Look(0) if after >= before else Look(1)
            weight = "bold" if name in {line[0] for line in lines[:apart]} else "normal"
            axes.plot([100 * before, 100 * after], [y, y], color=look.colour, linewidth=2, zorder=1)
            axes.scatter(100 * before, y, s=34, facecolor="white", edgecolor=MUTED, linewidth=1.3, zorder=2)
            axes.scatter(100 * after, y, s=38, color=look.colour, zorder=3)
            better = after >= before
            axes.annotate(
                f"{100 * after:.0f}", (100 * after, y), (7 if better else -7, 0), textcoords="offset points",
                ha="left" if better else "right", va="center", fontsize=8.5, color=INK, weight=weight,
            )  # fmt: skip
        axes.set_yticks(heights, [name for name, _, _ in lines])
        axes.set(xlim=(30, 100), ylim=(0.4, len(lines) + 1.1), xlabel="% of the pictures that are right")
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        figure.text(0.2, 1 - 0.25 / height, "○ before", color=MUTED, fontsize=8.5)
        figure.text(0.31, 1 - 0.25 / height, "● after: better", color=Look(0).colour, fontsize=8.5)
        if any(after < before for _, before, after in lines):
            figure.text(0.5, 1 - 0.25 / height, "● after: worse", color=Look(1).colour, fontsize=8.5)
        _write(figure, file, "Accuracy, mean recall and recall of each class, before and after correction")
