"""The tables of a study, from its finished cells: what is not finished yet gives fewer rows.

Columns are described in ARCHITECTURE.md. Counts are of one seed's test pictures; nothing is pooled over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from mien.certify.promise import compare_all
from mien.experiments.tables import PERCENTS, TABLES
from mien.metrics.classification import confusion_matrix, recall
from mien.metrics.correction import harm_matrix, relative_gain, retention_matrix
from mien.metrics.intervals import bootstrap_ratio, mcnemar, wilson
from mien.metrics.ranking import (
    auroc,
    gain_curve,
    overridden_at_harm,
    override_score,
    partial_auroc,
    restored_at_equal_harm,
)
from mien.report.study.collect import Case, by_corrector, cell_keys, collect, finished, matrix
from mien.report.study.means import summary
from mien.storage.csv_tables import Row
from mien.storage.files import read_json
from mien.storage.layout import FULL, RETRAINED
from mien.storage.run import Run
from mien.types import Bools, Floats, Rates, row_name

HARMS = np.linspace(0, 0.1, 51)  # of the curves
HISTORY = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_macro_recall")


def build(run: Run) -> None:
    """Write all tables of a study but `splits`, which the study itself writes."""
    cases = list(collect(run))
    tables = {name: [row for case in cases for row in rows(case)] for name, rows in PER_CASE.items()}
    tables["retention"] = list(per_label(cases, retention_matrix))
    tables["harm"] = list(per_label(cases, harm_matrix))
    tables["curves"] += reference_curves(cases)
    tables["summary"] = summary(cases, tables["ranking"])
    tables["history"], tables["cost"] = list(history(run)), list(cost(run))
    for name, rows in tables.items():
        run.write_table(TABLES[name], rows)


def per_label(cases: Iterable[Case], formula: Callable[..., Rates]) -> Iterator[Row]:
    """The matrix of Retention or Harm, label by left-out class, of each seed and corrector: a row for each entry."""
    for study in by_corrector(cases).values():
        rates = matrix(study, formula)
        for case in study:
            for c, label in enumerate(case.labelset.names):
                yield {**case.key, "label": label, **_rate(rates.hits[c, case.left], rates.totals[c, case.left])}


def gain(case: Case) -> Iterator[Row]:
    """Pictures of the left-out class that h recovers."""
    rates = case.scores.gain
    yield {**case.key, **_rate(rates.hits[case.left], rates.totals[case.left])}


def delta_fpr(case: Case) -> Iterator[Row]:
    """Pictures of other classes called by the left-out one, before and after."""
    f, h, i = case.scores.fpr_f, case.scores.fpr_h, case.left
    yield {
        **case.key,
        "total": f.totals[i],
        "hits_f": f.hits[i],
        "fpr_f": f.values[i],
        "hits_h": h.hits[i],
        "fpr_h": h.values[i],
        "delta_fpr": case.scores.delta_fpr[i],
    }


def restored(case: Case) -> Iterator[Row]:
    """Recall of what h answers beside the models trained on all classes, R, and P for the left-out class."""
    K, recall_after = len(case.labelset), case.answers.recall_after
    relative = relative_gain(case.answers)
    references = [(name, case.references.get(name)) for name in (FULL, RETRAINED)]
    rates = {name: recall(case.f.truth, network.predicted, K) for name, network in references if network is not None}
    for c, label in enumerate(case.labelset.names):
        counts = {"hits": recall_after.hits[c], "total": recall_after.totals[c]}
        row = {**case.key, "label": label, **counts, "recall": recall_after.values[c], "relative_gain": relative[c]}
        for name, _ in references:
            row[f"{name}_hits"] = rates[name].hits[c] if name in rates else math.nan
            row[f"{name}_recall"] = rates[name].values[c] if name in rates else math.nan
        share, low, high = case.restored if c == case.left else [math.nan] * 3
        yield {**row, "restored": share, "low": low, "high": high}


def ranking(case: Case) -> Iterator[Row]:
    """Figures of the score alone, at no threshold: fitted on all of *correct*, and on *fit* alone."""
    new = case.is_new
    total = new.sum() if case.counts_for_harm.any() else 0
    networks = {name: override_score(tested.probs, case.left) for name, tested in case.references.items()}
    for fitted_on, score in (("correct", case.score_all), ("fit", case.score)):
        row = {**case.key, "fitted_on": fitted_on, "auroc": auroc(score, new), "pauc": partial_auroc(score, new)}
        row["total"] = total
        for percent in PERCENTS:
            for name, value in _rate(_won(case, score, percent).sum(), total).items():
                row[f"gain_at_harm_{percent}" + ("" if name == "rate" else f"_{name}")] = value
            del row[f"gain_at_harm_{percent}_total"]
        for column, name in (("restored_at_equal_harm", FULL), ("against_retrained", RETRAINED)):
            for percent in PERCENTS:
                row |= _against(case, score, networks.get(name), percent, f"{column}_{percent}")
        yield row


def _won(case: Case, score: Floats, percent: int) -> Bools:
    """Which pictures of the left-out class a score recovers at this Harm."""
    return overridden_at_harm(score, case.counts_for_harm, percent / 100)[case.is_new]


def _against(case: Case, score: Floats, network: Floats | None, percent: int, column: str) -> dict[str, float]:
    """P at equal Harm against a network's score, and its paired interval by persons."""
    share = low = high = math.nan
    if network is not None:
        share = restored_at_equal_harm(score, network, case.is_new, case.counts_for_harm, percent / 100)
    if network is not None and not math.isnan(share):
        won, won_by_network = (_won(case, each, percent) for each in (score, network))
        low, high = bootstrap_ratio(won, won_by_network, case.f.groups[case.is_new])
    return {column: share, f"{column}_low": low, f"{column}_high": high}


