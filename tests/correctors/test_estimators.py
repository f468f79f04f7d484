"""Correctors as scikit-learn's users expect estimators: parameters, copies, searches, plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from mien import correctors
from mien.correctors.linear import LDA, Logistic
from mien.correctors.projection import Nystroem
from mien.testing import example_outputs
from mien.types import SoftLabels

OUTPUTS, LABELS = example_outputs()
NAMES = correctors.names()


@pytest.mark.parametrize("name", NAMES)
def test_copies_have_the_same_parameters_and_nothing_learnt(name: str) -> None:
    made: Any = correctors.get_corrector(name)(target=3)
    again: Any = clone(made.fit(OUTPUTS, LABELS))
    assert again.get_params() == clone(made).get_params() and again.target == 3 and again.target_ is None
    assert type(made).__name__ in repr(made) and "target=3" in repr(made)
    again.set_params(target=None)
    assert np.array_equal(again.fit(OUTPUTS, LABELS).propose(OUTPUTS).score, made.propose(OUTPUTS).score)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("adapter", "adapter_blend", "cascade")])
def test_probabilities_and_features_as_arrays_serve_as_well(name: str) -> None:
    features = OUTPUTS.vectors["hidden"]
    corrector: Any = correctors.get_corrector(name)(target=3)
    score = corrector.fit(OUTPUTS.probs, LABELS, features=features).propose(OUTPUTS.probs, features=features).score
    assert score.shape == LABELS.shape and np.isfinite(score).all()
    frame = pytest.importorskip("pandas").DataFrame(features)
    again = clone(corrector).fit(OUTPUTS.probs, LABELS, features=frame)
    assert np.allclose(again.propose(OUTPUTS.probs, frame).score, score, rtol=1e-2, atol=1e-2)


def test_probabilities_alone_are_enough() -> None:
    narrow = OUTPUTS.probs[:, :3]
    corrector = Logistic(target=3).fit(narrow, LABELS)
    assert corrector.propose(narrow).score.shape == LABELS.shape and corrector.target_ == 3


def test_labels_may_be_names_of_classes() -> None:
    names = np.array(["a", "b", "c", "d"])
    soft = SoftLabels.of(names[LABELS], names.tolist())
    assert np.array_equal(
        LDA().fit(OUTPUTS, soft).propose(OUTPUTS).score, LDA().fit(OUTPUTS, LABELS).propose(OUTPUTS).score
    )


def test_a_grid_search_chooses_by_the_ranking_of_the_class() -> None:
    found = GridSearchCV(Logistic(target=3), {"components": [1, 12]}, cv=3).fit(OUTPUTS, LABELS)
    assert found.best_params_ == {"components": 12} and found.best_score_ > 0.8
    scores = found.cv_results_["mean_test_score"]
    assert scores[1] > scores[0]


@pytest.mark.parametrize("kind", [Nystroem, LDA])
def test_one_seed_gives_one_score(kind: Any) -> None:
    first, again = (kind(random_state=1).fit(OUTPUTS, LABELS).propose(OUTPUTS).score for _ in range(2))
    assert np.array_equal(first, again)
    if kind is Nystroem:
        Nystroem.features, features = 60, Nystroem.features
        try:
            drawn = [Nystroem(random_state=seed).fit(OUTPUTS, LABELS).propose(OUTPUTS).score for seed in (0, 1)]
        finally:
            Nystroem.features = features
        assert not np.array_equal(*drawn)


def test_the_score_is_the_auroc_among_those_with_another_answer() -> None:
    corrector = LDA().fit(OUTPUTS, LABELS)
    assert 0.9 < corrector.score(OUTPUTS, LABELS) <= 1
    assert corrector.score(OUTPUTS, np.roll(LABELS, 7)) < 0.7
