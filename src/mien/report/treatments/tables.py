"""The tables of a comparison of treatments, from its finished cells: what is not finished yet gives fewer rows.

Means are over the `common_classes`, those with 100 pictures or more in the data; rarer ones are shown apart, since one
answer more or less would move the mean by tens of points. Counts are of one seed's test pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.experiments.tables import TABLES
from mien.metrics.classification import accuracy, common_classes, confusion_matrix, f1, recall
from mien.metrics.intervals import holm, macro_difference
from mien.storage.csv_tables import Row
from mien.storage.files import read_arrays, read_json
from mien.storage.layout import answers_of, cell_folders
from mien.storage.run import Run
from mien.types import PARTS, Bools, Floats, Ints, Texts

PLAIN = "none"
COLLAPSED, FOUND = 0.95, 0.05
"""Share of one answer from which on a classifier has collapsed, if it finds less than this of the other classes."""


@dataclass(frozen=True)
class TreatmentPredictions:
    """What one model answered under one treatment, on one seed."""

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
        return {"seed": self.seed, "model": self.model, "treatment": self.treatment}

    def of(self, part: str) -> Bools:
        """(N,) whether a row is of this part."""
        found: Bools = self.part == PARTS.index(part)
        return found

    def macro_f1(self, part: str) -> float:
        """Mean F1 over the common classes."""
        own = self.of(part)
        return mean_of_defined(f1(self.truth[own], self.answers[own], len(self.classes)).values[self.common])

    def macro_recall(self, part: str, rows: Bools | None = None) -> float:
        """Mean recall over the common classes with pictures."""
        own = self.of(part) if rows is None else self.of(part) & rows
        values = recall(self.truth[own], self.answers[own], len(self.classes)).values[self.common]
        return mean_of_defined(values)


def collect(run: Run) -> list[TreatmentPredictions]:
    """All that is finished, in the order of the manifest."""
    manifest = run.manifest()
    classes = tuple(manifest["classes"])
    common = common_classes(np.array(manifest["data"]["counts"]))
    found = []
    for seed in manifest["seeds"]:
        for model in manifest["models"]:
            for treatment in manifest["treatments"]:
                for file in answers_of(run.folder, seed, model, treatment):
                    stored = read_arrays(file)
                    found.append(
                        TreatmentPredictions(
                            seed=seed, model=model, treatment=treatment, classes=classes, common=common,
                            **{name: stored[name] for name in ("truth", "answers", "part", "groups", "sources")},
                            seconds=float(stored["seconds"]),
                        )
                    )  # fmt: skip
    return found


def build(run: Run) -> None:
    """Write the tables."""
    found = collect(run)
    tables = {
        "treatments": [_whole(one) for one in found],
        "treated_classes": [row for one in found for row in _by_class(one)],
        "treated_confusion": [row for one in found for row in _confusion(one)],
        "treated_sources": [row for one in found for row in _by_source(one)],
        "differences": list(_differences(found)),
        "generated": list(_generated(run)),
    }
    for name, rows in tables.items():
        run.write_table(TABLES[name], rows)


def _whole(one: TreatmentPredictions) -> Row:
    test = one.of("test")
    truth, answers = one.truth[test], one.answers[test]
    K = len(one.classes)
    shares = np.bincount(answers, minlength=K) / max(1, len(answers))
    recalls = recall(truth, answers, K).values
    others = recalls[one.common & (np.arange(K) != shares.argmax())]
    found = mean_of_defined(others)
    return {
        **one.key,
        "macro_recall": one.macro_recall("test"),
        "macro_f1": one.macro_f1("test"),
        "accuracy": accuracy(truth, answers),
        "worst": float(np.nanmin(recalls[one.common])),
        "on_calibrate": one.macro_recall("calibrate"),
        "f1_on_calibrate": one.macro_f1("calibrate"),
        "most_answered": one.classes[int(shares.argmax())],
        "share": float(shares.max()),
        "collapsed": int(shares.max() >= COLLAPSED and not found >= FOUND),
        "seconds": one.seconds,
    }


def _by_class(one: TreatmentPredictions) -> Iterator[Row]:
    test, K = one.of("test"), len(one.classes)
    counts = confusion_matrix(one.truth[test], one.answers[test], K)
    for c, name in enumerate(one.classes):
        hits, total, named = int(counts[c, c]), int(counts[c].sum()), int(counts[:, c].sum())
        yield {
            **one.key, "class": name, "common": int(one.common[c]), "hits": hits, "total": total, "named": named,
            "recall": _ratio(hits, total), "precision": _ratio(hits, named), "f1": _ratio(2 * hits, total + named),
        }  # fmt: skip


def _confusion(one: TreatmentPredictions) -> Iterator[Row]:
    test, K = one.of("test"), len(one.classes)
    counts = confusion_matrix(one.truth[test], one.answers[test], K)
    for truth, name in enumerate(one.classes):
        for answer, other in enumerate(one.classes):
            yield {**one.key, "truth": name, "answer": other, "count": int(counts[truth, answer])}


def _by_source(one: TreatmentPredictions) -> Iterator[Row]:
    """Within each source: where one contributor gave nearly all of a class, a class detector may only tell sources."""
    for source in dict.fromkeys(one.sources.tolist()) if (one.sources != "").any() else ():
        own = (one.sources == source) & one.of("test")
        present = np.unique(one.truth[own & one.common[one.truth]])
        if len(present) > 1:
            yield {
                **one.key, "source": source, "pictures": int(own.sum()), "classes": len(present),
                "macro_recall": one.macro_recall("test", one.sources == source),
            }  # fmt: skip


def _differences(found: Iterable[TreatmentPredictions]) -> Iterator[Row]:
    """Each treatment against none, of the same model on the seeds that both have; p values raised by Holm."""
    by_key: dict[tuple[str, str], dict[int, TreatmentPredictions]] = {}
    for one in found:
        by_key.setdefault((one.model, one.treatment), {})[one.seed] = one
    lines: list[dict[str, Any]] = []
    for (model, treatment), own in by_key.items():
        plain = by_key.get((model, PLAIN), {})
        seeds = [seed for seed in own if seed in plain]
        if treatment == PLAIN or not seeds:
            continue
        first = own[seeds[0]]
        rows = first.of("test") & first.common[first.truth]
        before, after = (
            np.stack([of[seed].answers[of[seed].of("test")] == of[seed].truth[of[seed].of("test")] for seed in seeds])
            for of in (plain, own)
        )
        kept = rows[first.of("test")]
        difference, low, high, p = macro_difference(
            before[:, kept], after[:, kept], first.truth[rows], first.groups[rows]
        )
        lines.append(
            {
                "model": model, "treatment": treatment, "seeds": len(seeds), "difference": difference, "low": low,
                "high": high, "p": p,
            }
        )  # fmt: skip
    raised = holm([float(line["p"]) for line in lines]).tolist()
    for line, p in zip(lines, raised, strict=True):
        yield {**line, "p_holm": p}


def _generated(run: Run) -> Iterator[Row]:
    """Where pictures were made: how many, and how many of them were near-copies of training pictures."""
    for seed, (model, training), cell in cell_folders(run.folder, "generated.json"):
        made = read_json(cell.generated.with_suffix(".json"))
        yield {
            "seed": seed, "model": model, "training": training,
            **{key: made[key] for key in ("made", "copies", "seconds")},
        }  # fmt: skip


def mean_of_defined(values: Floats) -> float:
    """NaN where there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _ratio(hits: int, total: int) -> float:
    return hits / total if total else float("nan")
