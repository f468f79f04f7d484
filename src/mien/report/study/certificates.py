"""Sections on certificates and on significance."""

from __future__ import annotations

import math

from markupsafe import Markup

from mien.certify.promise import REMEDY, STANDINGS
from mien.certify.thresholds import CONFIDENT, EXPECTED, POOLED
from mien.report.common.layout import DASH, Cell, Table, section, stack, undefined
from mien.report.common.run_figures import NOT_YET, TableRow, budget, cell, grouped, names, number, rows
from mien.report.study.results import per_corrector, studied
from mien.storage.run import Run
from mien.types import row_name

ALL = "all"
TOO_FEW = "too few persons with calibration pictures that f got right"
MEANING = {
    "kept": "the 95 % interval of the measured Harm lies within the budget",
    "undecided": "the 95 % interval of the measured Harm holds the budget: more test pictures would decide",
    "broken": f"the 95 % interval of the measured Harm lies above the budget, which may happen: {REMEDY}",
}
TOO_LOW = "there are enough persons, but the threshold in force is lower than the certificate would need"


@section("Certificates", "certificates", needs=("certificates",))
def certificates(run: Run) -> Markup:
    """Certified on calibrate alone: at most the budget’s share of the persons (or other pictures that belong together)
    lose a right answer of f, with the stated confidence or, if expected, in the mean over calibrations; with one
    picture each, that is Harm. The main certificate pools all known classes; per class it is given where there are
    enough persons. What came about on test stands beside it: of persons, who are harmed if any of their pictures is,
    and of pictures, and whether the promise was kept."""
    return per_corrector(run, "certificates", rows(run, "certificates"), lambda _, table: _certified(run, table))


def _certified(run: Run, table: list[TableRow]) -> Markup:
    by_group = grouped(table, "left_out", "group")
    left_out = studied(run, grouped(table, "left_out"))
    known = names(run, "classes")
    given = [group for group in grouped(table, "group") if group != POOLED]
    groups = [
        *(row_name(name) for name in known if row_name(name) in given),
        *(name for name in given if name not in map(row_name, known)),
    ]
    pooled = [
        (Cell(left), verdict(by_group[left, POOLED]), *_evidence(by_group[left, POOLED]))
        for left in left_out
        if (left, POOLED) in by_group
    ]
    each = [
        (Cell(left), *(_of_class(by_group.get((left, group), []), row_name(left) == group) for group in groups))
        for left in left_out
    ]
    other = EXPECTED if table[0]["kind"] == CONFIDENT else CONFIDENT
    head = (
        "Left out", "Budget", "n", "k", f"k, {other}", "Threshold τ", "In force", "Persons harmed", "On test",
        "Harm, pictures",
    )  # fmt: skip
    return stack(
        Table("Pooled over all known classes", head, pooled),
        Table(
            "Per class: persons harmed on test where the budget is certified, else the n that it would need",
            ("Left out", *groups),
            each,
        ),
    )


def silent(certificate: TableRow) -> bool:
    """Whether the corrector never overrides, whatever f answers."""
    return bool(certificate["in_force"] == math.inf)


def verdict(seed_rows: list[TableRow]) -> Cell:
    """The cell "certified", or what a certificate would need; over several seeds, with the number of certified ones."""
    if not seed_rows:
        return undefined(NOT_YET)
    good = [row for row in seed_rows if row["holds"] and not silent(row)]
    if good:
        some = f" in {len(good)} of {len(seed_rows)} seeds" if len(good) < len(seed_rows) else ""
        limit = budget(good[0]["budget"])
        expected = good[0]["kind"] == EXPECTED
        surety = "in the mean over calibrations" if expected else f"with {budget(good[0]['confidence'])} confidence"
        title = f"at most {limit} of persons are harmed, {surety}"
        mean = " on average" if expected else ""
        return Cell("certified" + some, f"≤ {limit}{mean}", title, tone="good")
    if any(row["holds"] for row in seed_rows):
        why = "no threshold both keeps the budget and serves the aim: the corrector never overrides"
        return Cell("silent", "harms nothing", why)
    enough = [row["threshold"] for row in seed_rows if row["feasible"]]
    if enough:
        return Cell("not certified", f"needs τ ≥ {_span(enough, '.3f')}", TOO_LOW, tone="quiet")
    have = _span([row["n"] for row in seed_rows], "d")
    return Cell("not certified", f"need n = {seed_rows[0]['needed']}, have {have}", TOO_FEW, tone="quiet")


