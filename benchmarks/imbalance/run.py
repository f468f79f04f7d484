"""What helps against unbalanced classes: every treatment on two sets, every model with some, and failures explained.

    python -m benchmarks.imbalance.run --data PATH/TO/ferplus --legend PATH/TO/emotion_detection

All treatments on one network; other models without any, with weights and with the best; the k of nearest neighbours;
what went wrong in the report that this began with, each with the mend. It is `mien compare` that does the work, so
runs/benchmark-imbalance holds its reports, and what is done is kept. The best is chosen on *calibrate*.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.common import Figure, Result, main, only, parsed, parser, seeds_of, settings_of, wanted
from benchmarks.imbalance import failures as imbalance_failures
from benchmarks.imbalance import neighbours as imbalance_neighbours
from benchmarks.imbalance import rare as imbalance_rare
from mien.data.prepare import DataSettings, prepare
from mien.experiments.settings import CompareSettings
from mien.experiments.treatments.comparison import compare
from mien.imbalance import TREATMENTS, get_treatment
from mien.metrics.intervals import holm
from mien.nets.settings import TrainSettings
from mien.report.common.run_figures import grouped, number, rows
from mien.report.treatments import page as treatments_page
from mien.report.treatments import tables as treatments_tables
from mien.report.treatments.advice import BY_F1, BY_RECALL, KEY, Key, treatments_best_first
from mien.storage.run import Run

KEPT = Path("runs/benchmark-imbalance")
NETWORK, DEEPER = "threeconv", "residual"
TREATED = tuple(get_treatment(name).name for name in TREATMENTS if name != "resample")
COMBINED = ("resample:300", "resample:1000", "resample:3000")
MODELS = ("oneconv", "attention", "knn")
FEW = ("none", "weights")
EPOCHS, LONG = 20, 45


@dataclass(frozen=True)
class Bench:
    """One data set, and the comparison on it."""

    name: str
    data: DataSettings
    seeds: tuple[int, ...]
    quick: bool
    epochs: int = EPOCHS

    @property
    def train(self) -> TrainSettings:
        return replace(TrainSettings(), epochs=self.epochs)

    def run(self, models: tuple[str, ...], treatments: tuple[str, ...]) -> Run:
        """The comparison with these in it, and its tables and report."""
        settings = CompareSettings(self.data, train=self.train, models=models, treatments=treatments, seeds=self.seeds)
        done = compare(settings, self.folder, command=f"python -m benchmarks.imbalance.run ({self.name})")
        treatments_tables.build(done)
        treatments_page.write(done)
        return done

    @property
    def folder(self) -> Path:
        return KEPT / (f"{self.name}-quick" if self.quick else self.name)

    def best(self, by: str = BY_RECALL, models: tuple[str, ...] = (NETWORK,)) -> Key:
        """What was best on *calibrate*, of the treatments that have no more pictures."""
        found = treatments_best_first(Run(self.folder), by, models)
        return next(key for key in found if key[1] in TREATED and not get_treatment(key[1]).uses_fit)

    def choices(self, models: tuple[str, ...] = (NETWORK,)) -> list[dict[str, Any]]:
        """The network as it is, and what was best on *calibrate*, by macro recall and by macro F1."""
        chosen = {
            "": (NETWORK, "none"),
            "macro recall": self.best(BY_RECALL, models),
            "macro F1": self.best(BY_F1, models),
        }
        kept = ("model", "treatment", "macro recall", "macro F1", "accuracy")
        return [
            {"chosen by": by, **{name: self.lines((key[0],), (key[1],))[0][name] for name in kept}}
            for by, key in chosen.items()
        ]

    def lines(self, models: tuple[str, ...], treatments: tuple[str, ...]) -> list[dict[str, Any]]:
        """A line for each model and treatment, best on *calibrate* first."""
        run = Run(self.folder)
        found = grouped(rows(run, "treatments"), *KEY)
        wanted_here = [key for key in found if key[0] in models and key[1] in treatments]
        differences = {
            key: row for row in rows(run, "differences") if (key := (row["model"], row["treatment"])) in wanted_here
        }
        corrected = dict(zip(differences, holm([row["p"] for row in differences.values()]), strict=True))
        lines = []
        for key in treatments_best_first(run):
            if key not in wanted_here:
                continue
            row, own = differences.get(key), found[key]
            seeds = tuple(one["seed"] for one in own)
            line: dict[str, Any] = {"model": key[0], "treatment": key[1]}
            for title, name in (("macro recall", "macro_recall"), ("macro F1", "macro_f1"), ("accuracy", "accuracy")):
                line[title] = Figure.over([one[name] for one in own], len(seeds), seeds)
            line["worst class"] = number(own, "worst").value
            line["against none"] = f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})" if row else "–"
            line["p (Holm)"] = float(corrected[key]) if row else None
            line["seconds"] = number(own, "seconds").value
            line["collapsed"] = sum(one["collapsed"] for one in own)
            lines.append(line)
        return lines


def treatments(result: Result, benches: list[Bench]) -> None:
    """All treatments on one network."""
    for bench in benches:
        wanted_here = FEW if bench.quick else TREATED
        bench.run((NETWORK,), wanted_here)
        result.table(f"{bench.name}: treatments of {NETWORK}, test", bench.lines((NETWORK,), wanted_here))
        plain, by_recall, by_f1 = choices = bench.choices()
        result.table(f"{bench.name}: best on calibrate", choices)
        result.figures[f"{bench.name}_plain_macro_recall"] = plain["macro recall"]
        result.figures[f"{bench.name}_macro_recall"] = by_recall["macro recall"]
        result.figures[f"{bench.name}_recall_gain"] = _gain(bench)
        result.figures[f"{bench.name}_macro_f1"] = by_f1["macro F1"]
        result.table(f"{bench.name}: class by class, test", _classes(bench))
        if sources := _sources(bench):
            result.table(f"{bench.name}: within each source, test", sources)


def _gain(bench: Bench) -> Figure:
    """Macro recall beside no treatment, with its 95 % interval; undefined where none was best."""
    for row in rows(Run(bench.folder), "differences", model=NETWORK, treatment=bench.best()[1]):
        return Figure(row["difference"], row["low"], row["high"], len(bench.seeds), bench.seeds)
    return Figure.over([], 0)


def _classes(bench: Bench) -> list[dict[str, Any]]:
    """Recall, precision and F1 of each class, without a treatment and with the best."""
    table, lines = rows(Run(bench.folder), "treated_classes"), []
    for name, own in grouped(table, "class").items():
        line: dict[str, Any] = {"class": name, "test pictures": own[0]["total"], "in the means": bool(own[0]["common"])}
        for treatment in dict.fromkeys(("none", bench.best()[1])):
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
        for treatment in dict.fromkeys(("none", bench.best()[1])):
            these = [row for row in own if (row["model"], row["treatment"]) == (NETWORK, treatment)]
            line[f"{treatment}: macro recall"] = number(these, "macro_recall").value
        lines.append(line)
    return lines


def models(result: Result, benches: list[Bench]) -> None:
    """Other models without a treatment, with weights, and with what was best for the network."""
    for bench in benches:
        chosen = tuple(dict.fromkeys((*FEW, bench.best()[1], bench.best(BY_F1)[1])))
        bench.run(MODELS[:1] if bench.quick else MODELS, chosen)
        result.table(f"{bench.name}: other models, test", bench.lines((NETWORK, *MODELS), chosen))
        choices = bench.choices((NETWORK, *MODELS))
        result.table(f"{bench.name}: best of all models on calibrate", choices)
        result.figures[f"{bench.name}_best_macro_recall"] = choices[1]["macro recall"]
        result.figures[f"{bench.name}_best_macro_f1"] = choices[2]["macro F1"]


def longer(result: Result, benches: list[Bench]) -> None:
    """How far macro F1 goes: a deeper network, trained for longer, under what was best by it for the other."""
    bench = benches[-1]
    chosen = bench.best(BY_F1)[1]
    longer = replace(bench, name=f"{bench.name}-longer", epochs=3 if bench.quick else LONG)
    model = NETWORK if bench.quick else DEEPER
    longer.run((model,), (chosen,))
    (line,) = longer.lines((model,), (chosen,))
    result.table(f"{bench.name}: trained for {longer.epochs} epochs, test", [line])
    result.figures[f"{bench.name}_longer_macro_f1"] = line["macro F1"]


def combined(result: Result, benches: list[Bench]) -> None:
    """Under- and oversampling together, to several numbers of pictures a class."""
    for bench in benches:
        some = ("none", *(COMBINED[:1] if bench.quick else COMBINED))
        bench.run((NETWORK,), some)
        result.table(f"{bench.name}: the same number of each class, test", bench.lines((NETWORK,), some))


def neighbours(result: Result, benches: list[Bench]) -> None:
    """The k of nearest neighbours, judged on *calibrate*, since the choice follows from it."""
    lines = []
    for bench in benches:
        for line in imbalance_neighbours.table(bench.folder, bench.data, NETWORK, bench.seeds):
            lines.append({"data": bench.name, **line})
    result.table("Nearest neighbours, macro recall on calibrate", lines)


def rare(result: Result, benches: list[Bench]) -> None:
    """Classes too rare for one test part, by folds of persons; the best treatment of those of training itself."""
    bench = benches[-1]
    trained = [
        name
        for _, name in treatments_best_first(Run(bench.folder), models=(NETWORK,))
        if name in TREATED
        and not (get_treatment(name).postprocess or get_treatment(name).generated or get_treatment(name).uses_fit)
    ]
    chosen = tuple(dict.fromkeys(("none", trained[0])))
    lines = imbalance_rare.table(bench.folder, bench.data, bench.train, NETWORK, chosen)
    if lines:
        result.table(f"{bench.name}: too rare for the means, {imbalance_rare.FOLDS} folds", lines)


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
    "longer": longer,
    "combined": combined,
    "neighbours": neighbours,
    "rare": rare,
    "failures": failures,
}


def benches_of(options: Namespace) -> list[Bench]:
    """FER+ in RAF-DB's profile, and the Emotion Detection set as it is."""
    seeds = seeds_of(options)
    quick, epochs = options.quick, 2 if options.quick else EPOCHS
    found = [Bench("ferplus", settings_of(options.data, quick=quick), seeds, quick, epochs)]
    if options.legend:
        shape = "neutral=300,happiness=300,surprise=120,disgust=100" if quick else None
        found.append(Bench("emotion_detection", DataSettings(options.legend, class_counts=shape), seeds, quick, epochs))
    return found


def run() -> None:
    """Train what is missing, print the tables, write the result."""
    flags = parser(__doc__ or "", tests=False)
    flags.add_argument("--legend", help="the Emotion Detection set; without it, its tables are left out")
    only(flags, PARTS)
    options = parsed(flags)
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
