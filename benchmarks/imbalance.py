"""What helps against unbalanced classes: every treatment on two sets, every model with some, and failures explained.

    python benchmarks/imbalance.py --data PATH/TO/ferplus --legend PATH/TO/emotion_detection

All treatments on one network; other models without any, with weights and with the best; the k of nearest neighbours;
what went wrong in the report that this began with, each with the mend. It is `mien compare` that does the work, so
runs/benchmark-imbalance holds its reports, and what is done is kept. The best is chosen on *calibrate*.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import imbalance_failures
import numpy as np
from common import Figure, Result, main, only, parser, seeds_of, settings_of, wanted

from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.imbalance import TREATMENTS, TrainPart
from mien.imbalance.neighbours import nearest
from mien.metrics.classification import macro_recall
from mien.models.settings import TrainSettings
from mien.report import treated, treated_page
from mien.report.advice import KEY, best_first
from mien.report.evidence import grouped, number, rows
from mien.runs import Run
from mien.study.comparison import compare
from mien.study.settings import CompareSettings

KEPT = Path("runs/benchmark-imbalance")
NETWORK = "threeconv"
TREATED = tuple(name for name in TREATMENTS if name != "resample")
COMBINED = ("resample:100", "resample:300", "resample:1000", "resample:3000")
MODELS = ("oneconv", "attention", "knn")
FEW = ("none", "weights")
EPOCHS = 20
NEIGHBOURS = (1, 5, 21, 51, 101, 201)


@dataclass(frozen=True)
class Bench:
    """One data set, and the comparison on it."""

    name: str
    data: DataSettings
    seeds: tuple[int, ...]
    quick: bool

    @property
    def train(self) -> TrainSettings:
        return replace(TrainSettings(), epochs=2 if self.quick else EPOCHS)

    def run(self, models: tuple[str, ...], treatments: tuple[str, ...]) -> Run:
        """The comparison with these in it, and its tables and report."""
        settings = CompareSettings(self.data, train=self.train, models=models, treatments=treatments, seeds=self.seeds)
        done = compare(settings, self.folder, command=f"python benchmarks/imbalance.py ({self.name})")
        treated.build(done)
        treated_page.write(done)
        return done

    @property
    def folder(self) -> Path:
        return KEPT / (f"{self.name}-quick" if self.quick else self.name)

    @cached_property
    def best(self) -> str:
        """The treatment of the network that was best on *calibrate*."""
        return next(treatment for model, treatment in best_first(Run(self.folder)) if model == NETWORK)

    def lines(self, models: tuple[str, ...], treatments: tuple[str, ...]) -> list[dict[str, Any]]:
        """A line for each model and treatment, best on *calibrate* first."""
        run = Run(self.folder)
        found = grouped(rows(run, "treatments"), *KEY)
        differences = {(row["model"], row["treatment"]): row for row in rows(run, "differences")}
        lines = []
        for key in best_first(run):
            if key[0] not in models or key[1] not in treatments:
                continue
            row, own = differences.get(key), found[key]
            line: dict[str, Any] = {"model": key[0], "treatment": key[1]}
            for title, name in (("macro recall", "macro_recall"), ("macro F1", "macro_f1"), ("accuracy", "accuracy")):
                line[title] = Figure.over([one[name] for one in own], len(own), self.seeds)
            line["worst class"] = number(own, "worst").value
            line["against none"] = f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})" if row else "–"
            line["p (Holm)"] = row["p_holm"] if row else None
            line["seconds"] = number(own, "seconds").value
            line["collapsed"] = sum(one["collapsed"] for one in own)
            lines.append(line)
        return lines


def treatments(result: Result, benches: list[Bench]) -> None:
    """All treatments on one network."""
    for bench in benches:
        wanted_here = tuple(name for name in TREATED if not (bench.quick and name == "generate"))
        bench.run((NETWORK,), wanted_here)
        lines = bench.lines((NETWORK,), wanted_here)
        result.table(f"{bench.name}: treatments of {NETWORK}, test", lines)
        best = next(line for line in lines if line["treatment"] == bench.best)
        plain = next(line for line in lines if line["treatment"] == "none")
        result.figures[f"{bench.name}_macro_f1"] = best["macro F1"]
        result.figures[f"{bench.name}_macro_recall"] = best["macro recall"]
        gain = best["macro recall"].value - plain["macro recall"].value
        result.figures[f"{bench.name}_recall_gain"] = Figure.over([gain], len(bench.seeds), bench.seeds)
        result.settings[f"best on {bench.name}"] = bench.best
        result.table(f"{bench.name}: class by class, test", _classes(bench))
        if sources := _sources(bench):
            result.table(f"{bench.name}: within each source, test", sources)


def _classes(bench: Bench) -> list[dict[str, Any]]:
    """Recall, precision and F1 of each class, without a treatment and with the best."""
    table, lines = rows(Run(bench.folder), "treated_classes"), []
    for name, own in grouped(table, "class").items():
        line: dict[str, Any] = {"class": name, "test pictures": own[0]["total"], "in the means": bool(own[0]["common"])}
        for treatment in dict.fromkeys(("none", bench.best)):
            these = [row for row in own if (row["model"], row["treatment"]) == (NETWORK, treatment)]
            for value in ("recall", "precision", "f1"):
                line[f"{treatment}: {value}"] = number(these, value, bounds=False).value
        lines.append(line)
    return lines


def _sources(bench: Bench) -> list[dict[str, Any]]:
    table = rows(Run(bench.folder), "treated_sources")
    lines = []
    for source, own in grouped(table, "source").items():
        line: dict[str, Any] = {"source": source, "pictures": own[0]["pictures"], "classes": own[0]["classes"]}
        for treatment in dict.fromkeys(("none", bench.best)):
            these = [row for row in own if (row["model"], row["treatment"]) == (NETWORK, treatment)]
            line[f"{treatment}: macro recall"] = number(these, "macro_recall").value
        lines.append(line)
    return lines


def models(result: Result, benches: list[Bench]) -> None:
    """Other models without a treatment, with weights, and with what was best for the network."""
    for bench in benches:
        chosen = tuple(dict.fromkeys((*FEW, bench.best)))
        bench.run(MODELS, chosen)
        result.table(f"{bench.name}: other models, test", bench.lines((NETWORK, *MODELS), chosen))


def combined(result: Result, benches: list[Bench]) -> None:
    """Under- and oversampling together, to several numbers of pictures a class."""
    for bench in benches:
        bench.run((NETWORK,), ("none", *COMBINED))
        result.table(f"{bench.name}: the same number of each class, test", bench.lines((NETWORK,), ("none", *COMBINED)))


def neighbours(result: Result, benches: list[Bench]) -> None:
    """The k of nearest neighbours on pixels, judged on *calibrate*, since the choice follows from it."""
    lines = []
    for bench in benches:
        data = prepare(bench.data)
        common = np.flatnonzero(treated.common_classes(data.counts()))
        for k in NEIGHBOURS:
            values = []
            for seed in bench.seeds:
                parts = split(data, seed)
                learn, judge = parts.rows("train"), parts.rows("calibrate")
                judge = judge[np.isin(data.labels[judge], common)]
                vectors, new = (data.pictures[of].reshape(len(of), -1).astype(np.float32) for of in (learn, judge))
                probs = nearest(TrainPart(data.labels[learn], len(data.labelset)), vectors, new, k)
                values.append(macro_recall(data.labels[judge], probs.argmax(1), len(data.labelset)))
            lines.append({"data": bench.name, "k": k, "macro recall": Figure.over(values, len(values), bench.seeds)})
    result.table("Nearest neighbours on pixels, calibrate", lines)


def failures(result: Result, benches: list[Bench]) -> None:
    """What went wrong in the original report, on its data, each with the mend."""
    bench = benches[-1]
    lines = imbalance_failures.between_pixels(prepare(bench.data), bench.seeds[0])
    result.table(f"{bench.name}: SMOTE between pixels, first seed", lines)
    for title, lines in imbalance_failures.tables(bench.data, bench.train, bench.seeds).items():
        result.table(f"{bench.name}: {title}", lines)


PARTS: dict[str, Callable[[Result, list[Bench]], None]] = {
    "treatments": treatments,
    "models": models,
    "combined": combined,
    "neighbours": neighbours,
    "failures": failures,
}


def benches_of(options: Namespace) -> list[Bench]:
    """FER+ in RAF-DB's profile, and the Emotion Detection set as it is."""
    seeds = seeds_of(options)
    found = [Bench("ferplus", settings_of(options.data, quick=options.quick), seeds, options.quick)]
    if options.legend:
        shape = "neutral=300,happiness=300,surprise=120,disgust=100" if options.quick else None
        found.append(Bench("emotion_detection", DataSettings(options.legend, shape=shape), seeds, options.quick))
    return found


def run() -> None:
    """Train what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False)
    flags.add_argument("--legend", help="the Emotion Detection set; without it, its tables are left out")
    only(flags, PARTS)
    options = flags.parse_args()
    result = Result("imbalance", options, {"epochs": EPOCHS, "network": NETWORK})
    benches = benches_of(options)
    for part in wanted(options, PARTS):
        with result.part(part):
            PARTS[part](result, benches)
    about, prints = {}, []
    for bench in benches:
        data = prepare(bench.data)
        about[bench.name] = dict(zip(data.labelset.names, data.counts().tolist(), strict=True))
        prints.append(data.fingerprint())
    result.write({"name": " and ".join(about), "classes": about, "fingerprint": " ".join(prints)})


if __name__ == "__main__":
    main(run)
