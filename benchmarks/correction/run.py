"""How well correctors win a class back, beside the paper's recipe and full retraining, on the same pictures.

    python -m benchmarks.correction.run --data PATH/TO/ferplus
    python -m benchmarks.correction.run --data PATH/TO/ferplus --class-counts affectnet

For each seed and class: f without the class; R1, the same network trained on all classes of *train*; R2, trained on
train and correct; a control trained on the pixels of *correct* alone, without f. Figures of a score alone are of
correctors fitted on all of *correct*; certified ones are fitted on a part of it and certified on the rest. The best
corrector is the one with the highest Gain at Harm 2 % on *calibrate*. Everything trained or fitted is kept in runs/.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from benchmarks.common import (
    PROFILE,
    Figure,
    Result,
    described,
    main,
    mean_of_defined,
    only,
    parsed,
    parser,
    profiles,
    seeds_of,
    wanted,
)
from benchmarks.correction import (
    adapters,
    borrowed,
    ceiling,
    certified,
    curves,
    discover,
    few_shot,
    guarantee,
    known,
    longer,
    redrawn,
    schemes,
    variants,
)
from benchmarks.correction.cases import PAPER, Study, equal_harm, mean_over_classes
from benchmarks.correction.elsewhere import elsewhere
from benchmarks.correction.scored import BLENDED
from benchmarks.correction.timing import timed
from benchmarks.correction.trained import TRAIN, side_by_side
from mien.machine import cores

CORRECTORS = (
    PAPER, "lightgbm", "logistic", "lda", "projection", "nystroem", "fisher", "novelty", "blend", "adapter", "cascade",
    BLENDED,
)  # fmt: skip
QUICK = (PAPER, "lda", "adapter")
CERTIFIED = (PAPER, "logistic", "adapter")
"""What the part `certified` compares."""
BESIDE_OTHERS = (PAPER, "logistic", "nystroem", "adapter", "cascade")
"""Correctors beside another base than `attention`, of which a network takes far longer."""
HARMS = (1, 2, 5)


def rankings(study: Study, result: Result, best: str) -> None:
    """Every corrector: means over the classes."""
    references = {left: study.references(left) for left in study.classes}
    lines = []
    for name in study.names:
        found = study.readings(name)
        line: dict[str, object] = {"corrector": name}
        for key, title in {
            "auroc": "AUROC",
            "pauc": "partial AUROC",
            **{f"gain_{h}": f"Gain at {h} %" for h in HARMS},
        }.items():
            values = mean_over_classes([[one.quality()[key] for one in of] for of in found.values()])
            line[title] = Figure.over(values, len(study.classes), study.seeds)
            record(
                result, name, best, {"auroc": "mean_auroc"}.get(key, f"mean_gain_at_harm_{key[-1]}"), line[title], key
            )
        for against in ("R1", "R2"):
            for harm in HARMS:
                values = mean_over_classes(
                    equal_harm(of, references[left][against], harm)[0] for left, of in found.items()
                )
                line[f"P= {harm} %, {against}"] = Figure.over(values, len(study.classes), study.seeds)
                if name == best and against == "R1":
                    result.figures[f"mean_restored_at_equal_harm_{harm}"] = line[f"P= {harm} %, {against}"]
        lines.append(line)
    result.table("Scores fitted on all of correct: means over the classes", lines)


def record(result: Result, name: str, best: str, figure: str, value: Figure, key: str) -> None:
    if key == "pauc":
        return
    for own, prefix in ((best, ""), (PAPER, "paper_")):
        if name == own:
            result.figures[prefix + figure] = value


def class_by_class(study: Study, result: Result, best: str) -> None:
    """The paper's recipe, the best corrector, the control and both networks, for each class."""
    lines = []
    for left in study.classes:
        networks = study.references(left)
        own = {name: study.readings(name)[left] for name in dict.fromkeys((PAPER, best))}
        line: dict[str, object] = {"left out": left, "test pictures": int(own[best][0].new.sum())}
        for name, of in own.items():
            line[f"{name}: AUROC"] = float(np.mean([one.quality()["auroc"] for one in of]))
            line[f"{name}: Gain at 2 %"] = float(np.mean([one.quality()["gain_2"] for one in of]))
        for name, scores in networks.items():
            found = [one.quality(score) for one, score in zip(own[best], scores, strict=True)]
            line[f"{name}: AUROC"] = float(np.mean([one["auroc"] for one in found]))
            line[f"{name}: Gain at 2 %"] = float(np.mean([one["gain_2"] for one in found]))
        for harm in HARMS:
            values, low, high = equal_harm(own[best], networks["R1"], harm)
            line[f"P= {harm} %"] = Figure(float(mean_of_defined(values)), low, high, len(study.seeds), study.seeds)
        lines.append(line)
    result.table(f"Class by class: {PAPER} (the paper's recipe), {best} (chosen on calibrate), networks", lines)
    for harm in HARMS:
        lows = [line[f"P= {harm} %"].high for line in lines]  # type: ignore[attr-defined]
        result.figures[f"least_upper_end_restored_at_equal_harm_{harm}"] = Figure.over(
            [min(lows)], len(lines), study.seeds
        )


