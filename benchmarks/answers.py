"""Which corrector suits tables of answers: Gain at a given Harm by cross-validation, on two kinds of drawn rare events.

python -m benchmarks.answers
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mien.correctors import get_corrector
from mien.metrics.ranking import gain_at_harm
from mien.types import LOG_PROBS, Floats, Ints, Outputs

CORRECTORS = ("logistic", "lda", "nystroem", "blend", "xgboost")
HARM, SEEDS, COUNT, TRAINED = 0.02, 3, 12_000, 5_000


def clusters(seed: int) -> tuple[Floats, Ints]:
    """Rare events in clusters of their own, 3 % of all."""
    return make_classification(  # type: ignore[no-any-return]
        COUNT, 12, n_informative=6, n_redundant=2, n_clusters_per_class=4, weights=[0.97], flip_y=0.005,
        random_state=seed,
    )  # fmt: skip


def rules(seed: int) -> tuple[Floats, Ints]:
    """Rare events by rules on amounts, hours and counts, 1 to 2 % of all; half of the reasons are hidden."""
    rng = np.random.default_rng(seed)
    amount, hour = rng.lognormal(3, 1.2, COUNT), rng.integers(0, 24, COUNT)
    age, device = rng.exponential(300, COUNT), rng.random(COUNT) < 0.2
    times, country = rng.poisson(2, COUNT), rng.integers(0, 6, COUNT)
    odds = 2.2 * ((amount > 60) & device) + 2 * ((hour < 6) & (times > 3)) + 1.8 * ((age < 60) & (country >= 4))
    happens = rng.random(COUNT) < 1 / (1 + np.exp(6 - odds - 1.2 * (times > 5)))
    columns = [amount, hour, age, device, times, country, *rng.normal(size=(4, COUNT))]
    return np.stack(columns, 1).astype(float), happens.astype(int)


def outputs_of(X: Floats, y: Ints) -> Iterator[tuple[Outputs, Ints]]:
    """The answers of two classifiers on rows that they were not trained on."""
    for classifier in (
        HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ):
        probs = classifier.fit(X[:TRAINED], y[:TRAINED]).predict_proba(X[TRAINED:])
        yield Outputs(None, probs, None, {"features": X[TRAINED:]}), y[TRAINED:]  # type: ignore[arg-type]


def gain(name: str, outputs: Outputs, labels: Ints) -> float:
    """Gain of a corrector at the Harm, its scores from four folds."""
    score = np.zeros(len(labels))
    for learn, judge in StratifiedKFold(4, shuffle=True, random_state=0).split(labels, labels):
        corrector = get_corrector(name)(target=1)  # type: ignore[call-arg]
        score[judge] = corrector.fit(outputs.take(learn), labels[learn]).propose(outputs.take(judge)).score
    is_new, base = labels == 1, outputs.predicted
    return gain_at_harm(score, is_new & (base == 0), ~is_new & (base == 0), HARM)


def main() -> None:
    print("| corrector | " + " | ".join(f"{kind}, {what}" for kind in ("clusters", "rules") for what in
                                        ("features", "with log-probabilities")) + " |")  # fmt: skip
    cases = {draw: [case for seed in range(SEEDS) for case in outputs_of(*draw(seed))] for draw in (clusters, rules)}
    for name in CORRECTORS:
        cells = []
        for draw in cases:
            for beside in (False, True):
                more = [out.with_features({LOG_PROBS: out.log_probs}) if beside else out for out, _ in cases[draw]]
                gains = [gain(name, out, labels) for out, (_, labels) in zip(more, cases[draw], strict=True)]
                cells.append(f"{np.mean(gains):.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
