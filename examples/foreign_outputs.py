"""Correct a classifier from elsewhere: a scikit-learn model of digits that was never shown a nine.

A corrector sees arrays alone, so all that it needs of a classifier are probabilities and some features.

python examples/foreign_outputs.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import mien
from mien.certify.policy import certify

NINE = 9


def main() -> None:
    pixels, labels = load_digits(return_X_y=True)
    known = np.arange(10) != NINE
    train, correct, calibrate, test = np.array_split(np.random.default_rng(0).permutation(len(labels)), 4)

    seen = train[labels[train] != NINE]
    forest = RandomForestClassifier(100, random_state=0).fit(pixels[seen], labels[seen])

    def outputs(rows: np.ndarray) -> mien.Outputs:
        """Probabilities in ten columns, the unknown class all zero; the pixels stand in for activations."""
        probs = np.zeros((len(rows), 10))
        probs[:, forest.classes_] = forest.predict_proba(pixels[rows])
        return mien.Outputs(rows, probs, known, {"pixels": pixels[rows]})

    corrector = mien.Logistic().fit(outputs(correct), labels[correct])
    checked = outputs(calibrate)
    digits = mien.LabelSet(tuple("0123456789"))
    certified = certify(
        corrector.propose(checked), labels[calibrate], checked.predicted, None, digits, mien.Policy(), known
    )
    print(certified.guarantees[0])

    tested = outputs(test)
    decision = mien.decide(corrector.propose(tested), tested.predicted, certified.thresholds)
    result = mien.scores(labels[test], decision.base, decision.final, 10)
    print(f"nines won back: {result.gain.hits[NINE]} of {result.gain.totals[NINE]}")
    print(f"right answers lost: {result.harm.hits.sum()} of {result.harm.totals.sum()}")


if __name__ == "__main__":
    main()