def _evidence(seed_rows: list[TableRow]) -> tuple[Cell, ...]:
    """n, k, what would be certified and what is in force (over several seeds their ranges), and the measured Harm."""
    nothing = "no threshold: too few persons for this budget"
    active = [row["in_force"] for row in seed_rows if not silent(row)]
    thresholds = [row["threshold"] for row in seed_rows if row["feasible"]]
    allowed = [row["k"] for row in seed_rows if row["feasible"]]
    return (
        Cell(_span([row["n"] for row in seed_rows], "d")),
        Cell(_span(allowed, "d")) if allowed else undefined(nothing),
        _other_allowed(seed_rows),
        Cell(_span(thresholds, ".3f")) if thresholds else undefined(nothing),
        Cell(_span(active, ".3f")) if active else undefined("the corrector stays silent"),
        _persons(seed_rows),
        standing(seed_rows),
        cell(number(seed_rows, "harm", "harm_hits", "harm_total")),
    )


def _other_allowed(seed_rows: list[TableRow]) -> Cell:
    """How many the other kind of guarantee would allow."""
    allowed = [row["other_k"] for row in seed_rows if row["other_k"] >= 0]  # NaN is not
    return Cell(_span(allowed, ".0f")) if allowed else undefined("too few persons for the other kind, too")


def standing(seed_rows: list[TableRow]) -> Cell:
    """Whether the promise was kept on test, over the seeds with a certificate."""
    standings = [row["standing"] for row in seed_rows if row["standing"] and not silent(row)]
    if not standings:
        return undefined("nothing is promised, or nothing overridden")
    worst = max(standings, key=STANDINGS.index)
    counted = f"{standings.count(worst)} of {len(standings)} seeds" if len(standings) > 1 else ""
    return Cell(worst, counted, MEANING[worst], tone={"kept": "good", "broken": "bad"}.get(worst, ""))


def _persons(seed_rows: list[TableRow]) -> Cell:
    """Share of persons harmed on test, marked where it is over the budget."""
    harm = number(seed_rows, "harm_groups", "harm_groups_hits", "harm_groups_total", bounds=False)
    return cell(harm, tone="bad" if harm.value > seed_rows[0]["budget"] else "")


def _of_class(seed_rows: list[TableRow], of_target: bool) -> Cell:
    if of_target:
        return undefined("the class that was left out has no right answers to lose")
    if seed_rows and all(row["holds"] for row in seed_rows):
        return _persons(seed_rows)
    if not seed_rows or any(row["feasible"] for row in seed_rows):
        return verdict(seed_rows)
    return Cell(
        f"need {seed_rows[0]['needed']}",
        f"have {_span([row['n'] for row in seed_rows], 'd')}",
        f"not certified: {TOO_FEW}",
        tone="quiet",
    )


def _span(values: list[float], form: str) -> str:
    """One value, or least–greatest."""
    ends = [format(value, form).replace("-", "−") for value in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else DASH.join(ends)


@section("Is the difference real?", "mcnemar", needs=("mcnemar",))
def mcnemar(run: Run) -> Markup:
    """Exact McNemar test of f against h on the same test pictures, over all of them and per class: how many that f had
    right were harmed, how many that it had wrong were repaired. Over several seeds the greatest p is given."""

    def body(name: str, table: list[TableRow]) -> Table:
        by_label = grouped(table, "left_out", "label")
        labels = [ALL, *(label for label in map(row_name, names(run, "classes")) if label in grouped(table, "label"))]
        lines = [
            (
                Cell(left),
                *(test_cell(by_label.get((left, label), []), of_target=label == row_name(left)) for label in labels),
            )
            for left in studied(run, grouped(table, "left_out"))
        ]
        head = ("Left out", "all pictures", *labels[1:])
        return Table(f"{name}: p, and below it pictures harmed / repaired", head, lines)

    return per_corrector(run, "mcnemar", rows(run, "mcnemar"), body)


def test_cell(seed_rows: list[TableRow], of_target: bool) -> Cell:
    if not seed_rows:
        return undefined(NOT_YET)
    counts = " / ".join(_span([row[key] for row in seed_rows], "d") for key in ("harmed", "repaired"))
    p = max((row["p"] for row in seed_rows if not math.isnan(row["p"])), default=math.nan)
    if math.isnan(p):
        return undefined("undefined: there is no picture to compare")
    better = all(row["repaired"] > row["harmed"] for row in seed_rows)
    tone = ("" if p >= 0.05 else "good" if better else "bad") + (" own" if of_target else "")
    title = "\n".join(
        f"seed {row['seed']}: harmed {row['harmed']}, repaired {row['repaired']}, p = {row['p']:.3g}"
        for row in seed_rows
    )
    return Cell("<0.001" if p < 0.001 else f"{p:.3f}", counts, title, tone=tone)
