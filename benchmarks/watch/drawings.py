"""The pictures of docs/watch-validation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.correction.drawings import WIDTH, Rows, _names, _panel, _write
from mien.report.common.figures import GRID, INK, MUTED, STYLE, Look

Spread = Mapping[str, float]
"""A figure of a result: value, low and high."""
MULTIPLES = {2: Look(2), 3: Look(0), 5: Look(1)}
LINES = (Look(3), Look(2), Look(1), Look(0, 0, 2.2))
DASHED: Any = (0, (4, 2))


def delays(rows: Sequence[tuple[str, Mapping[int, Spread]]], file: Path) -> None:
    """A row for each kind of stream: medians and quartiles of the pictures until the alarm, for each multiple."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure = Figure(figsize=(WIDTH, 1.0 + 0.4 * len(rows)))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.33, 0.62 / (1.0 + 0.4 * len(rows)), 0.63, 0.4 * len(rows) / (1.0 + 0.4 * len(rows))))
        for height, (_, spreads) in zip(range(len(rows))[::-1], rows, strict=True):
            for place, (multiple, look) in enumerate(MULTIPLES.items()):
                if multiple not in spreads:
                    continue
                spread, y = spreads[multiple], height + 0.22 * (1 - place)
                axes.plot([spread["low"], spread["high"]], [y, y], color=look.colour, linewidth=2.2)
                axes.scatter(spread["value"], y, s=24, color=look.colour, zorder=2)
        axes.set(xscale="log", ylim=(-0.6, len(rows) - 0.4), xlabel="pictures from the change to the alarm")
        ticks = [30, 100, 300, 1000, 3000]
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.set_yticks(range(len(rows))[::-1], [name for name, _ in rows])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(axis="x", color=GRID, linewidth=0.6)
        for place, (multiple, look) in zip((0.33, 0.57, 0.68), MULTIPLES.items(), strict=True):
            text = f"{multiple} times the budget" if multiple == 2 else f"{multiple} times"
            figure.text(place, 0.935, f"● {text}", color=look.colour, fontsize=8.5)
        _write(figure, file, "Pictures until the alarm at 2, 3 and 5 times the budget: medians and quartiles")


def power(rows: Rows, file: Path) -> None:
    """The share of streams with an alarm against harm, a line for each count of pictures."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure, axes = _panel(2.7)
        harm = [float(row["harm"]) for row in rows]
        ends = []
        for look, stop in zip(LINES, [name for name in rows[0] if name != "harm"], strict=True):
            shares = [100 * float(row[stop]) for row in rows]
            axes.plot(harm, shares, color=look.colour, linewidth=look.width, marker="o", markersize=3.5)
            ends.append((5.1, shares[-1], f"within {stop} pictures", look))
        _names(axes, ends, 9)
        _level(axes, 5, "δ = 5 %", 0.99)
        axes.set(
            xlim=(0.5, 5), ylim=(0, 103), xlabel="harm, as a multiple of the budget", ylabel="% of streams alarmed"
        )
        axes.set_xticks([0.5, 1, 2, 3, 4, 5], ["½", "1", "2", "3", "4", "5"])
        axes.grid(color=GRID, linewidth=0.6)
        _write(figure, file, "Share of streams with an alarm against harm as a multiple of the budget")


def evidence(rows: Rows, turn: int, file: Path) -> None:
    """The evidence of single streams over their pictures, the limit of an alarm, and when harm is tripled."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure, axes = _panel(2.7)
        pictures = [float(row["pictures"]) for row in rows]
        ends, top = [], 4.0
        for look, name in zip(
            (Look(3), Look(1), Look(0, 0, 2.2)), [key for key in rows[0] if key != "pictures"], strict=True
        ):
            logs = [float(row[name]) / log(10) for row in rows]
            axes.plot(pictures, logs, color=look.colour, linewidth=look.width)
            ends.append((pictures[-1] * 1.02, min(logs[-1], top), name, look))
        _names(axes, ends, 0.45)
        _level(axes, log(20, 10), "alarm: evidence 20 = 1/δ", 0.42)
        axes.axvline(turn, color=MUTED, linewidth=0.8, linestyle=DASHED)
        ticks = [-1, 0, 1, 2, 3, 4]
        axes.set_yticks(ticks, [f"{10.0**tick:,g}" for tick in ticks])
        axes.set(xlim=(0, pictures[-1]), ylim=(-1.5, top), xlabel="pictures", ylabel="evidence")
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        _write(figure, file, "Evidence of single streams over their pictures")


def _level(axes: Axes, height: float, name: str, end: float) -> None:
    """A level line with its name, which ends at this share of the width."""
    axes.axhline(height, color=INK, linewidth=0.9, linestyle=DASHED)
    where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
    axes.annotate(name, (end, height), (0, 3), fontsize=7.5, color=INK, **where)
