"""The tables of a study, from its finished cells: what is not finished yet gives fewer rows.

Columns are described in ARCHITECTURE.md. Counts are of one seed's test pictures; nothing is pooled over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from mien.correctors.policy import RARE
from mien.correctors.thresholds import POOLED
from mien.metrics.classification import confusion_matrix, macro_recall, recall
from mien.metrics.intervals import mcnemar, wilson
from mien.metrics.ranking import (
    auroc,
    gain_at_harm,
    gain_curve,
    override_score,
    partial_auroc,
    restored_at_equal_harm,
)
from mien.report.collect import Case, Tested, cell_keys, collect, finished
from mien.runs import FULL, RETRAINED, Row, Run, read_csv, read_json
from mien.types import Floats, Rates

PERCENTS = (1, 2, 5)  # the pooled Harm at which correctors are compared
HARMS = np.linspace(0, 0.1, 51)  # of the curves
HISTORY = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_macro_recall")


def build(run: Run) -> None:
    """Write all tables of a study but `splits`, which the study itself writes."""
    cases = list(collect(run))
    tables = {name: [row for case in cases for row in rows(case)] for name, rows in PER_CASE.items()}
    tables["curves"] += reference_curves(cases)
    tables["summary"] = summary(cases, tables["ranking"])
    tables["history"], tables["cost"] = list(history(run)), list(cost(run))
    for name, rows in tables.items():
        run.write_table(name, rows)


def retention(case: Case) -> Iterator[Row]:
    """Of what f had right, what h keeps: one row a label."""
    return _per_label(case, case.scores.retention)


def harm(case: Case) -> Iterator[Row]:
    """Of what f had right, what h loses: one row a label."""
    return _per_label(case, case.scores.harm)


def gain(case: Case) -> Iterator[Row]:
    """Of the left-out class, what h wins back."""
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
    """Recall of h beside the models trained on all classes, and P for the left-out class."""
    K, tpr_h = len(case.labelset), case.scores.tpr_h
    references = [(name, case.references.get(name)) for name in (FULL, RETRAINED)]
    rates = {name: recall(case.f.truth, found.predicted, K) for name, found in references if found is not None}
    for c, label in enumerate(case.labelset.names):
        row = {**case.key, "label": label, "hits": tpr_h.hits[c], "total": tpr_h.totals[c], "recall": tpr_h.values[c]}
        for name, _ in references:
            row[f"{name}_hits"] = rates[name].hits[c] if name in rates else math.nan
            row[f"{name}_recall"] = rates[name].values[c] if name in rates else math.nan
        share, low, high = case.restored if c == case.left else [math.nan] * 3
        yield {**row, "restored": share, "low": low, "high": high}


def ranking(case: Case) -> Iterator[Row]:
    """What the score can do, whatever its threshold: fitted on all of *correct*, and on *fit* alone."""
    new, known = case.is_new, case.counts_for_harm
    networks = {name: override_score(tested.probs, case.left) for name, tested in case.references.items()}
    for fitted_on, score in (("correct", case.score_all), ("fit", case.score)):
        row = {**case.key, "fitted_on": fitted_on, "auroc": auroc(score, new), "pauc": partial_auroc(score, new)}
        for percent in PERCENTS:
            row[f"gain_at_harm_{percent}"] = gain_at_harm(score, new, known, percent / 100)
        for column, name in (("restored_at_equal_harm", FULL), ("against_retrained", RETRAINED)):
            for percent in PERCENTS:
                row[f"{column}_{percent}"] = (
                    restored_at_equal_harm(score, networks[name], new, known, percent / 100)
                    if name in networks
                    else math.nan
                )
        yield row


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
            counts, answers = np.column_stack([counts, silent]), [*names, "abstained"]
        for truth, row in zip(names, counts, strict=True):
            for named, count in zip(answers, row, strict=True):
                yield {**case.key, "system": system, "truth": truth, "answer": named, "count": count}


def certificates(case: Case) -> Iterator[Row]:
    """What is certified on *calibrate*, and the Harm that came about on test."""
    rates, names = case.scores.harm, case.labelset.names
    infeasible = {guarantee.group for guarantee in case.certified.guarantees if not guarantee.feasible}
    members = {POOLED: set(names), RARE: infeasible, **{name: {name} for name in names}}
    for guarantee in case.certified.guarantees:
        rows = [c for c, name in enumerate(names) if name in members[guarantee.group] and c != case.left]
        measured = _rate(rates.hits[rows].sum(), rates.totals[rows].sum())
        yield {
            **case.key,
            **vars(guarantee),
            "harm_hits": measured["hits"],
            "harm_total": measured["total"],
            "harm": measured["rate"],
            "low": measured["low"],
            "high": measured["high"],
        }


def mcnemar_tests(case: Case) -> Iterator[Row]:
    """Exact McNemar of f against h, over all pictures and per class."""
    result = case.scores
    for label, c in (("all", slice(None)), *((name, slice(c, c + 1)) for c, name in enumerate(case.labelset.names))):
        harmed, repaired = int(result.harm.hits[c].sum()), int(result.gain.hits[c].sum())
        yield {**case.key, "label": label, "harmed": harmed, "repaired": repaired, "p": mcnemar(harmed, repaired)}


PER_CASE: dict[str, Callable[[Case], Iterator[Row]]] = {
    "retention": retention,
    "harm": harm,
    "gain": gain,
    "delta_fpr": delta_fpr,
    "restored": restored,
    "ranking": ranking,
    "curves": curves,
    "confusion": confusion,
    "certificates": certificates,
    "mcnemar": mcnemar_tests,
}


def summary(cases: Sequence[Case], ranks: Sequence[Row]) -> list[Row]:
    """Means over the left-out classes, one row for each seed and corrector.

    Harm is averaged over the other classes first. Figures of the score alone are of the corrector fitted on all of
    *correct*.
    """
    rank = {(r["seed"], r["corrector"], r["left_out"]): r for r in ranks if r["fitted_on"] == "correct"}
    groups: dict[tuple[int, str], list[dict[str, float]]] = {}
    for case in cases:
        groups.setdefault((case.seed, case.corrector), []).append(_figures(case, rank[*case.key.values()]))
    return [{"seed": seed, "corrector": name, **_means(figures)} for (seed, name), figures in groups.items()]


def history(run: Run) -> Iterator[Row]:
    """The training curves of every finished cell."""
    for seed, key in _finished_cells(run):
        for row in read_csv(run.path("cells", f"seed{seed}", key, "history.csv")):
            yield {"seed": seed, "cell": key, "epoch": row["epoch"], **{name: row[name] for name in HISTORY}}


def cost(run: Run) -> Iterator[Row]:
    """Seconds of every stage of every finished cell."""
    for seed, key in _finished_cells(run):
        cell = read_json(run.path("cells", f"seed{seed}", key, "cell.json"))
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


def _per_label(case: Case, rates: Rates) -> Iterator[Row]:
    for label, hits, total in zip(case.labelset.names, rates.hits, rates.totals, strict=True):
        yield {**case.key, "label": label, **_rate(hits, total)}


def _curve(key: Row, case: Case, score: Floats) -> Iterator[Row]:
    gains = gain_curve(score, case.is_new, case.counts_for_harm, HARMS)
    return ({**key, "harm": harm, "gain": gain} for harm, gain in zip(HARMS, gains, strict=True))


def _figures(case: Case, rank: Row) -> dict[str, float]:
    """The figures of one case that the summary averages."""
    result, K = case.scores, len(case.labelset)

    def macro(tested: Tested | None) -> float:
        return math.nan if tested is None else macro_recall(tested.truth, tested.predicted, K)

    return {
        "mean_gain": result.gain.values[case.left],
        "mean_harm": result.harm.mean(),
        "weighted_harm": result.harm.mean(result.support.astype(float)),
        "mean_delta_fpr": result.delta_fpr[case.left],
        "mean_restored": case.restored[0],
        "macro_recall_f": result.tpr_f.mean(),
        "macro_recall_h": result.tpr_h.mean(),
        "macro_recall_full": macro(case.references.get(FULL)),
        "macro_recall_retrained": macro(case.references.get(RETRAINED)),
        "mean_auroc": rank["auroc"],
        **{f"mean_gain_at_harm_{percent}": rank[f"gain_at_harm_{percent}"] for percent in PERCENTS},
        **{f"mean_restored_at_equal_harm_{p}": rank[f"restored_at_equal_harm_{p}"] for p in PERCENTS},
    }


def _means(figures: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The mean of each figure over the cases where it is defined, and, as n_…, over how many that was."""
    row: dict[str, Any] = {}
    for name in figures[0]:
        defined = [case[name] for case in figures if not math.isnan(case[name])]
        row[name] = sum(defined) / len(defined) if defined else math.nan
        row[f"n_{name}"] = len(defined)
    return row
