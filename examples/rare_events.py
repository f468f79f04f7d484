"""Rare events: a classifier of payments that misses most frauds, known only by tables of its answers.

python examples/rare_events.py [PAYMENTS]    writes answers.csv, trained.csv, new_answers.csv and verdicts.csv
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

FEATURES = [f"x_{number}" for number in range(12)]


def write(path: str, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([titles, *rows])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    X, y = make_classification(
        count, 12, n_informative=6, n_redundant=2, n_clusters_per_class=4, weights=[0.97], flip_y=0.005, random_state=0
    )
    labels = np.array(["legit", "fraud"])[y]
    ids = [f"payment-{row}" for row in range(count)]
    train, correct, new = np.split(np.arange(count), [count // 4, 3 * count // 4])

    boosting = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)
    boosting.fit(X[train], labels[train])
    answers = [f"p_{name}" for name in boosting.classes_]
    probs = boosting.predict_proba(X)

    write("trained.csv", ["id"], [[ids[row]] for row in train])
    write(
        "answers.csv",
        ["id", "label", *answers, *FEATURES],
        [[ids[row], labels[row], *probs[row], *X[row]] for row in correct],
    )
    write("new_answers.csv", ["id", *answers, *FEATURES], [[ids[row], *probs[row], *X[row]] for row in new])
    write("verdicts.csv", ["id", "label"], [[ids[row], labels[row]] for row in new])
    missed = (boosting.predict(X[new]) != "fraud") & (labels[new] == "fraud")
    print(
        f"{(labels[new] == 'fraud').sum()} of {len(new)} new payments are frauds; the classifier misses {missed.sum()}"
    )


if __name__ == "__main__":
    main()
