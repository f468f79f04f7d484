"""The paper's tables, recomputed from pictures that its counts determine, and what in them does not add up.

The counts behind the tables are not printed. A rate of three digits out of a printed N determines its count in all
cells but seven of Happiness (N = 1506), where two neighbouring counts round alike: the smaller is taken there. The
counts of f's right answers are not determined at all. ΔFPR fixes a net count only roughly.
"""

from __future__ import annotations

import numpy as np
import paper_tables as paper
import pytest

from mien.metrics.correction import column_means, harm_matrix, recovered_recall, retention_matrix, scores
from mien.types import Rates

K, N = 7, paper.TEST
truth = np.repeat(np.arange(K), N)
place = np.concatenate([np.arange(n) for n in N])  # of each picture within its class
OFF = ~np.eye(K, dtype=bool)


def counts(rate: float, total: int) -> list[int]:
    """The counts out of `total` that are printed as `rate`, at three digits."""
    return [hits for hits in range(total + 1) if round(hits / total, 3) == rate]


def count(rate: float, total: int) -> int:
    return counts(rate, total)[0]


def answers(i: int) -> tuple[np.ndarray, np.ndarray]:
    """f without class i, right on all other pictures, and its correction with the paper's Harm and Gain."""
    other = (i + 1) % K
    base = np.where(truth == i, other, truth)
    overridden = np.array([count(paper.GAIN[c] if c == i else paper.HARM[c, i], N[c]) for c in range(K)])
    return base, np.where(place < overridden[truth], i, base)


CORRECTED = {i: answers(i) for i in range(K)}
CELLS = [(c, i) for c in range(K) for i in range(K)]


@pytest.mark.parametrize(("c", "i"), CELLS)
def test_table_2_cell_by_cell(c: int, i: int) -> None:
    retention = retention_matrix(truth, CORRECTED, K).values[c, i]
    harm = harm_matrix(truth, CORRECTED, K).values[c, i]
    if c == i:  # 0/0: the paper prints 1 and 0
        assert np.isnan(retention) and np.isnan(harm)
    else:
        assert round(retention, 3) == paper.RETENTION[c, i]
        assert round(harm, 3) == paper.HARM[c, i]


def test_table_2_harm_averages_count_the_diagonal_as_zero() -> None:
    assert np.round(paper.HARM.mean(0), 3).tolist() == paper.HARM_AVERAGE.tolist()  # means of the rounded cells
    assert paper.HARM.mean() == pytest.approx(0.0181, abs=0.0001)
    assert paper.HARM[OFF].mean() == pytest.approx(0.021, abs=0.0005)
    means = column_means(harm_matrix(truth, CORRECTED, K))  # the diagonal left out
    assert np.allclose(means, paper.HARM.sum(0) / (K - 1), atol=0.0005)
    assert means.mean() == pytest.approx(0.021, abs=0.0005)


def test_table_2_retention_averages_are_no_mean_of_their_columns() -> None:
    gap = np.abs(paper.RETENTION.mean(0) - paper.RETENTION_AVERAGE)
    assert (gap > 0.001).tolist() == [True, False, False, True, True, False, True]


def test_table_2_harm_is_counted_out_of_all_pictures_not_of_those_f_had_right() -> None:
    # each printed cell is a whole number of pictures out of the class's N ...
    assert all(counts(paper.HARM[c, i], N[c]) for c, i in CELLS)
    # ... but with the accuracies of table 4 some cannot be one out of |A| = right after + harmed
    impossible = [(c, i) for c, i in CELLS if c != i and not _possible_out_of_right(c, i)]
    assert len(impossible) == 14
    # by the definition the mean Harm is then nearer 0.033 than 0.021
    harmed = np.array([[count(paper.HARM[c, i], N[c]) for i in range(K)] for c in range(K)])
    by_definition = harmed / (harmed + paper.CORRECTED * N[:, None])
    assert by_definition[OFF].mean() == pytest.approx(0.0328, abs=0.0005)


