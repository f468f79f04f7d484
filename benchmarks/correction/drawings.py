"""The pictures of docs/correctors.md as SVG files that follow the reader's light or dark theme."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

import mien.report
from mien.report.common.figures import GRID, INK, MUTED, STYLE, Look, as_svg

Rows = Sequence[Mapping[str, Any]]
NONE = 0.5
"""Where no picture stands on an axis in logarithms."""
WIDTH = 7.2
"""Inches of 72 units."""
LOOKS = {
    "R1": Look(None, 0, 2.0),
    "R2": Look(None, 1, 1.4),
    "control": Look(None, 2, 1.2),
    "adapter": Look(0, 0, 2.2),
    "adapter and kernel": Look(0, 0, 2.2),
    "cascade": Look(4, 0, 2.2),
    "xgboost": Look(1),
    "logistic": Look(2),
    "kernel": Look(5),
    "nystroem": Look(5),
    "lda": Look(3),
    "fisher": Look(7),
    "prototypes": Look(3, 1),
    "drawn": Look(3, 0, 2.2),
    "blend": Look(4, 0, 2.2),
    "borrowed": Look(2, 0, 2.2),
}
TITLES = {
    "R1": "full network",
    "R2": "full network, trained on correct too",
    "control": "trained on correct alone, without f",
    "xgboost": "xgboost, the paper's",
    "drawn": "prototypes, drawn faces",
    "blend": "adapter and prototypes",
    "borrowed": "prototypes, drawn faces, face encoder",
}
FEW = ("adapter", "kernel", "fisher", "prototypes", "drawn", "blend", "borrowed")
"""Correctors that the picture on few pictures shows, by their names in the keys of figures."""


def gain_against_harm(rows: Rows, file: Path) -> None:
    """A line for each score; its name at its end."""
    harms = [float(name.removesuffix(" %")) for name in rows[0] if name.endswith("%")]
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure, axes = _panel(3.7)
        ends = []
        for row in rows:
            name, look = str(row["score"]), LOOKS.get(str(row["score"]), Look(6))
            values = [_first(row[f"{harm:g} %"]) for harm in harms]
            axes.plot(harms, values, color=look.colour, linewidth=look.width, linestyle=_dash(look))
            ends.append((10.15, values[-1], TITLES.get(name, name), look))
        _names(axes, ends, 0.052)
        axes.set(xlim=(0, 10), ylim=(0, 1), xlabel="Harm, % of right answers", ylabel="Gain, mean over the classes")
        axes.set_xticks([0, 1, 2, 5, 10])
        axes.grid(color=GRID, linewidth=0.6)
        _write(figure, file, "Gain against Harm of correctors and of retrained networks")


def score_shapes(rows: Rows, file: Path) -> None:
    """Two panels: where the scores of the class lie, where those of right answers lie, and the thresholds."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        FigureCanvasSVG(figure)
        for number, left in enumerate(dict.fromkeys(str(row["left out"]) for row in rows)):
            axes = figure.add_subplot(1, 2, number + 1)
            own = [row for row in rows if row["left out"] == left]
            bars = [row for row in own if "from" in row]
            x = [float(row["from"]) for row in bars]
            for key, look, title in (("f right", Look(1), "what f has right"), ("new", Look(0), left)):
                y = [100 * float(row[key]) for row in bars]
                axes.fill_between(x, y, step="post", color=look.colour, alpha=0.22, linewidth=0)
                axes.step(x, y, where="post", color=look.colour, linewidth=1.4, label=title)
            tallest = axes.get_ylim()[1] * 1.45  # room for what is written
            for place, row in enumerate(row for row in own if "budget" in row):
                top = 0.985 - 0.075 * place  # each line ends at its own text, and crosses no other
                axes.axvline(float(row["τ"]), ymax=top, color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
                spot = (float(row["τ"]), tallest * top)
                where = {"textcoords": "offset points", "va": "top", "ha": "right", "fontsize": 7.5, "color": INK}
                axes.annotate(f"{row['budget']}: Gain {float(row['Gain']):.2f}", spot, (-4, 0), **where)
            axes.set(title=left, xlabel="score, log-odds", xlim=(x[0], x[-1]))
            axes.set_ylim(0, tallest)
            axes.title.set_color(INK)
            if number == 0:
                axes.set_ylabel("% of the pictures")
            axes.legend(frameon=False, loc="upper left", labelcolor=MUTED, fontsize=7.5, borderaxespad=0.1)
        _write(figure, file, "Scores of a class that is easy to recover, and of one that is not, with thresholds")


def few_pictures(gains: Mapping[str, Mapping[int, float]], file: Path) -> None:
    """Gain at Harm 2 % against the number of labelled pictures of the new class, a line for each corrector."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": file.stem}):
        figure, axes = _panel(3.1)
        counts = sorted({count for of in gains.values() for count in of})
        ends = []
        for name, of in gains.items():
            look, own = LOOKS.get(name, Look(6)), sorted(of)
            places = [count or NONE for count in own]
            axes.plot(
                places, [of[count] for count in own], color=look.colour, linewidth=look.width, linestyle=_dash(look),
                marker="o", markersize=3.5,
            )  # fmt: skip
            ends.append((counts[-1] * 1.07, of[own[-1]], TITLES.get(name, name), look))  # all in one column
        axes.set_xscale("log")
        axes.set_xticks([count or NONE for count in counts], [str(count) for count in counts])
        axes.minorticks_off()
        axes.set(
            xlabel="labelled pictures of the new class",
            ylabel="Gain at Harm 2 %",
            xlim=((counts[0] or NONE) * 0.9, counts[-1]),
        )
        axes.set_ylim(bottom=0)
        _names(axes, ends, axes.get_ylim()[1] * 0.065)
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        _write(figure, file, "Gain at Harm 2 % against the number of labelled pictures")


def _panel(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasSVG(figure)
    return figure, figure.add_axes((0.085, 0.155, 0.56, 0.81))


def _names(axes: Axes, ends: Sequence[tuple[float, float, str, Look]], apart: float) -> None:
    """Each name at the end of its line, (x, y, name, look), none over another."""
    lowest: dict[float, float] = {}
    for x, height, name, look in sorted(ends, key=lambda end: -end[1]):
        place = min(height, lowest.get(x, np.inf) - apart)
        axes.annotate(name, (x, place), annotation_clip=False, va="center", fontsize=8.5, color=look.colour)
        lowest[x] = place


def _first(cell: object) -> float:
    """The value of a cell, which may be written with its range."""
    return float(str(cell).split()[0])


def _dash(look: Look) -> Any:
    return ("-", (0, (5, 1.6)), (0, (2, 1.2)))[look.dash]


def _write(figure: Figure, file: Path, label: str) -> None:
    """One file with its own theme, light and dark."""
    sheet = Path(mien.report.__file__).with_name("templates") / "style.css"
    theme = sheet.read_text().split("* {")[0]
    text = str(as_svg(figure, file.stem, label))
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert size is not None
    frame = '<rect width="100%" height="100%" rx="6" fill="var(--paper)"/>'
    style = f"<style>{' '.join(theme.split())} text {{ font-family: system-ui, sans-serif; }}</style>"
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    start = f'<svg {spaces} width="{size[1]}" height="{size[2]}"'
    file.write_text(text.replace("<svg", start, 1).replace(">", f">{style}{frame}", 1) + "\n")
