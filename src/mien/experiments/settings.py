"""Settings of experiments."""

from __future__ import annotations

from dataclasses import dataclass

from mien.certify.policy import Policy
from mien.data.prepare import DataSettings
from mien.errors import UsageError
from mien.imbalance import get_treatment
from mien.labels import MERGES
from mien.nets.settings import BASE_HELP, TrainSettings
from mien.settings import setting, validate


@dataclass(frozen=True)
class ClassifierSettings:
    """One base classifier: data, training, architecture, seeds."""

    data: DataSettings
    train: TrainSettings = TrainSettings()  # noqa: RUF009 -- frozen
    base: str = setting("attention", BASE_HELP)
    seeds: tuple[int, ...] = setting((0,), "seeds of split and model")

    def __post_init__(self) -> None:
        validate(self)
        if not self.seeds:
            raise UsageError("at least one seed is required", place="--seeds", remedy="give whole numbers, like 0,1,2")


@dataclass(frozen=True)
class StudySettings(ClassifierSettings):
    """One study: data, base classifier, correctors, policy."""

    policy: Policy = Policy()  # noqa: RUF009 -- frozen
    correctors: tuple[str, ...] = ("xgboost", "adapter")
    classes: tuple[str, ...] = setting((), "classes to leave out in turn; all that are not too rare by default")
    retrained: bool = setting(True, "also train on train + correct, the most expensive alternative")
    min_pictures: int = setting(10, "fewest pictures of a class that may be left out", within=(1, 10**9))


@dataclass(frozen=True)
class AuditSettings:
    """One audit of labels: data, training, and what it learns from besides.

    Fewer epochs than for a good classifier are better here: wrong labels are not memorised.
    """

    data: DataSettings
    train: TrainSettings = TrainSettings(epochs=20)  # noqa: RUF009 -- frozen
    base: str = setting("attention", BASE_HELP)
    seed: int = setting(0, "seed of the training")
    reviews: str = setting("", "file of reviews to learn from: log, table, or export of Label Studio or FiftyOne")
    merge: str = setting(
        MERGES[0],
        "of several reviewers: what most say, or weighed by how good each is (needs mien[crowd])",
        choices=MERGES,
    )
    votes: bool = setting(False, "learn from the annotators' votes on other pictures, where the data have them")
    tune: bool = setting(
        False, "with votes: tune the classifier itself on them too, in five folds; 2.5 times as long, finds more"
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.train.augment.mixup or self.train.augment.cutmix:
            remedy = "leave --augment-mixup and --augment-cutmix out"
            raise UsageError("blended pictures cannot be watched one by one", place="audit", remedy=remedy)
        if self.tune and not self.votes:
            raise UsageError("needs votes", place="--tune", remedy="give --votes as well, or leave it out")
        if self.votes and self.reviews:
            place, remedy = f"--reviews {self.reviews}", "give one of them"
            raise UsageError("cannot be combined with --votes", place=place, remedy=remedy)
        if self.merge != MERGES[0] and not self.reviews:
            remedy = "give --reviews FILE as well"
            raise UsageError("there are no reviews to merge", place=f"--merge {self.merge}", remedy=remedy)


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
                cause = f"at least one of the {name} is required"
                raise UsageError(cause, place=f"--{name}", remedy="separate several by commas")
        treatments = (get_treatment(name).name for name in self.treatments)
        for name, given in (("seeds", self.seeds), ("models", self.models), ("treatments", treatments)):
            object.__setattr__(self, name, tuple(dict.fromkeys(given)))  # named twice, or once with its usual target
