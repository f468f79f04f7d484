"""The watch against what is computed otherwise: exactly, by all paths or all counts, and by MAPIE's monitors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from mien.types import Floats
from mien.watch import shift as shift_module
from mien.watch.evidence import log_evidence_above, log_evidence_below, lower_bound, upper_bound
from mien.watch.shift import Shift
from mien.watch.state import Watch

DELTA = 0.05


def paths(watch: Watch, chance: float, images: int) -> Iterator[tuple[float, Watch]]:
    """The chance of every sequence of outcomes, with the watch after it."""
    if not images:
        yield 1.0, watch
        return
    for harmed, share in ((0.0, 1 - chance), (1.0, chance)):
        for rest, last in paths(watch.updated(np.array([harmed])), chance, images - 1):
            yield share * rest, last


@pytest.mark.parametrize("limit", [0.05, 0.3])
def test_the_evidence_of_all_paths_has_mean_one_at_the_limit(limit: float) -> None:
    assert sum(share * np.exp(last.log_evidence) for share, last in paths(Watch(limit), limit, 9)) == pytest.approx(1)
    assert sum(share * np.exp(last.log_evidence) for share, last in paths(Watch(limit), limit / 2, 9)) < 1


def test_the_chance_of_an_alarm_over_all_paths_is_within_delta() -> None:
    alarm = sum(share for share, last in paths(Watch(0.3, 0.3), 0.3, 11) if last.alarmed)
    assert 0.05 < alarm <= 0.3


def chance_of_an_alarm(
    evidence: Callable[[Floats, Floats, float], Floats], limit: float, rate: float, images: int
) -> float:
    """The exact chance that the evidence of counts ever reaches 1/δ, by their distribution image by image."""
    most = int(3 * rate * images) + 60
    alive, alarm, s = np.zeros(most), 0.0, np.arange(most)
    alive[0] = 1
    for n in range(1, images + 1):
        alive = (1 - rate) * alive + rate * np.concatenate([[0.0], alive[:-1]])
        high = (s <= n) & (evidence(np.full(most, n), np.minimum(s, n), limit) >= -np.log(DELTA))
        alarm += float(alive[high].sum())
        alive[high] = 0
    return alarm


@pytest.mark.parametrize("limit", [0.005, 0.015, 0.05])
@pytest.mark.parametrize("evidence", [log_evidence_above, log_evidence_below])
def test_the_chance_of_an_alarm_over_all_counts_is_within_delta(
    limit: float, evidence: Callable[[Floats, Floats, float], Floats]
) -> None:
    at_limit = chance_of_an_alarm(evidence, limit, limit, 2000)
    kept = limit / 2 if evidence is log_evidence_above else 2 * limit
    assert 0.1 * DELTA < at_limit <= DELTA
    assert chance_of_an_alarm(evidence, limit, kept, 2000) < 0.5 * at_limit


# MAPIE


@pytest.mark.parametrize(("rate", "slack"), [(0.005, 1.0), (0.015, 1.0), (0.05, 1.03)])
def test_the_bounds_are_no_wider_than_mapies_at_small_rates(rate: float, slack: float) -> None:
    rival = pytest.importorskip("mapie.exchangeability_testing.bounds", reason="MAPIE has its bounds from 1.6 on")
    rng = np.random.default_rng(0)
    for _ in range(3):
        harmed = (rng.random(2000) < rate).astype(float)
        low, high = (  # it takes half of alpha for either side
            rival.conjugate_mixture_empirical_bernstein_bound(
                harmed, v_opt=1, alpha=2 * DELTA, bound_side=side, running_intersection=False
            )
            for side in ("lower", "upper")
        )
        for images in (300, 1000, 2000):
            count = int(harmed[:images].sum())
            ours = lower_bound(images, count, DELTA), upper_bound(images, count, DELTA)
            assert low[images - 1] <= ours[0] <= high[images - 1]
            assert low[images - 1] <= ours[1] <= slack * high[images - 1]


def test_mapies_monitor_gives_the_same_alarms_later() -> None:
    monitoring = pytest.importorskip("mapie.exchangeability_testing", reason="MAPIE has monitors from 1.6 on")
    control = pytest.importorskip("mapie.risk_control")
    spoilt = control.BinaryRisk(lambda truth, _: truth == 1, lambda truth, _: truth >= 0, higher_is_better=False)
    rng, limit = np.random.default_rng(1), 0.015
    for multiple in (0.5, 0.5, 4, 4, 4):
        harmed = rng.random(1500) < multiple * limit
        theirs = monitoring.RiskMonitoring(spoilt, test_level=DELTA, threshold=limit, warn=False)
        theirs.update(harmed.astype(int), np.zeros(1500, int))
        alarms = np.flatnonzero(theirs.online_risk_lower_bound_sequence_history > limit)
        assert len(alarms) > 0 if multiple > 1 else len(alarms) == 0
        until = alarms[0] if len(alarms) else 1500
        assert Watch(limit, DELTA).updated(harmed[:until].astype(float)).alarmed == (multiple > 1)


class Jumper:
    """MAPIE's martingale with the bets, the jumps and the ties of a shift's."""

    def __init__(self, shift: Shift, count: int) -> None:
        module = pytest.importorskip("mapie.exchangeability_testing", reason="MAPIE has martingales from 1.6 on")
        self.test = module.OnlineMartingaleTest(task="regression", jump_size=0.01, warn=False)
        ties = np.random.default_rng([shift.seed, 0]).random(count).tolist()
        self.test.rng = SimpleNamespace(uniform=iter(ties).__next__)
        self.edges = np.array(shift.edges)
        self.history = np.repeat(np.arange(len(shift.counts)), shift.counts).tolist()

    def evidence(self, values: Floats) -> list[float]:
        """Its log after each value, from its own p-values of the ranges."""
        logs = []
        for place in np.searchsorted(self.edges, values).tolist():
            p = self.test.compute_p_value(place, np.array(self.history))
            logs.append(float(np.log(self.test.update_simple_jumper_martingale(p))))
            self.history.append(place)
        return logs


@pytest.mark.parametrize("shifted", [0.0, 0.7])
def test_with_its_bets_the_martingale_is_mapies(shifted: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_module, "JUMPS", np.array([[0.01]]))
    monkeypatch.setattr(shift_module, "BETS", np.array([-0.5, 0.0, 0.5]))
    rng = np.random.default_rng(2)
    shift = Shift.of(rng.normal(size=400))
    shift = Shift(shift.edges, shift.counts, wealth=(-np.log(3.0),) * 3)
    values = rng.normal(shifted, 1, size=600)
    theirs = Jumper(shift, len(values)).evidence(values)
    for count in (1, 50, 300, 600):
        ours = np.logaddexp.reduce(shift.updated(values[:count]).wealth)
        assert ours == pytest.approx(theirs[count - 1], abs=1e-6)
    assert shift.updated(values).peak == pytest.approx(max(0.0, *theirs))


def test_a_clear_shift_is_noticed_by_both_and_none_by_neither() -> None:
    rng = np.random.default_rng(3)
    for shifted in (0.0, 0.0, 1.0, 1.0):
        shift = Shift.of(rng.normal(size=600))
        values = rng.normal(shifted, 1, size=500)
        theirs = max(Jumper(shift, len(values)).evidence(values))
        assert shift.updated(values).warned == (theirs >= -np.log(shift.delta)) == (shifted > 0)
