"""The tables of a comparison of treatments, from its finished cells: what is not finished yet gives fewer rows.

Means are over the `common_classes`, those with 100 pictures or more in the data; rarer ones are shown apart, since one
answer more or less would move the mean by tens of points. Counts are of one seed's test pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from mien.experiments.tables import TABLES
from mien.metrics.classification import accuracy, common_classes, confusion_matrix, f1, recall
from mien.metrics.intervals import holm, macro_difference
from mien.storage.csv_tables import Row
from mien.storage.files import read_arrays, read_json
from mien.storage.layout import answers_of, cell_folders
from mien.storage.run import Run
from mien.types import PARTS, Bools, Ints, Rates, Texts

PLAIN = "none"
COLLAPSED, FOUND = 0.95, 0.05
"""Share of one answer from which on a classifier has collapsed, if it finds less than this of the other classes."""


@dataclass(frozen=True)
class TreatmentPredictions:
    """Answers of one model under one treatment, on one seed, to the N pictures of *calibrate* and *test*.

    Attributes
    ----------
    classes : K class names.
    common : (K,) whether a class has enough pictures for the means.
    truth, answers, part, groups, sources : (N,).
    seconds : of training and of what comes after it.
    """

    seed: int
    model: str
    treatment: str
    classes: tuple[str, ...]
    common: Bools
    truth: Ints
    answers: Ints
    part: Ints
    groups: Texts
    sources: Texts
    seconds: float

    @property
    def key(self) -> dict[str, Any]:
        """The columns that every table begins with."""
        return {"seed": self.seed, "model": self.model, "treatment": self.treatment}

    def in_part(self, part: str) -> Bools:
        """(N,) whether a picture is in this part."""
        rows: Bools = self.part == PARTS.index(part)
        return rows

    def mean(self, measure: Callable[[Ints, Ints, int], Rates], rows: Bools) -> float:
        """Mean of a measure over the common classes that have pictures among these rows."""
        return measure(self.truth[rows], self.answers[rows], len(self.classes)).mean(self.common.astype(float))

    @cached_property
    def confusion(self) -> Ints:
        """(K, K) pictures of the test part by label and answer."""
        test = self.in_part("test")
        return confusion_matrix(self.truth[test], self.answers[test], len(self.classes))


def collect(run: Run) -> list[TreatmentPredictions]:
    """The predictions that are finished, in the order of the manifest."""
    manifest = run.manifest()
    common = common_classes(np.array(manifest["data"]["counts"]))
    predictions = []
    for seed, model, treatment in product(manifest["seeds"], manifest["models"], manifest["treatments"]):
        for file in answers_of(run.folder, seed, model, treatment):
            stored = read_arrays(file)
            predictions.append(
                TreatmentPredictions(
                    seed=seed, model=model, treatment=treatment, classes=tuple(manifest["classes"]), common=common,
                    **{name: stored[name] for name in ("truth", "answers", "part", "groups", "sources")},
                    seconds=float(stored["seconds"]),
                )
            )  # fmt: skip
    return predictions


def build(run: Run) -> None:
    """Write the tables."""
    predictions = collect(run)
    tables = {
        "treatments": [_summary(each) for each in predictions],
        "treated_classes": [row for each in predictions for row in _by_class(each)],
        "treated_confusion": [row for each in predictions for row in _confusion(each)],
        "treated_sources": [row for each in predictions for row in _by_source(each)],
        "differences": list(_differences(predictions)),
        "generated": list(_generated(run)),
    }
    for name, rows in tables.items():
        run.write_table(TABLES[name], rows)


def _summary(predictions: TreatmentPredictions) -> Row:
    test, calibrate = predictions.in_part("test"), predictions.in_part("calibrate")
    counts = predictions.confusion
    shares = counts.sum(0) / max(1, counts.sum())
    recalls = Rates(np.diag(counts), counts.sum(1))
    most = int(shares.argmax())
    recall_of_others = recalls.mean((predictions.common & (np.arange(len(counts)) != most)).astype(float))
    return {
        **predictions.key,
        "macro_recall": predictions.mean(recall, test),
        "macro_f1": predictions.mean(f1, test),
        "accuracy": accuracy(predictions.truth[test], predictions.answers[test]),
        "worst": float(np.nanmin(recalls.values[predictions.common])),
        "on_calibrate": predictions.mean(recall, calibrate),
        "f1_on_calibrate": predictions.mean(f1, calibrate),
        "most_answered": predictions.classes[most],
        "share": float(shares[most]),
        "collapsed": int(shares[most] >= COLLAPSED and not recall_of_others >= FOUND),
        "seconds": predictions.seconds,
    }


def _by_class(predictions: TreatmentPredictions) -> Iterator[Row]:
    counts = predictions.confusion
    for c, name in enumerate(predictions.classes):
        hits, total, named = int(counts[c, c]), int(counts[c].sum()), int(counts[:, c].sum())
        yield {
            **predictions.key, "class": name, "common": int(predictions.common[c]), "hits": hits, "total": total,
            "named": named, "recall": _ratio(hits, total), "precision": _ratio(hits, named),
            "f1": _ratio(2 * hits, total + named),
        }  # fmt: skip


def _confusion(predictions: TreatmentPredictions) -> Iterator[Row]:
    for truth, counts in zip(predictions.classes, predictions.confusion.tolist(), strict=True):
        for answer, count in zip(predictions.classes, counts, strict=True):
            yield {**predictions.key, "truth": truth, "answer": answer, "count": count}


def _by_source(predictions: TreatmentPredictions) -> Iterator[Row]:
    """Macro recall within each source: a class detector may otherwise only recognise the source of a class."""
    truth, sources = predictions.truth, predictions.sources
    for source in dict.fromkeys(sources.tolist()) if (sources != "").any() else ():
        rows = (sources == source) & predictions.in_part("test")
        present = np.unique(truth[rows & predictions.common[truth]])
        if len(present) > 1:
            yield {
                **predictions.key, "source": source, "pictures": int(rows.sum()), "classes": len(present),
                "macro_recall": predictions.mean(recall, rows),
            }  # fmt: skip


def _differences(predictions: Iterable[TreatmentPredictions]) -> Iterator[Row]:
    """Each treatment against none, of the same model on the seeds that both have; p values are adjusted by Holm."""
    by_key: dict[tuple[str, str], dict[int, TreatmentPredictions]] = {}
    for each in predictions:
        by_key.setdefault((each.model, each.treatment), {})[each.seed] = each
    lines: list[dict[str, Any]] = []
    for (model, treatment), treated in by_key.items():
        plain = by_key.get((model, PLAIN), {})
        seeds = [seed for seed in treated if seed in plain]
        if treatment == PLAIN or not seeds:
            continue
        first = treated[seeds[0]]
        rows = first.in_part("test") & first.common[first.truth]
        before, after = (_right_answers([of_seed[seed] for seed in seeds]) for of_seed in (plain, treated))
        difference, low, high, p = macro_difference(before, after, first.truth[rows], first.groups[rows])
        lines.append(
            {
                "model": model, "treatment": treatment, "seeds": len(seeds), "difference": difference, "low": low,
                "high": high, "p": p,
            }
        )  # fmt: skip
    adjusted = holm([float(line["p"]) for line in lines]).tolist()
    for line, p in zip(lines, adjusted, strict=True):
        yield {**line, "p_holm": p}


def _right_answers(predictions: Sequence[TreatmentPredictions]) -> Bools:
    """(seeds, pictures) whether each answer is right, for the test pictures of common classes."""
    return np.stack(
        [(each.answers == each.truth)[each.in_part("test") & each.common[each.truth]] for each in predictions]
    )


def _generated(run: Run) -> Iterator[Row]:
    """Where pictures were made: how many, and how many of them were near-copies of training pictures."""
    for seed, (model, training), cell in cell_folders(run.folder, "generated.json"):
        made = read_json(cell.generated.with_suffix(".json"))
        yield {
            "seed": seed, "model": model, "training": training,
            **{key: made[key] for key in ("made", "copies", "seconds")},
        }  # fmt: skip


def _ratio(hits: int, total: int) -> float:
    return hits / total if total else float("nan")
