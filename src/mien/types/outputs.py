"""What a classifier says, what a corrector proposes, what the corrected system decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mien.errors import AlignmentError, UsageError, choice_error
from mien.types.arrays import Bools, Floats, Ints, Texts, check_rows, check_unique


@dataclass(frozen=True)
class Outputs:
    """What a classifier says of pictures: the border between torch and the rest.

    Attributes
    ----------
    ids : (N,) row keys.
    probs : (N, K) class probabilities, zero for unknown classes.
    known : (K,) bool, the classes that the classifier was trained on.
    features : tap name → (N, D), or (N, V, C, H, W) for spatial taps in V views. May be memory-mapped.
    draws : (E, N, K) probabilities of E stochastic passes or members, or None.
    """

    ids: Texts
    probs: Floats
    known: Bools
    features: Mapping[str, Floats] = field(default_factory=dict)
    draws: Floats | None = None

    _ROWS = ("probs",)

    def __post_init__(self) -> None:
        check_rows(self, len(self.ids))
        check_unique(self.ids, "Outputs.ids")
        if self.probs.ndim != 2 or self.probs.shape[1] != len(self.known):
            raise AlignmentError(f"probs are {self.probs.shape}, known is {self.known.shape}", place="Outputs.probs")
        for tap, values in self.features.items():
            if len(values) != len(self.ids):
                raise AlignmentError(
                    f"has {len(values)} rows, ids has {len(self.ids)}", place=f"Outputs.features[{tap}]"
                )
        if self.draws is not None and self.draws.shape[1:] != self.probs.shape:
            raise AlignmentError(f"draws are {self.draws.shape}, probs {self.probs.shape}", place="Outputs.draws")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def predicted(self) -> Ints:
        """(N,) the classifier's answer."""
        answers: Ints = self.probs.argmax(1)
        return answers

    def take(self, rows: Ints | Bools) -> Outputs:
        """The outputs of the given rows."""
        features = {tap: values[rows] for tap, values in self.features.items()}
        draws = None if self.draws is None else self.draws[:, rows]
        return Outputs(self.ids[rows], self.probs[rows], self.known, features, draws)

    def having(self, features: Mapping[str, Floats]) -> Outputs:
        """The same with features added or replaced."""
        return replace(self, features={**self.features, **features})

    @classmethod
    def joined(cls, parts: Sequence[Outputs]) -> Outputs:
        """The outputs of one classifier for several lots of pictures, one after the other; at least one lot."""
        taps = parts[0].features
        features = {tap: np.concatenate([part.features[tap] for part in parts]) for tap in taps}
        draws = [part.draws for part in parts if part.draws is not None]
        return cls(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.probs for part in parts]),
            parts[0].known,
            features,
            np.concatenate(draws, axis=1) if draws else None,
        )


@dataclass(frozen=True)
class Wanted:
    """What a corrector wants to be read out of a classifier.

    Attributes
    ----------
    tap : whose whole map; "" for none.
    views : changed views of each picture to learn on; new pictures come as they are, with their mirror image where the
        classifier is read out so.
    vectors : patterns of the vectors, all by default.
    """

    tap: str = ""
    views: int = 0
    vectors: tuple[str, ...] = ("*",)

    @classmethod
    def joined(cls, wants: Iterable[Wanted]) -> Wanted:
        """What correctors want that are one together; UsageError where they want different maps."""
        found = list(wants)
        maps = {(want.tap, want.views) for want in found if want.tap} or {("", 0)}
        if len(maps) > 1:
            remedy = "put one adapter only beside the others"
            raise UsageError("members want maps of different taps", place="correctors", remedy=remedy)
        [(tap, views)] = maps
        return cls(tap, views, tuple(sorted({pattern for want in found for pattern in want.vectors})))


@dataclass(frozen=True)
class Proposal:
    """A corrector's opinion: `score` is the evidence for `suggested` against the classifier's answer; higher is more.

    Attributes
    ----------
    ids : (N,) row keys.
    score : (N,) float.
    suggested : (N,) int, the class to override with.
    """

    ids: Texts
    score: Floats
    suggested: Ints

    _ROWS = ("score", "suggested")

    def __post_init__(self) -> None:
        check_rows(self, len(self.ids))
        if len(self.score) and not np.isfinite(self.score).all():
            raise AlignmentError("a score is not finite", place="Proposal.score")


ACTIONS = ("relabel", "abstain", "flag")


@dataclass(frozen=True)
class Decision:
    """What the corrected system says.

    Attributes
    ----------
    ids : (N,) row keys.
    base : (N,) int, the classifier's answer.
    final : (N,) int, the corrected answer; -1 where it abstains.
    changed : (N,) bool, where the corrector spoke up (with action "flag", `final` still equals `base` there).
    action : one of ACTIONS.
    """

    ids: Texts
    base: Ints
    final: Ints
    changed: Bools
    action: str = "relabel"

    _ROWS = ("base", "final", "changed")

    def __post_init__(self) -> None:
        check_rows(self, len(self.ids))
        if self.action not in ACTIONS:
            raise choice_error("action", self.action, ACTIONS, place="Decision.action")
        if (self.final != self.base)[~self.changed].any():
            raise AlignmentError("an answer differs where the corrector was silent", place="Decision.final")
