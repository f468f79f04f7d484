"""Settings of a correction, of a discovery, and of the order in which pictures are labelled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from mien.certify.policy import Policy
from mien.certify.thresholds import EXPECTED
from mien.correctors import NOVELTY_SCORES
from mien.data.load import absolute
from mien.data.provenance import UNKNOWN
from mien.errors import UsageError
from mien.settings import setting, validate

FIT_SHARE = 0.8
"""Share to learn from with an expected guarantee: it keeps its budget in the mean, however few pictures certify it."""


@dataclass(frozen=True)
class CorrectSettings:
    """How a classifier is corrected."""

    corrector: str = setting("adapter", "corrector: one that mien brings, or module:Name")
    cross_fit: int = setting(
        0, "fold the correct part into so many, for few pictures; the certificate is approximate then", within=(0, 50)
    )
    fit_share: float = setting(
        0.0,
        "share of the labelled pictures to learn from, the others certify; 0: 0.6, or 0.8 for an expected guarantee",
        within=(0, 0.95),
        later=True,
    )
    found: str = setting(
        "",
        "take the pictures of this cluster, FOLDER:NUMBER of mien discover, for the class as well; or FOLDER:CLASS, "
        "those that a person labelled so in its table",
    )
    keep_features: bool = setting(
        True,
        "keep the outputs of BASE for these pictures in it (20 KB each, 57 for an adapter), for the next corrector",
    )
    base_seed: int | None = setting(None, "which of the run's seeds; the first by default")
    trained_on: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = field(default=(), metadata={"later": True})
    layer: str = setting(
        "", "layer that an adapter learns on, such as pixels; by default the earliest that is small", later=True
    )
    drawn_faces: int = setting(
        200,
        "drawn faces of each class that a corrector for few pictures (prototypes) learns from, if the class is an "
        "emotion; 0 for none",
        within=(0, 10_000),
        later=True,
    )
    fit_trained_on: bool = setting(
        False, "learn from pictures that BASE was trained on as well; they neither certify nor test", later=True
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.cross_fit and self.fit_trained_on:
            remedy = "leave one of them out"
            raise UsageError("is for correctors that are not cross-fitted", place="--fit-trained-on", remedy=remedy)
        if self.cross_fit == 1:
            raise UsageError(
                "one fold leaves nothing to learn from", place="--cross-fit", remedy="give 2 or more, or 0"
            )

    def share_to_fit(self, policy: Policy) -> float:
        """The share of the labelled pictures to learn from; 0 leaves the parts as they are."""
        return self.fit_share or (FIT_SHARE if policy.guarantee == EXPECTED else 0.0)

    def stored(self) -> Self:
        """The same with paths in full, as patch.json keeps them."""
        folder, _, number = self.found.rpartition(":")
        cluster = f"{Path(folder).expanduser().resolve()}:{number}" if folder else self.found
        trained_on = tuple(source if source == UNKNOWN else absolute(source) for source in self.trained_on)
        features = tuple(map(absolute, self.features))
        return replace(self, found=cluster, trained_on=trained_on, features=features)


@dataclass(frozen=True)
class DiscoverySettings:
    """How strange pictures are looked for."""

    method: str = setting("energy", "novelty score", choices=NOVELTY_SCORES)
    share: float = setting(0.1, "share of the pictures that is looked at more closely", within=(0, 1), exclusive=True)
    clusters: int = setting(8, "into how many groups they are put", within=(1, 100))

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class LabellingSettings:
    """Which pictures are labelled next for a class."""

    have: int | None = setting(
        None, "use only so many labelled pictures of the class, drawn at random, to try it out; all by default",
        within=(1, 1_000_000),
    )  # fmt: skip
    draw: int = setting(0, "number of that draw", within=(0, 1_000_000))
    most: int = setting(100, "how many pictures to show, and to list for labelling", within=(1, 10_000))

    def __post_init__(self) -> None:
        validate(self)
