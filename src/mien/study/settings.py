"""What a leave-one-class-out study is set to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from mien.correctors.policy import Policy
from mien.data.load import absolute
from mien.data.prepare import DataSettings
from mien.data.provenance import UNKNOWN
from mien.errors import UsageError
from mien.imbalance import find
from mien.models.settings import BASE_HELP, TrainSettings
from mien.settings import setting, validate

NOVELTY = ("relative", "mahalanobis", "knn", "vim", "gen", "energy", "msp")


@dataclass(frozen=True)
class StudySettings:
    """One study: data, base classifier, correctors, policy."""

    data: DataSettings
    train: TrainSettings = TrainSettings()  # noqa: RUF009 -- frozen
    policy: Policy = Policy()  # noqa: RUF009 -- frozen
    base: str = setting("attention", BASE_HELP)
    correctors: tuple[str, ...] = ("xgboost", "logistic")
    classes: tuple[str, ...] = setting((), "classes to leave out in turn; all that are not too rare by default")
    seeds: tuple[int, ...] = setting((0,), "seeds of split and model")
    retrained: bool = setting(True, "also train on train + correct, the dearest alternative")
    min_pictures: int = setting(10, "fewest pictures of a class that may be left out", within=(1, 10**9))

    def __post_init__(self) -> None:
        validate(self)
        if not self.seeds:
            raise UsageError("names no seed", place="--seeds", remedy="give whole numbers, like 0,1,2")


@dataclass(frozen=True)
class CorrectSettings:
    """How a classifier is corrected."""

    corrector: str = setting("adapter", "corrector: one that mien brings, or module:Name")
    cross_fit: int = setting(
        0, "fold the correct part into so many, for few pictures; the certificate is approximate then", within=(0, 50)
    )
    found: str = setting("", "take the pictures of this cluster, FOLDER:NUMBER of mien discover, for the class as well")
    keep_features: bool = setting(
        True,
        "keep beside BASE what it thinks of these pictures (20 KB each, 57 for an adapter), for the next corrector",
    )
    base_seed: int | None = setting(None, "which of the run's seeds; the first by default")
    trained_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        validate(self)
        if self.cross_fit == 1:
            raise UsageError(
                "one fold leaves nothing to learn from", place="--cross-fit", remedy="give 2 or more, or 0"
            )

    def stored(self) -> Self:
        """The same with paths in full, as patch.json keeps them."""
        folder, _, number = self.found.rpartition(":")
        found = f"{Path(folder).expanduser().resolve()}:{number}" if folder else self.found
        trained_on = tuple(one if one == UNKNOWN else absolute(one) for one in self.trained_on)
        return replace(self, found=found, trained_on=trained_on)


@dataclass(frozen=True)
class DiscoverySettings:
    """How strange pictures are looked for."""

    method: str = setting("energy", "novelty score", choices=NOVELTY)
    share: float = setting(0.1, "share of the pictures that is looked at more closely", within=(0, 1), exclusive=True)
    clusters: int = setting(8, "into how many groups they are put", within=(1, 100))

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class CompareSettings:
    """A comparison of treatments of unbalanced data: each model with each treatment, on each seed."""

    data: DataSettings
    train: TrainSettings = TrainSettings()  # noqa: RUF009 -- frozen
    policy: Policy = Policy()  # noqa: RUF009 -- frozen
    models: tuple[str, ...] = setting(("attention",), "base classifiers, and knn: nearest neighbours on pixels")
    treatments: tuple[str, ...] = setting(
        (
            "none",
            "weights",
            "root-weights",
            "balanced",
            "augment",
            "logit-adjusted",
            "new-head",
            "corrector",
            "with-fit",
        ),
        "treatments, all for every one; NAME:TARGET for those with a number of pictures",
    )
    seeds: tuple[int, ...] = setting((0, 1, 2), "seeds of split and model")
    neighbours: int = setting(101, "k of knn", within=(1, 10**6))

    def __post_init__(self) -> None:
        validate(self)
        for name in ("seeds", "models", "treatments"):
            if not getattr(self, name):
                raise UsageError("names none", place=f"--{name}", remedy="give one or more, with commas between")
        treatments = (find(name).name for name in self.treatments)
        for name, given in (("seeds", self.seeds), ("models", self.models), ("treatments", treatments)):
            object.__setattr__(self, name, tuple(dict.fromkeys(given)))  # named twice, or once with its usual target
