"""What a leave-one-class-out study is set to do."""

from __future__ import annotations

from dataclasses import dataclass

from mien.correctors.policy import Policy
from mien.data.prepare import DataSettings
from mien.errors import UsageError
from mien.models.settings import TrainSettings
from mien.settings import setting, validate


@dataclass(frozen=True)
class StudySettings:
    """One study: data, base classifier, correctors, policy."""

    data: DataSettings
    train: TrainSettings = TrainSettings()  # noqa: RUF009 -- frozen
    policy: Policy = Policy()  # noqa: RUF009 -- frozen
    base: str = setting("attention", "base classifier: one that mien brings, or module:Name")
    correctors: tuple[str, ...] = ("xgboost", "logistic")
    classes: tuple[str, ...] = setting((), "classes to leave out in turn; all that are not too rare by default")
    seeds: tuple[int, ...] = setting((0,), "seeds of split and model")
    retrained: bool = setting(True, "also train on train + correct, the dearest alternative")
    min_pictures: int = setting(10, "fewest pictures of a class that may be left out", within=(1, 10**9))

    def __post_init__(self) -> None:
        validate(self)
        if not self.seeds:
            raise UsageError("names no seed", place="--seeds", remedy="give whole numbers, like 0,1,2")
