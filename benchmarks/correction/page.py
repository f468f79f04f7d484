"""Write docs/correctors.md and its pictures from benchmarks/results/correction.json: no figure is copied by hand.

python -m benchmarks.correction.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.bases.page import described, machine, table
from benchmarks.common import RESULTS
from benchmarks.correction import drawings
from benchmarks.correction.schemes import FOLDS

DOCS = Path(__file__).parents[2] / "docs"
TEXT = """# Choosing a corrector and a budget

This page is written by `python -m benchmarks.correction.page` from `benchmarks/results/correction.json`. {data}
Each of the {classes} classes was left out in turn; {seeds}. Base classifier: `attention`.

In short:

- **20 labelled pictures of the class or more, and a minute:** `adapter`, the default of `mien correct`. With
  20 it does about what correctors on vectors do with 400.
- **f must stay fast:** `cascade` lets a probe look first, and the adapter only where it may matter.
- **Seconds, or a classifier that exposes only vectors:** `nystroem`, or `blend`.
- **A handful of pictures:** `lda`; more pictures help more than another corrector.
- **None labelled:** `mien discover` clusters unusual pictures, for you to name.
- **Budget:** what a lost answer costs you. 2 % is where the curves below begin to flatten. It is a limit: within it
  the threshold serves macro recall, or what `--aim` says.
- **Few right answers to calibrate on, or all of the budget is to be spent:** `--guarantee expected`.

## What they reach

![Gain against Harm: correctors and retrained networks](images/gain-against-harm.svg)

*Full network*: the same architecture trained on all classes, its evidence for the class used as an override of the
same f, so that all are at the same Harm. *Trained on correct alone*: the same architecture on the pixels of the
*correct* part, without f. What f has learnt is what lies between that line and the adapter's.

{rankings}

P= is P at equal Harm: Gain over the Gain of the full network, R1, or of R2, which was trained on *correct* as
well. The best corrector was chosen on *calibrate*: **{best}**.

{by_class}

{certified}

{certified_seeds}. *Serves macro recall*: of the thresholds that keep the budget, the best one for macro recall is in
force. *All of the budget*: the lowest one is, as in mien 0.1. Harm of an expected guarantee keeps the budget in the
mean: about half of the single patches are over it.

## A class that the classifier was trained on

A budget is a limit, not an aim. A patch that spends all of it may win a class and lose more elsewhere. By default the
threshold serves macro recall, and where no override helps, the patch is silent.

{known}

{known_classes}

{ceiling}

Theory gives the threshold from which on an override pays. Another one is in force only where it is better on calibrate
by three standard errors; that number was chosen on calibrate, too:

{halves}

{residual}## What they cost

{cost}

## How many pictures

![Gain at Harm 2 % against labelled pictures of the new class](images/few-pictures.svg)

All known-class pictures of *correct* serve as counter-examples. `prototypes, drawn faces` is the corrector `prototypes`
of `mien correct`, which also learns from 200 drawn faces of each class: with 0, no picture of the class is labelled.
The adapter learns from votes: in these data every picture has ten, and many pictures of other classes have some for the
new one. `adapter, no votes` has the labels alone, as all other correctors here do, and as most data sets have.

{few}

{curve}

## The threshold, and when correction cannot help

![Scores of an easy and of a hard class with certified thresholds](images/scores.svg)

The budget fixes how far the threshold may go to the left: until it reaches what f has right. Where the two hills
stand apart, most of the class lies beyond it. Where they lie upon each other, no threshold helps, and no corrector
can: f does not see the difference, or the annotators do not agree on it. `mien correct` says so:

- *"the score hardly tells this class from others"*: AUROC on calibrate is under 0.6, or no better than chance;
- *"at this budget … would be recovered"*: under 5 % of the missed pictures; a larger budget wins more;
- *"… pictures to learn from"*: fewer than 50;
- *"silent: … calibration pictures … cannot certify"*: too few right answers of f for this budget; it says how many do;
- *"silent: no override that keeps 2 % improves macro recall on calibrate"*: what the class wins, others lose.

{policies}

## Do the certificates hold?

f and g fixed, calibrations that share no picture, Harm measured on fresh drawn faces: at confidence 95 %, up to 19 of
200 may be over the budget by bad luck (three standard deviations over ten). Made at {guarantee_commit}.

{guarantee}

*Confident* may be over the budget in a share δ of the calibrations, and pays for that with what it leaves unspent.
*Expected* is over it in about half of them, and spends it all in the mean.

### On real pictures

f and g fixed, calibration and test pictures of the data above put together and divided again, by person or set of
copies. *Broken*: the interval of the measured Harm lies above the budget, and the page of the patch states it.

{redrawn}

{harmed}

## All labelled pictures for both jobs

The corrector learns from some labelled pictures and is certified on the others. Only what is *proved* is called a
guarantee; *approximate* is measured here alone. {folds} folds; `lda`.

{schemes}

- An expected guarantee needs few calibration pictures. With `lda`, 80 : 20 wins as much as 60 : 40; an adapter gains
  from more pictures ("Share of the correct part", above). So `--guarantee expected` takes 80 : 20.
- Scores that come from correctors fitted on the other folds (`--cross-fit`) promise nothing for one that was fitted on
  all. That is why mien calls such a certificate approximate, however well it does here.