def cost(study: Study, result: Result) -> None:
    """Seconds of fitting on all of *correct* and of proposing, a class on each core, beside those of retraining f."""
    tasks = list(study.r2.values()) * cores()
    retraining = float(np.mean(side_by_side(tasks[: cores()])))
    seconds = timed([study.jobs[study.seeds[0], left] for left in study.classes[: cores()]])
    pictures, lines = len(study.parts[study.seeds[0]].test), []
    for name in study.names:
        own, fit, propose = seconds[name].T
        share, of_own = (
            Figure.over(values, len(values), study.seeds[:1]) for values in (fit / retraining, propose / own)
        )
        lines.append(
            {
                "corrector": name,
                "fit, s": float(fit.mean()),
                "share of retraining": share,
                "propose, µs a picture": float(1e6 * propose.mean() / pictures),
                "share of f's own time": of_own,
            }
        )
        if name in ("adapter", "cascade"):
            result.figures[f"{name}_time_share"], result.figures[f"{name}_propose_share"] = share, of_own
        if name in ("blend", PAPER):
            prefix = "" if name == "blend" else "paper_"
            result.figures[f"{prefix}propose_share"] = of_own
            result.figures[f"{prefix}fit_seconds"] = Figure.over(fit, len(fit), study.seeds[:1])
    lines.append({"corrector": "retraining f on train and correct", "fit, s": retraining, "share of retraining": 1.0})
    result.table("Cost on one thread, all cores busy; retraining from an epoch of each size", lines)


def tables(study: Study, result: Result) -> None:
    """What correctors do, beside each other and beside networks."""
    for table in (rankings, class_by_class, curves.against_harm, curves.score_shapes):
        table(study, result, study.best)


def certifying(study: Study, result: Result) -> None:
    """What certified correctors do under several policies, and the most that one for a known class could do."""
    certified.table(study, result, study.best)
    variants.policies(study, result)
    ceiling.table(study, result)


PARTS: dict[str, Callable[[Study, Result], None]] = {
    "study": tables,
    "certified": certifying,
    "cost": cost,
    "few": few_shot.table,
    "discover": lambda study, result: discover.table(study, result, result.options.encoder or ""),
    "variants": variants.table,
    "adapters": adapters.table,
    "longer": longer.table,
    "borrowed": borrowed.table,
    "guarantee": lambda study, result: guarantee.table(result),
    "known": lambda study, result: known.table(result),
    "redrawn": lambda study, result: redrawn.table(result),
    "schemes": lambda study, result: schemes.table(result),
    "elsewhere": lambda study, result: elsewhere(result),
}
BY_THEMSELVES = {"discover", "guarantee", "known", "redrawn", "schemes", "elsewhere"}
"""Parts that need no classifier of the study, or train those that they need."""
READ: dict[str, tuple[str, ...]] = {
    "certified": CERTIFIED, "borrowed": borrowed.BESIDE, "few": (), "adapters": (), "longer": ()
}  # fmt: skip
"""Correctors whose scores a part reads; the others read those of all."""


def name_of(options: Namespace) -> str:
    """The name of the result: one for each base and each class profile."""
    profile = options.class_counts
    parts = ["correction"]
    if options.base != "attention":
        parts.append(options.base)
    if profile != PROFILE:
        parts.append("classes" if "=" in profile else profile.partition(":")[0])
    return "-".join(parts)


def run() -> None:
    """Train and fit what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "")
    flags.add_argument("--base", default="attention", help="base classifier")
    flags.add_argument("--encoder", help="ONNX file of a network to borrow features from, for borrowed and discover")
    profiles(flags)
    only(flags, [part for part in PARTS if part != "borrowed"])
    options = parsed(flags)
    all_of_them = CORRECTORS if options.base == "attention" else BESIDE_OTHERS
    names, parts = QUICK if options.quick else all_of_them, wanted(options, PARTS)
    result = Result(name_of(options), options, {"train": asdict(TRAIN), "base": options.base, "correctors": names})
    result.settings["class profile"] = options.class_counts
    of_study = set(parts) - BY_THEMSELVES
    some = of_study <= set(READ)
    names = tuple(name for name in names if not some or any(name in READ[part] for part in of_study))
    study = Study(options, options.base, names, seeds_of(options))
    if of_study:
        study.run(control=not some)
    if names:
        result.settings["best on calibrate"] = study.best
        print(f"best on calibrate: {study.best}")
    for part in parts:
        with result.part(part):
            PARTS[part](study, result)
    result.write(described(study.parts[study.seeds[0]]))


if __name__ == "__main__":
    main(run)