def _possible_out_of_right(c: int, i: int) -> bool:
    kept = [b for b in range(N[c] + 1) if abs(b / N[c] - paper.CORRECTED[c, i]) <= 0.0051]
    return any(abs(h / (b + h) - paper.HARM[c, i]) <= 0.00051 for b in kept for h in range(N[c] - b + 1) if b + h)


def test_which_counts_are_determined() -> None:
    open_cells = [(c, i) for c, i in CELLS if c != i and len(counts(paper.HARM[c, i], N[c])) > 1]
    assert open_cells == [(3, i) for i in (0, 1, 2, 4, 5, 6)]
    assert [len(counts(paper.GAIN[i], N[i])) for i in range(K)] == [1, 1, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("i", range(K))
def test_table_3_gain(i: int) -> None:
    result = scores(truth, *CORRECTED[i], K)
    assert round(result.gain.values[i], 3) == paper.GAIN[i]
    assert result.gain.values[i] == result.recall_after.values[i]  # f never answers i


def test_table_3_mean_gain() -> None:
    gains = [scores(truth, *CORRECTED[i], K).gain.values[i] for i in range(K)]
    assert np.mean(gains) == pytest.approx(0.44, abs=0.005)


@pytest.mark.parametrize("i", range(K))
def test_table_3_delta_fpr(i: int) -> None:
    # only the net count is known, and that roughly: any such count gives the printed cell
    others = np.flatnonzero(truth != i)
    spilled = others[: round(paper.DELTA_FPR[i] * len(others))]
    base, _ = CORRECTED[i]
    final = base.copy()
    final[spilled] = i
    assert round(scores(truth, base, final, K).delta_fpr[i], 3) == paper.DELTA_FPR[i]


def test_table_3_and_4_disagree_on_two_classes() -> None:
    # for a class that f never answers, Gain is the accuracy
    agree = np.round(paper.GAIN, 2) == np.diagonal(paper.CORRECTED)
    assert agree.tolist() == [False, True, True, False, True, True, True]


@pytest.mark.parametrize("i", range(K))
def test_table_4_restored_share(i: int) -> None:
    P = recovered_recall(np.diagonal(paper.CORRECTED), paper.FULL)[i]
    assert round(P, 2) == (0.65 if i == 0 else paper.P[i])  # the paper prints 0.55 for 0.51 / 0.78


@pytest.mark.parametrize(("c", "i"), CELLS)
def test_table_4_accuracies_cell_by_cell(c: int, i: int) -> None:
    right = place < np.round(paper.CORRECTED[:, i] * N)[truth]
    final = np.where(right, truth, (truth + 1) % K)
    assert round(scores(truth, final, final, K).recall_after.values[c], 2) == paper.CORRECTED[c, i]


def test_table_4_mean_restored_share() -> None:
    assert recovered_recall(np.diagonal(paper.CORRECTED), paper.FULL).mean() == pytest.approx(0.568, abs=0.0005)


def test_table_1_sums() -> None:
    parts, sums = paper.COUNTS[:, :3], paper.COUNTS[:, 3]
    assert sums.sum() == 15367
    assert paper.ALL_EMOTIONS[3] == paper.ALL_EMOTIONS[:3].sum() == 15339
    assert parts.sum(0).tolist() == [7669, 3835, 3835]
    assert (sums - parts.sum(1)).tolist() == [1, 2, 3, 4, 5, 6, 7]  # the label's own number was added


def test_weighted_means_are_renormalised_over_the_defined_cells() -> None:
    harm = harm_matrix(truth, CORRECTED, K)
    weighted = column_means(harm, N / N.sum())
    # every f here is right on all other classes, so the weighted mean is all harmed pictures out of all others
    assert np.allclose(weighted, harm.hits.sum(0) / (N.sum() - N))
    assert Rates(harm.hits[:, 1], harm.totals[:, 1]).mean() == pytest.approx(column_means(harm)[1])
