"""Figures as SVG text. The only module that knows matplotlib.

Lines are drawn in stand-in colours, which become CSS variables: so a figure follows the theme of the page. The same
figures give the same text: no dates, no random ids.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

HUES = 8
INK, MUTED, GRID = "#000100", "#000200", "#000300"
_FIXED = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)"}
_DASHES = ("-", (0, (5, 1.6)), (0, (2, 1.2)))
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class Look:
    """How a line looks: the number of its hue (None: ink), its dash and its width."""

    hue: int | None = None
    dash: int = 0
    width: float = 1.6

    @property
    def colour(self) -> str:
        return INK if self.hue is None else f"#0100{self.hue % HUES:02x}"


def named(hue: int | None) -> Look:
    """The look of the name number `hue`; after eight names the colours come again, dashed."""
    return Look(hue, 0 if hue is None else min(hue // HUES, len(_DASHES) - 1))


@dataclass(frozen=True)
class Line:
    """A line, with a band from `low` to `high` where the seeds spread."""

    x: Sequence[float]
    y: Sequence[float]
    look: Look = Look()
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def gain_curves(name: str, lines: Sequence[Line], marks: Sequence[float]) -> Markup:
    """Gain against Harm, both shares, Harm from 0 to 10 %; upright lines at `marks`.

    Parameters
    ----------
    name : unique on the page; the ids inside start with it.
    lines : corrector(s) and references.
    """
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        figure, axes = _panel()
        for mark in marks:
            axes.axvline(100 * mark, color=GRID, linewidth=0.8, zorder=0)
        for line in lines:
            _draw(axes, line, scale=100)
        axes.set(xlim=(0, 10), ylim=(0, 1), xlabel="Harm, %", ylabel="Gain", xticks=[0, *(100 * m for m in marks), 10])
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        return as_svg(figure, name, "Gain against Harm")


def training_curves(name: str, what: str, lines: Sequence[Line], top: float | None = None) -> Markup:
    """One measure of training (`what`) against the epoch, a line per model; the axis ends at `top` if it is given."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        figure, axes = _panel()
        for line in lines:
            _draw(axes, line)
        axes.set(xlabel="epoch", ylabel=what)
        axes.set_ylim(bottom=0, top=top)
        axes.set_xlim(left=1)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        return as_svg(figure, name, f"{what} against epoch")


def watch_curve(
    name: str, line: Line, level: float, labels: tuple[str, str], span: tuple[float, float], mark: int | None = None
) -> Markup:
    """A measure of a watch against the number of pictures, with its band, and a level line that it should not cross.

    Parameters
    ----------
    labels : of the measure and of what is counted. span : where the axis of the measure begins and ends.
    mark : number of pictures at which an upright line stands; None for none.
    """
    what, unit = labels
    with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
        figure, axes = _panel()
        axes.axhline(level, color=Look(1).colour, linestyle=_DASHES[1], linewidth=1.2, zorder=1)
        if mark is not None:
            axes.axvline(mark, color=MUTED, linewidth=0.8, linestyle=_DASHES[2], zorder=1)
        _draw(axes, line)
        axes.set(xlabel=unit, ylabel=what, ylim=span)
        axes.set_xlim(left=0, right=max(line.x))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        return as_svg(figure, name, f"{what} against {unit}")


def swatch(look: Look) -> Markup:
    """A short piece of a line, for legends."""
    pattern = _DASHES[look.dash]
    dashes = (
        "" if isinstance(pattern, str) else ' stroke-dasharray="' + " ".join(f"{2 * n:g}" for n in pattern[1]) + '"'
    )
    paint = _themed(look.colour)
    return Markup(
        f'<svg class="swatch" viewBox="0 0 26 8" aria-hidden="true"><path d="M1 4H25" style="stroke: {paint}" '
        f'stroke-width="{look.width * 1.4:g}"{dashes}/></svg>'
    )


def _panel() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.1, 2.35), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    return figure, axes


def _draw(axes: Axes, line: Line, scale: float = 1) -> None:
    x = [scale * value for value in line.x]
    if line.low:
        axes.fill_between(x, line.low, line.high, color=line.look.colour, alpha=0.1, linewidth=0)
    axes.plot(x, line.y, color=line.look.colour, linestyle=_DASHES[line.look.dash], linewidth=line.look.width)


def as_svg(figure: Figure, name: str, label: str) -> Markup:
    """The figure as inline SVG: theme colours, the page's font, ids of its own, no dates."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'^<svg[^>]*?viewBox="([^"]*)"[^>]*>', rf'<svg viewBox="\1" role="img" aria-label="{label}">', text)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"font-family: [^;\"]*(; )?", "", text)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
    return Markup(re.sub(r"\s*\n\s*", " ", _themed(text)))


def _themed(text: str) -> str:
    """Stand-in colours as CSS variables."""
    for stand_in, variable in _FIXED.items():
        text = text.replace(stand_in, variable)
    return re.sub(r"#0100(\w\w)", lambda match: f"var(--hue-{int(match[1], 16)})", text)
