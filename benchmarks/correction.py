"""How well correctors win a class back, beside the paper's recipe and full retraining, on the same pictures.

    python benchmarks/correction.py --data PATH/TO/ferplus

For each seed and class: f without the class; R1, the same network trained on all classes of *train*; R2, trained on
train and correct; a control trained on the pixels of *correct* alone, without f. Figures of a score alone are of
correctors fitted on all of *correct*; certified ones are fitted on *fit* and certified on *calibrate*. The best
corrector is the one with the highest Gain at Harm 2 % on *calibrate*. Everything trained or fitted is kept in runs/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import cached_property, partial

import few_shot
import guarantee
import numpy as np
import variants
from common import Figure, Parts, Result, described, main, mean_of_defined, parser, seeds_of
from elsewhere import elsewhere
from scored import BLENDED, JOINT, Job, Reading, largest, network_probs, network_score, pooled, scored
from trained import TRAIN, Task, side_by_side, trained

from mien.correctors.policy import Policy
from mien.machine import cores
from mien.metrics.classification import macro_recall, recall
from mien.metrics.correction import restored
from mien.metrics.intervals import bootstrap_ratio
from mien.metrics.ranking import gain_at_harm, overridden_at_harm, restored_at_equal_harm

PAPER = "xgboost"
CORRECTORS = (
    PAPER, "lightgbm", "logistic", "lda", "projection", "nystroem", "fisher", "novelty", "blend", "adapter", "cascade",
    BLENDED,
)  # fmt: skip
QUICK = (PAPER, "lda", "adapter")
HARMS = (1, 2, 5)


class Study:
    """The readings of all seeds, classes and correctors, with their references."""

    def __init__(self, options: object, base: str, names: Sequence[str], seeds: Sequence[int]) -> None:
        self.names, self.seeds = tuple(names), tuple(seeds)
        make = partial(Task, options.data, options.test, options.quick, base)  # type: ignore[attr-defined]
        self.r1, self.r2, self.control = (
            {seed: make(seed, rows=rows) for seed in seeds} for rows in ("train", "train and correct", "correct")
        )
        self.parts: dict[int, Parts] = {seed: self.r1[seed].parts() for seed in seeds}
        self.labelset = self.parts[seeds[0]].data.labelset
        self.classes = [name for name in self.labelset.names if self.enough(name)]
        if options.quick:  # type: ignore[attr-defined]
            self.classes = self.classes[-2:]
        self.truths = {seed: of.tested.labels[of.test] for seed, of in self.parts.items()}
        self.jobs = {(s, name): Job(make(s, name), self.names) for s in seeds for name in self.classes}

    def enough(self, name: str) -> bool:
        """Whether a class has pictures to learn from and to test on in every seed."""
        index = self.labelset.index(name)
        return all(
            (of.data.labels[of.rows["fit"]] == index).sum() >= 3 and (of.tested.labels[of.test] == index).any()
            for of in self.parts.values()
        )

    def run(self) -> None:
        """Train and fit what is missing."""
        trained(
            [*self.r2.values(), *self.r1.values(), *(job.task for job in self.jobs.values()), *self.control.values()]
        )
        scored(list(self.jobs.values()))

    def reading(self, seed: int, left: str, name: str) -> Reading:
        return Reading.of(self.jobs[seed, left], name, self.parts[seed])

    def readings(self, name: str) -> dict[str, list[Reading]]:
        """Class → one reading a seed."""
        return {left: [self.reading(seed, left, name) for seed in self.seeds] for left in self.classes}

    def references(self, left: str) -> dict[str, list[np.ndarray]]:
        """Name → (N,) scores of each seed's network for the class."""
        index = self.labelset.index(left)
        named = {"R1": self.r1, "R2": self.r2, "control": self.control}
        return {
            name: [network_score(tasks[seed], self.parts[seed], index) for seed in self.seeds]
            for name, tasks in named.items()
        }

    @cached_property
    def answers(self) -> dict[str, dict[int, np.ndarray]]:
        """ "full" (R1) and "retrained" (R2): each seed's answers on test."""
        networks = {"full": self.r1, "retrained": self.r2}
        return {
            name: {seed: network_probs(task, self.parts[seed]).argmax(1) for seed, task in tasks.items()}
            for name, tasks in networks.items()
        }

    @cached_property
    def best(self) -> str:
        """Chosen on *calibrate*: highest mean Gain at Harm 2 %."""

        def quality(name: str) -> float:
            found = [reading for of in self.readings(name).values() for reading in of]
            return float(mean_of_defined([on_calibrate(reading) for reading in found]))

        return max(self.names, key=quality)


def on_calibrate(reading: Reading, harm: float = 0.02) -> float:
    seen = reading.calibration
    right = (seen.base == seen.truth) & reading.known[seen.truth]
    return gain_at_harm(seen.score, seen.truth == reading.left, right, harm)


def mean_over_classes(values: Iterable[Sequence[float]]) -> list[float]:
    """Class by class a value for each seed → for each seed the mean over the classes."""
    return mean_of_defined(list(values), axis=0).tolist()


def equal_harm(
    readings: Sequence[Reading], networks: Sequence[np.ndarray], harm: int
) -> tuple[list[float], float, float]:
    """P at equal Harm of each seed, and the interval of all seeds together by pictures that travel together."""
    pairs = list(zip(readings, networks, strict=True))
    values = [restored_at_equal_harm(one.score_all, net, one.new, one.counts, harm / 100) for one, net in pairs]
    won, by_network = (
        np.concatenate([overridden_at_harm(score(one, net), one.counts, harm / 100)[one.new] for one, net in pairs])
        for score in (lambda one, net: one.score_all, lambda one, net: net)
    )
    return values, *bootstrap_ratio(won, by_network, np.concatenate([one.groups[one.new] for one in readings]))


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


