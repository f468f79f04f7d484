"""Correct a classifier from elsewhere: a scikit-learn model of digits that was never shown a nine.

python examples/foreign_outputs.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import mien

NINE = 9


def main() -> None:
    X, y = load_digits(return_X_y=True)
    train, correct, test = np.array_split(np.random.default_rng(0).permutation(len(y)), 3)
    seen = train[y[train] != NINE]
    forest = RandomForestClassifier(100, random_state=0).fit(X[seen], y[seen])

    # the forest stays as it is; half of `correct` fits the corrector, the rest certifies its threshold
    corrected = mien.CorrectedClassifier(forest, "nystroem", classes=[NINE], budget=0.05, trained_on=X[seen])
    corrected.fit(X[correct], y[correct])
    print(corrected.certificate_)

    before, after = forest.predict(X[test]), corrected.predict(X[test])
    nines, right = y[test] == NINE, before == y[test]
    print(f"nines recovered: {(after[nines] == NINE).sum()} of {nines.sum()}")
    print(f"right answers lost: {(after[right] != y[test][right]).sum()} of {right.sum()}")

    corrected.patch_.save("nine.patch")
    again = mien.open(forest, patch="nine.patch")
    assert (again.predict(X[test]) == after).all()


if __name__ == "__main__":
    main()
