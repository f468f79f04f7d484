"""What a comparison of treatments comes to: the best of them, and what to do, in plain words."""

from __future__ import annotations

from markupsafe import Markup

from mien.imbalance import find
from mien.report import layout
from mien.report.evidence import TableRow, grouped, names, number, percent, rate, rows, signed
from mien.report.layout import section, stack
from mien.report.treated import COMMON, PLAIN
from mien.runs import Run

REAL = 0.05
"""p after Holm below which a difference is called real."""
KEY = ("model", "treatment")
Key = tuple[str, str]


def best_first(run: Run) -> list[Key]:
    """Models with treatments by their mean macro recall on calibrate, best first: test pictures select nothing.

    Those that collapsed come last: with few classes one answer for all may look good.
    """
    found = grouped(rows(run, "treatments"), *KEY)

    def order(key: Key) -> tuple[bool, float]:
        return any(row["collapsed"] for row in found[key]), -number(found[key], "on_calibrate").value

    return sorted(found, key=order)


@section("What to do", "advice", needs=("treatments",))
def advice(run: Run) -> Markup:
    """The treatment with the highest macro recall on the calibration part, judged on test pictures, which chose
    nothing."""
    return stack(Markup(layout.render("advice.html", lines=advised(run))))


def advised(run: Run) -> list[tuple[str, str]]:
    """(tone, sentence), the most important first."""
    found = grouped(rows(run, "treatments"), *KEY)
    differences = {(row["model"], row["treatment"]): row for row in rows(run, "differences")}
    best = best_first(run)[0]
    value = number(found[best], "macro_recall").value
    lines = [("lead", _recommended(best, value, differences.get(best)))]
    cheap = next((key for key in found if find(key[1]).corrector and key != best), None)
    if cheap and cheap in differences:
        row = differences[cheap]
        lines.append(
            ("", f"Without another training, a corrector beside {cheap[0]} changes macro recall by {_change(row)}.")
        )
    for key, own in found.items():
        fallen = [row for row in own if row["collapsed"]]
        if fallen:
            share = max(row["share"] for row in fallen)
            lines.append(
                (
                    "bad",
                    f"{key[0]} with {key[1]} collapsed on {len(fallen)} of {len(own)} seeds: it answers "
                    f"{fallen[0]['most_answered']} for {percent(share)} of the pictures. Its accuracy says nothing.",
                )
            )
    counts = dict(zip(names(run, "classes"), run.manifest()["data"]["counts"], strict=True))
    rare = {name: count for name, count in counts.items() if 0 < count < COMMON}
    if rare and len(rare) < len(counts) - 1:
        listed = ", ".join(f"{name} ({count})" for name, count in rare.items())
        lines.append(
            ("", f"Too rare for a figure to mean much, and left out of all means: {listed}. More pictures help most.")
        )
    return lines


def _recommended(best: Key, value: float, row: TableRow | None) -> str:
    model, treatment = best
    if treatment == PLAIN or row is None:
        return f"Train {model} as it is: no treatment did better on calibrate. Macro recall on test: {rate(value)}."
    if row["p_holm"] >= REAL:
        return (
            f"No treatment is better beyond chance. The best on calibrate is {treatment} with {model}: macro recall "
            f"{rate(value)} on test, {_change(row)} beside no treatment."
        )
    return (
        f"Train {model} with {treatment} ({find(treatment).what}): macro recall {rate(value)} on test, {_change(row)} "
        "beside no treatment."
    )


def _change(row: TableRow) -> str:
    return f"{signed(row['difference'])} ({signed(row['low'])} to {signed(row['high'])})"