def certified(study: Study, result: Result, best: str) -> None:
    """What certified correctors do, at three budgets, beside networks without a corrector."""
    lines = []
    for name in dict.fromkeys((PAPER, "logistic" if "logistic" in study.names else PAPER, best)):
        for budget in HARMS:
            found = at_budget(study, name, Policy(budget / 100))
            lines.append({"corrector": name, "budget": f"{budget} %", **found})
            if budget == 2 and name == best:
                largest = Figure.over([float(str(found["largest pooled Harm"]))], len(study.classes), study.seeds)
                result.figures["max_certified_harm"] = largest
                result.figures["macro_recall_corrected"] = found["macro recall of h"]
            if budget == 2 and name in (best, PAPER):
                result.figures[("" if name == best else "paper_") + "mean_restored"] = found["P"]
    for key, answers in study.answers.items():
        values = [macro_recall(study.truths[s], answers[s], len(study.labelset)) for s in study.seeds]
        figure = Figure.over(values, len(study.truths[study.seeds[0]]), study.seeds)
        result.figures[f"macro_recall_{key}"] = figure
        lines.append({"corrector": f"{key} network, no corrector", "macro recall of h": figure})
    result.table("Certified on calibrate, fitted on fit", lines)


def at_budget(study: Study, name: str, policy: Policy) -> dict[str, object]:
    """Means over the classes of what one corrector does under a policy."""
    found: dict[str, list[list[float]]] = defaultdict(list)
    for left, readings in study.readings(name).items():
        i = study.labelset.index(left)
        done = [one.corrected(policy) for one in readings]
        full = [recall(study.truths[s], study.answers["full"][s], len(study.labelset)) for s in study.seeds]
        found["Gain"].append([one.gain.values[i] for one in done])
        found["pooled Harm"].append([pooled(one) for one in done])
        found["Harm of a class"].append([largest(one) for one in done])
        found["ΔFPR"].append([one.delta_fpr[i] for one in done])
        found["P"].append([restored(h.tpr_h.values, of.values)[i] for h, of in zip(done, full, strict=True)])
        found["macro recall of h"].append([one.tpr_h.mean() for one in done])
    means = {
        key: Figure.over(mean_over_classes(values), len(study.classes), study.seeds)
        for key, values in found.items()
        if key != "Harm of a class"
    }
    return {
        **means,
        "largest pooled Harm": float(np.max(found["pooled Harm"])),
        "largest Harm of a class": float(np.max(found["Harm of a class"])),
    }


def cost(study: Study, result: Result, best: str) -> None:
    """Seconds of fitting on all of *correct* and of proposing, one thread each, beside those of retraining f."""
    tasks = list(study.r2.values()) * cores()
    retraining = float(np.mean(side_by_side(tasks[: cores()])))
    lines = []
    for name in [name for name in study.names if name not in JOINT]:
        seconds = np.array([one.seconds for of in study.readings(name).values() for one in of])
        own, _, propose, fit = seconds.mean(0)
        lines.append({"corrector": name, "fit, s": fit, "share of retraining": fit / retraining,
                      "propose, µs a picture": 1e6 * propose / len(study.parts[study.seeds[0]].test),
                      "share of f's own time": propose / own})  # fmt: skip
        shares = Figure.over(seconds[:, 2] / seconds[:, 0], len(seconds), study.seeds)
        if name == "adapter":
            result.figures["adapter_time_share"] = Figure.over(seconds[:, 3] / retraining, len(seconds), study.seeds)
            result.figures["adapter_propose_share"] = shares
        if name == "blend":
            result.figures["propose_share"] = shares
            result.figures["fit_seconds"] = Figure.over(seconds[:, 3], len(seconds), study.seeds)
    for name in [name for name in study.names if name in JOINT]:  # fitted with the others, timed in proposing alone
        seconds = np.array([one.seconds for of in study.readings(name).values() for one in of])
        share = float((seconds[:, 2] / seconds[:, 0]).mean())
        lines.append({"corrector": name, "share of f's own time": share})
        if name == "cascade":
            result.figures["cascade_propose_share"] = Figure.over(
                seconds[:, 2] / seconds[:, 0], len(seconds), study.seeds
            )
    lines.append({"corrector": "retraining f on train and correct", "fit, s": retraining, "share of retraining": 1.0})
    result.table("Cost on one thread, all cores busy; retraining from an epoch of each size", lines)


TABLES: tuple[Callable[[Study, Result, str], None], ...] = (rankings, class_by_class, certified, cost)


def run() -> None:
    """Train and fit what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "")
    flags.add_argument("--base", default="attention", help="base classifier")
    flags.add_argument("--only", default="", help="parts: study,few,variants,guarantee,elsewhere (default: all)")
    options = flags.parse_args()
    names = QUICK if options.quick else CORRECTORS
    wanted = options.only.split(",") if options.only else ["study", "few", "variants", "guarantee", "elsewhere"]
    name = "correction" if options.base == "attention" else f"correction-{options.base}"
    result = Result(name, options, {"train": asdict(TRAIN), "base": options.base, "correctors": names})
    study = Study(options, options.base, names, seeds_of(options))
    study.run()
    best = study.best
    result.settings["best on calibrate"] = best
    print(f"best on calibrate: {best}")
    if "study" in wanted:
        for table in TABLES:
            table(study, result, best)
    if "few" in wanted:
        few_shot.table(study, result)
    if "variants" in wanted:
        variants.table(study, result)
    if "guarantee" in wanted:
        guarantee.table(result)
    if "elsewhere" in wanted:
        elsewhere(result)
    result.write(described(study.parts[study.seeds[0]]))


if __name__ == "__main__":
    main(run)
