"""Settings of experiments."""

from __future__ import annotations

from dataclasses import dataclass

from mien.certify.policy import Policy
from mien.data.prepare import DataSettings
from mien.errors import UsageError
from mien.imbalance import get_treatment
from mien.nets.settings import BASE_HELP, TrainSettings
from mien.settings import setting, validate


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
        treatments = (get_treatment(name).name for name in self.treatments)
        for name, given in (("seeds", self.seeds), ("models", self.models), ("treatments", treatments)):
            object.__setattr__(self, name, tuple(dict.fromkeys(given)))  # named twice, or once with its usual target
