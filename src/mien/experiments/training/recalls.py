"""Reading a finished run: how a base classifier did on test."""

from __future__ import annotations

from typing import Any

from mien.metrics.classification import accuracy, macro_recall, recall
from mien.metrics.intervals import wilson
from mien.storage.files import read_arrays
from mien.storage.layout import FULL
from mien.storage.run import Run


def recalls_on_test(run: Run, seed: int, key: str = FULL) -> dict[str, Any]:
    """Recall per class with its Wilson interval, accuracy and macro recall of a cell's base classifier on test."""
    classes = run.manifest()["classes"]
    cell = run.cell(seed, key)
    tested = read_arrays(cell.test)
    answers = tested["probs"].argmax(1)
    rates = recall(tested["truth"], answers, len(classes))
    low, high = wilson(rates.hits, rates.totals)
    rows = zip(
        classes,
        rates.hits.tolist(),
        rates.totals.tolist(),
        rates.values.tolist(),
        low.tolist(),
        high.tolist(),
        strict=True,
    )
    return {
        "classes": [
            {
                "class": name,
                "hits": hits,
                "total": total,
                "recall": rate,
                "low": least,
                "high": most,
            }
            for name, hits, total, rate, least, most in rows
        ],
        "accuracy": accuracy(tested["truth"], answers),
        "macro_recall": macro_recall(tested["truth"], answers, len(classes)),
        "model": str(cell.path),
    }
