"""The pictures of docs/label-figures.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.correction.drawings import Rows, _names, _panel, _write
from mien.report.common.figures import GRID, INK, MUTED, STYLE, Look

AGAINST = {"votes": Look(0, 0, 2.0), "plurality": Look(1, 0, 2.0)}
PARTS = {"aleatoric": Look(0), "epistemic": Look(1)}
ASKED = (
    ("rank correlation with the blend", "follows the blend of emotions\n(rank correlation)", 0.0),
    ("AUROC of an unseen emotion", "tells an emotion never seen\n(AUROC)", 0.5),
)


def reliability(rows: Rows, file: Path) -> None:
    """Confidence in the answer beside the share of votes that it has, and beside how often it is the plurality."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure, axes = _panel(3.7)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 1.2)))
        ends = []
        for against, look in AGAINST.items():
            own = [row for row in rows if row["against"] == against]
            x, y = ([float(row[key]) for row in own] for key in ("confidence", "truth"))
            axes.plot(x, y, color=look.colour, linewidth=look.width, marker="o", markersize=3.5)
            ends.append((1.03, y[-1], {"votes": "share of the votes", "plurality": "is the plurality"}[against], look))
        _names(axes, ends, 0.06)
        low = min(float(row["confidence"]) for row in rows) - 0.03
        axes.set(xlim=(low, 1), ylim=(low, 1.02), xlabel="confidence in the answer", ylabel="what was found")
        axes.grid(color=GRID, linewidth=0.6)
        _write(figure, file, "Confidence in the answer beside what was found")


def told_apart(rows: Rows, file: Path) -> None:
    """Two panels, a line for each way: what should be far to the right, and what should not."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure = Figure(figsize=(7.2, 0.9 + 0.42 * len(rows)))
        FigureCanvasSVG(figure)
        panels = [figure.add_axes((left, 0.24, 0.3, 0.6)) for left in (0.36, 0.685)]
        heights = range(len(rows))[::-1]
        for axes, (key, title, chance), wanted in zip(panels, ASKED, PARTS, strict=True):
            for height, row in zip(heights, rows, strict=True):
                values = {part: float(row[f"{part}: {key}"]) for part in PARTS}
                axes.plot(list(values.values()), [height] * 2, color=GRID, linewidth=1.5, zorder=1)
                for part, look in PARTS.items():
                    filled = look.colour if part == wanted else "none"
                    axes.scatter(
                        values[part], height, s=42, facecolor=filled, edgecolor=look.colour, linewidth=1.4, zorder=2
                    )
            axes.axvline(chance, color=MUTED, linewidth=0.8, linestyle=(0, (2, 1.2)))
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.set_title(title, fontsize=8.5, color=INK, loc="left")
            axes.set_yticks(list(heights), [str(row["way"]) for row in rows] if axes is panels[0] else [""] * len(rows))
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.grid(axis="x", color=GRID, linewidth=0.6)
        for place, (part, look) in zip((0.36, 0.50), PARTS.items(), strict=True):
            figure.text(place, 0.052, "●", color=look.colour, fontsize=9)
            figure.text(place + 0.022, 0.05, part, color=INK, fontsize=8.5)
        figure.text(0.64, 0.05, "filled: which of the two should", color=MUTED, fontsize=8.5)
        _write(figure, file, "How far each way keeps aleatoric and epistemic uncertainty apart")