- Cross-conformal prediction is proved at twice the budget, so it has to be asked for half.

## What each choice is worth

Judged on *calibrate*, first seed: defaults are what won there. The tables of few pictures have `fisher` with up to four
clusters, of 100 pictures each; elsewhere it has one.

{variants}

{longer}

## Other data, other classifiers

scikit-learn's digits with a random forest that never saw a nine, and a table of rare events with a gradient
boosting that was trained on them and misses most.

{elsewhere}

`python -m benchmarks.correction.run --data PATH` makes all of this ({commits}; {machine}).
"""

RESIDUAL = """## Beside a better classifier

The same with `residual` as base and as reference, {seeds}; every network with the recipe of `attention`, since its own
takes twice as long. Certified thresholds spend all of the budget.

{rankings}

{by_class}

{certified}

"""


def main() -> None:
    """Write the page and its pictures."""
    file = RESULTS / "correction.json"
    if not file.exists():
        raise SystemExit("benchmarks/results/ lacks correction: run `make bench` first")
    found = json.loads(file.read_text())
    images = DOCS / "images"
    drawings.gain_against_harm(rows(found, "Gain against Harm"), images / "gain-against-harm.svg")
    drawings.score_shapes(rows(found, "Scores of"), images / "scores.svg")
    drawings.few_pictures(few_gains(found), images / "few-pictures.svg")
    many, seeds, certified_seeds = rows(found, "Class by class"), *seeds_of(found, "mean_auroc", "mean_restored")
    by_count(rows(found, "Pictures of the new class"))
    groups = [title for title in found["tables"] if "fitted on fit, judged on calibrate" in title]
    page = DOCS / "correctors.md"
    page.write_text(
        TEXT.format(
            data=described(found),
            classes=len(many),
            seeds=in_words(seeds),
            certified_seeds=in_words(certified_seeds).capitalize(),
            best=best_of(found),
            rankings=table(found, "Scores fitted"),
            by_class=table(found, "Class by class"),
            certified=table(found, "Certified on calibrate"),
            known=table(found, "Known classes"),
            known_classes=table(found, "Points of macro recall"),
            ceiling=table(found, "Ceiling of a patch"),
            halves=table(found, "Thresholds chosen"),
            redrawn=table(found, "Real pictures"),
            harmed=table(found, "What is harmed"),
            schemes=table(found, "Schemes"),
            folds=FOLDS,
            residual=beside_residual(),
            cost=table(found, "Cost on one thread"),
            few=table(found, "Pictures of the new class"),
            curve=table(found, "Share of the correct part"),
            policies=table(found, "Policies"),
            guarantee=table(found, "200 calibrations"),
            longer=table(found, "Adapters that learn") if "longer" in found["parts"] else "",
            variants="\n\n".join(table(found, title) for title in groups),
            elsewhere=table(found, "Other data"),
            guarantee_commit=found["parts"]["guarantee"]["commit"],
            commits=", ".join(sorted({part["commit"] for part in found["parts"].values()})),
            machine=machine(found),
        )
    )
    print(f"written: {page}")


def beside_residual() -> str:
    """The section on the other base; nothing where it was not measured."""
    file = RESULTS / "correction-residual.json"
    if not file.exists():
        return ""
    found = json.loads(file.read_text())
    return RESIDUAL.format(
        seeds=in_words(found["settings"]["seeds"]),
        rankings=table(found, "Scores fitted"),
        by_class=table(found, "Class by class"),
        certified=table(found, "Certified on calibrate"),
    )


def in_words(seeds: list[int]) -> str:
    return "one seed of split and model" if len(seeds) == 1 else f"{len(seeds)} seeds of split and model"


def best_of(result: dict[str, Any]) -> str:
    """The corrector that was chosen on *calibrate*, by the title of its table."""
    title = next(title for title in result["tables"] if title.startswith("Class by class"))
    return title.partition(" (chosen on calibrate)")[0].rpartition(", ")[2]


def seeds_of(result: dict[str, Any], *figures: str) -> list[list[int]]:
    """The seeds that each of these figures is a mean over."""
    return [result["figures"][name]["seeds"] for name in figures]


def rows(result: dict[str, Any], start: str) -> list[dict[str, Any]]:
    """The table whose title begins so."""
    return next(of for title, of in result["tables"].items() if title.startswith(start))


def by_count(lines: list[dict[str, Any]]) -> None:
    """Order the columns of a table, which are numbers of pictures."""
    counts = sorted({int(name) for line in lines for name in line if name.isdigit()})
    lines[:] = [{"corrector": line["corrector"], **{f"{n}": line.get(f"{n}") for n in counts}} for line in lines]


def few_gains(result: dict[str, Any]) -> dict[str, dict[int, float]]:
    """Corrector → pictures of the new class → Gain at Harm 2 %."""
    found: dict[str, dict[int, float]] = {}
    for key, figure in result["figures"].items():
        if key.startswith("few_") and key.endswith("_gain"):
            name, _, count = key.removeprefix("few_").removesuffix("_gain").rpartition("_")
            if name in drawings.FEW:
                found.setdefault(name, {})[int(count)] = figure["value"]
    return found


if __name__ == "__main__":
    main()
