"""Confusion matrices as tables: percent of each class's pictures by answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mien.report.common.layout import Cell, Table, undefined
from mien.report.common.run_figures import Number, SeedValue, TableRow, grouped


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
    head: list[str | Cell] = ["", *(Cell(name[:3], title=name) for name in answers)]
    return Table(title, head, lines, small=True)


def _share(row: TableRow, total: int) -> SeedValue:
    return SeedValue(row["seed"], row["count"] / total if total else float("nan"), f"{row['count']}/{total}")


def _percent(figure: Number, right: bool) -> Cell:
    if not figure.defined:
        return undefined("undefined: the test part has no picture of this class")
    text = f"{100 * figure.value:.0f}" if figure.value >= 0.005 else "·"
    return Cell(text, title=figure.title, heat=figure.value, tone="own" if right else "")
