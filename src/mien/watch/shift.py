"""Warnings without labels: whether images, scores and confidences still look as they did in calibration.

A warning is no certificate. New values are ranked among the calibration values and all that came after them. While
nothing has shifted, the ranks are uniform and independent; a bet against that grows only with a chance of δ to 1/δ.

V. Vovk, I. Nouretdinov, A. Gammerman, *Testing exchangeability on-line*, ICML 2003; V. Vovk and others, *Retrain or not
retrain: conformal test martingales for change-point detection*, COPA 2021 (the composite jumper).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import Any, Self

import numpy as np

from mien.certify.thresholds import check_shares
from mien.errors import DataError, RunError
from mien.storage.files import Record
from mien.types import Floats, Ints, as_numbers

BINS = 12
"""Ranges of values that are told apart."""
LEAST = 2 * BINS
"""Fewest calibration values."""
JUMPS = np.array([[1e-4], [1e-3], [1e-2]])
"""Chances to change the bet at each image: small ones lose little in a long quiet time."""
BETS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
"""Stakes, from values that are higher than they were to values that are lower."""
SIZE = JUMPS.size * BETS.size
BLOCK = 256
"""Images after which the evidence is scaled again; it grows at most twofold with each."""


@dataclass(frozen=True)
class Shift:
    """A bet that the values of one figure, such as a score, are no longer those of calibration.

    Attributes
    ----------
    edges : (B − 1,) limits of the ranges, from one half of the calibration values.
    counts : (B,) values in each range: the other half, and all since.
    wealth : (SIZE,) logs of the evidence of each bet, for each chance to change it.
    images : since calibration. peak : most log evidence so far.
    since, lowest : images, and log evidence, when it last was at its lowest.
    seed : of the numbers that break ties. delta : δ, the chance of a false warning.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    wealth: tuple[float, ...] = (-log(SIZE),) * SIZE
    images: int = 0
    peak: float = 0.0
    since: int = 0
    lowest: float = 0.0
    seed: int = 0
    delta: float = 0.01

    @classmethod
    def of(cls, calibration: Floats, *, delta: float = 0.01, seed: int = 0) -> Self:
        """The bet before any new image.

        Parameters
        ----------
        calibration : (N,) values of calibration images, in any order.

        Raises
        ------
        DataError : fewer than `LEAST` values.
        """
        values = as_numbers(calibration, "Shift: calibration").astype(float)
        check_shares(delta)
        if len(values) < LEAST:
            cause = f"{len(values)} calibration values are too few to see a shift"
            raise DataError(cause, place="Shift", remedy=f"give {LEAST} or more")
        mixed = np.random.default_rng(seed).permutation(values)
        ruler, rest = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
        edges = np.unique(np.quantile(ruler, np.linspace(0, 1, BINS + 1)[1:-1]))
        counts = np.bincount(np.searchsorted(edges, rest, side="left"), minlength=len(edges) + 1)
        return cls(tuple(edges.tolist()), tuple(counts.tolist()), seed=seed, delta=delta)

    def updated(self, values: Floats) -> Self:
        """The bet after more images, in their order.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> shift = Shift.of(rng.normal(size=1000)).updated(rng.normal(size=2000))
        >>> shift.warned, shift.updated(rng.normal(0.5, 1, size=500)).warned
        (False, True)
        """
        values = as_numbers(values, "Shift: values").astype(float)
        counts, rng = np.array(self.counts, float), np.random.default_rng([self.seed, self.images])
        places = np.searchsorted(self.edges, values, side="left")
        ties, evidence = rng.random(len(values)), np.empty(len(values))
        scale, jumping = max(self.wealth), _jumping()
        wealth = np.exp(np.array(self.wealth) - scale)
        for start in range(0, len(values), BLOCK):
            rows = slice(start, start + BLOCK)
            ranks, counts = _ranks(counts, places[rows], ties[rows])
            gains = np.tile(1 + BETS * (2 * ranks[:, None] - 1), JUMPS.size)
            wealths = np.empty_like(gains)
            for gain, after in zip(gains, wealths, strict=True):
                wealth = np.multiply(wealth @ jumping, gain, out=after)
            evidence[rows] = scale + np.log(wealths.sum(axis=1))
            scale += log(wealth.sum())
            wealth = wealth / wealth.sum()
        return self._after(evidence, counts, np.log(np.maximum(wealth, 1e-300)) + scale)

    def _after(self, evidence: Floats, counts: Floats, wealth: Floats) -> Self:
        peak, lowest, since = self.peak, self.lowest, self.since
        if len(evidence):
            peak = max(peak, float(evidence.max()))
            if float(evidence.min()) <= lowest and not self.warned:
                place = len(evidence) - 1 - int(np.argmin(evidence[::-1]))
                lowest, since = float(evidence[place]), self.images + place + 1
        return replace(
            self, counts=tuple(counts.astype(int).tolist()), wealth=tuple(wealth.tolist()), peak=peak, lowest=lowest,
            images=self.images + len(evidence), since=since,
        )  # fmt: skip

    @property
    def warned(self) -> bool:
        """Whether the evidence ever reached 1/δ."""
        return self.peak >= -log(self.delta)

    def to_json(self) -> dict[str, Any]:
        """The state as it is kept in a file, under 1 kB."""
        return {
            **vars(self), "edges": [float(f"{edge:.6g}") for edge in self.edges],
            "wealth": [round(value, 6) for value in self.wealth],
            "peak": round(self.peak, 9), "lowest": round(self.lowest, 9),
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Record) -> Shift:
        """The state in a file; RunError where its lengths do not fit."""

        def made(edges: list[float], counts: list[int], wealth: list[float], **rest: Any) -> Shift:
            return cls(tuple(edges), tuple(counts), tuple(wealth), **rest)

        shift = stored.record(made)
        if len(shift.counts) != len(shift.edges) + 1 or len(shift.wealth) != SIZE:
            remedy = "run mien watch again"
            raise RunError("holds ranges that do not fit each other", place=str(stored.path), remedy=remedy)
        return shift


def _jumping() -> Floats:
    """(SIZE, SIZE) how the bets change before an image: of each, the chance to jump goes to all bets alike."""
    shares = np.repeat(JUMPS, BETS.size)
    same_chance = np.kron(np.eye(JUMPS.size), np.ones((BETS.size, BETS.size)))
    return np.asarray(np.diag(1 - shares) + same_chance * shares / BETS.size)


def _ranks(counts: Floats, places: Ints, ties: Floats) -> tuple[Floats, Floats]:
    """The rank of each value, 0 to 1, among those before it and itself, and the counts of all ranges after them."""
    after = counts + np.cumsum(places[:, None] == np.arange(len(counts)), axis=0)
    above = after.sum(axis=1, keepdims=True) - np.cumsum(after, axis=1)
    at = np.arange(len(places)), places
    return (above[at] + ties * after[at]) / after.sum(axis=1), after[-1]
