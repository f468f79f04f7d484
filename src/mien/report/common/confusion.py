"""Confusion matrices as tables: percent of each class's pictures by answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from mien.report.common.layout import Cell, Table, undefined
from mien.report.common.run_figures import Number, SeedValue, TableRow, grouped

LETTERS = 3
"""Letters of a short name."""


def confusion_table(
    title: str,
    rows: Sequence[TableRow],
    answers: Mapping[str, str],
    is_right: Callable[[str, str], bool] = lambda truth, answer: truth == answer,
) -> Table:
    """A table of classes by answers, means over the seeds.

    Parameters
    ----------
    rows : with seed, truth, answer, count.
    answers : answer as the rows have it → class of that name; answers that are no class come last.
    is_right : whether the entry of a class and an answer is marked.
    """
    entries = grouped(rows, "truth", "answer")
    totals = {key: sum(row["count"] for row in same) for key, same in grouped(rows, "seed", "truth").items()}
    classes = list(grouped(rows, "truth"))

    def entry(truth: str, answer: str) -> Cell:
        shares = (_share(row, totals[row["seed"], truth]) for row in entries.get((truth, answer), []))
        return _percent(Number(tuple(shares)), is_right(truth, answers[answer]))

    lines = [(Cell(truth), *(entry(truth, answer) for answer in answers)) for truth in classes]
    head: list[str | Cell] = ["", *(Cell(short, title=name) for name, short in short_names(answers).items())]
    return Table(title, head, lines, small=True)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Name → a short form for narrow columns, different for each: three letters, or what follows an equal beginning.

    >>> short_names(["fear", "class 1", "class 12", "class 2"])
    {'fear': 'fea', 'class 1': 'c…1', 'class 12': 'c…12', 'class 2': 'c…2'}
    """
    given = list(names)
    longest = max(map(len, given), default=0)
    for letters, head in [*((width, 1) for width in range(1, longest)), (longest, LETTERS)]:
        shortened = {name: _shortened(name, given, letters, head) for name in given}
        if len(set(shortened.values())) == len(given):
            return shortened
    return {name: name for name in given}


def _shortened(name: str, names: Sequence[str], letters: int, head: int) -> str:
    """A short form of one of the names: `letters` after the equal beginning of some, of which it has `head` letters."""
    alike = [other for other in names if other[:LETTERS] == name[:LETTERS]]
    first, last = min(alike), max(alike)
    equal = next((place for place, pair in enumerate(zip(first, last, strict=False)) if len({*pair}) > 1), len(first))
    beginning = re.sub(r"(?<=[\W_])[^\W_]*$|\d+$", "", first[:equal])  # no word or number is cut
    if len(alike) == 1 or len(beginning) < LETTERS:
        return name[: max(letters, LETTERS)]
    rest = re.sub(r"^[\W_]+", "", name[len(beginning) :])
    end = re.compile(r"(?<=\d)\d*").match(rest, letters)
    rest = re.sub(r"[\W_]+$", "", rest[: end.end() if end else letters])
    return f"{name[:head]}…{rest}" if rest else name


def _share(row: TableRow, total: int) -> SeedValue:
    return SeedValue(row["seed"], row["count"] / total if total else float("nan"), f"{row['count']}/{total}")


def _percent(figure: Number, right: bool) -> Cell:
    if not figure.defined:
        return undefined("undefined: the test part has no picture of this class")
    text = f"{100 * figure.value:.0f}" if figure.value >= 0.005 else "·"
    return Cell(text, title=figure.title, heat=figure.value, tone="own" if right else "")