def curves(case: Case) -> Iterator[Row]:
    """Gain at each Harm, of the corrector fitted on all of *correct*."""
    return _curve(case.key, case, case.score_all)


def reference_curves(cases: Iterable[Case]) -> Iterator[Row]:
    """Gain at each Harm of the models trained on all classes, used to override the same f."""
    by_base: dict[tuple[int, int], Case] = {}
    for case in cases:
        by_base.setdefault((case.seed, case.left), case)
    for case in by_base.values():
        for name, tested in case.references.items():
            key = {**case.key, "corrector": f"{name} network"}
            yield from _curve(key, case, override_score(tested.probs, case.left))


def confusion(case: Case) -> Iterator[Row]:
    """Confusion matrices of f, h and the full model; pictures that h abstains on are answered "abstained"."""
    names = case.labelset.names
    systems = {"f": case.decision.base, "h": case.decision.final}
    if FULL in case.references:
        systems["full"] = case.references[FULL].predicted
    for system, answer in systems.items():
        counts = confusion_matrix(case.f.truth, answer, len(names))
        answers = [*names]
        if system == "h" and case.decision.action == "abstain":
            silent = np.bincount(case.f.truth[answer < 0], minlength=len(names))
            counts, answers = np.column_stack([counts, silent]), [*map(row_name, names), "abstained"]
        for truth, row in zip(names, counts, strict=True):
            for named, count in zip(answers, row, strict=True):
                yield {**case.key, "system": system, "truth": truth, "answer": named, "count": count}


def certificates(case: Case) -> Iterator[Row]:
    """Guarantees from *calibrate*, and the Harm that was measured on test, of pictures and of persons."""
    certified, names, truth = case.certified, case.labelset.names, case.f.truth
    promises = compare_all(certified, names, truth, case.harmed, case.counts_for_harm, case.f.groups)
    by_image = compare_all(certified, names, truth, case.harmed, case.counts_for_harm, None)
    for promise, images in zip(promises, by_image, strict=True):
        guarantee, other = promise.guarantee, certified.other(promise.guarantee.group)
        measured = _rate(images.hits, images.total)
        yield {
            **case.key,
            **vars(guarantee),
            **{f"other_{name}": getattr(other, name, "") for name in ("k", "threshold", "needed", "holds")},
            "in_force": certified.thresholds.min(),
            "harm_hits": measured["hits"],
            "harm_total": measured["total"],
            "harm": measured["rate"],
            "low": measured["low"],
            "high": measured["high"],
            "harm_groups_hits": promise.hits,
            "harm_groups_total": promise.total,
            "harm_groups": promise.rate,
            "standing": promise.standing if guarantee.holds else "",
        }


def mcnemar_tests(case: Case) -> Iterator[Row]:
    """Exact McNemar of f against its overrides, over all pictures and per class."""
    result = case.scores
    for label, c in (
        ("all", slice(None)),
        *((row_name(name), slice(c, c + 1)) for c, name in enumerate(case.labelset.names)),
    ):
        harmed, repaired = int(result.harm.hits[c].sum()), int(result.gain.hits[c].sum())
        yield {**case.key, "label": label, "harmed": harmed, "repaired": repaired, "p": mcnemar(harmed, repaired)}


PER_CASE: dict[str, Callable[[Case], Iterator[Row]]] = {
    "gain": gain,
    "delta_fpr": delta_fpr,
    "restored": restored,
    "ranking": ranking,
    "curves": curves,
    "confusion": confusion,
    "certificates": certificates,
    "mcnemar": mcnemar_tests,
}


def history(run: Run) -> Iterator[Row]:
    """The training curves of every finished cell."""
    for seed, key in _finished_cells(run):
        for row in TABLES["history"].read(run.cell(seed, key).history):
            yield {"seed": seed, "cell": key, "epoch": row["epoch"], **{name: row[name] for name in HISTORY}}


def cost(run: Run) -> Iterator[Row]:
    """Seconds of every stage of every finished cell."""
    for seed, key in _finished_cells(run):
        cell = read_json(run.cell(seed, key).finished)
        for stage, seconds in cell["seconds"].items():
            pictures = cell.get("pictures", {}).get(stage, math.nan)
            yield {"seed": seed, "cell": key, "stage": stage, "seconds": seconds, "pictures": pictures}


def _finished_cells(run: Run) -> Iterator[tuple[int, str]]:
    manifest = run.manifest()
    return ((s, key) for s in manifest["seeds"] for key in cell_keys(manifest) if finished(run, s, key))


def _rate(hits: int, total: int) -> dict[str, Any]:
    low, high = wilson(hits, total)
    rate = hits / total if total else math.nan
    return {"hits": hits, "total": total, "rate": rate, "low": float(low), "high": float(high)}


def _curve(key: Row, case: Case, score: Floats) -> Iterator[Row]:
    gains = gain_curve(score, case.is_new, case.counts_for_harm, HARMS)
    return ({**key, "harm": harm, "gain": gain} for harm, gain in zip(HARMS, gains, strict=True))
