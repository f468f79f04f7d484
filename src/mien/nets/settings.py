"""Settings of training, free of torch so that a command line can show them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from mien.errors import UsageError
from mien.settings import setting, validate

STOPPING = ("macro_recall", "roc_auc", "paper")
LOSSES = ("cross-entropy", "gce", "elr", "focal", "logit-adjusted", "ldam", "soft-f1")
WEIGHTINGS = ("power", "effective")
WEIGHT_TARGETS = ("shares", "pictures")
SAMPLINGS = ("natural", "balanced")
PRECISIONS = ("auto", "float32", "bfloat16")
OF_THE_MACHINE = ("device", "threads")
"""Settings of the machine that a training runs on: only the rounding of numbers depends on them."""


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to each picture of a training batch; every one is a largest amount, 0 turns it off."""

    flip: float = setting(0.5, "share of pictures mirrored", within=(0, 1))
    rotate: float = setting(5.0, "largest rotation, degrees", within=(0, 180))
    shift: float = setting(0.04, "largest shift, share of the width", within=(0, 1))
    scale: float = setting(0.05, "largest change of size, share", within=(0, 0.9))
    light: float = setting(0.25, "largest change of brightness and of contrast, share", within=(0, 1))
    erase: float = setting(0.2, "side of the largest erased square, share of the width", within=(0, 1))
    mixup: float = setting(0.0, "blend two pictures by a share from Beta(a, a)", within=(0, 100))
    cutmix: float = setting(0.0, "paste a part of another picture, its share from Beta(a, a)", within=(0, 100))

    def __post_init__(self) -> None:
        validate(self, "augment_")


@dataclass(frozen=True)
class TrainSettings:
    """How a base classifier is trained.

    Notes
    -----
    Other settings give another classifier and another run, except those of the machine: `device` and `threads` only
    change how numbers are rounded, so a training may continue with others (see `anywhere`).
    `precision` belongs to the classifier, which predicts in the precision of its training. With "auto", the machine on
    which a training begins chooses it, and the training keeps it on every other machine.
    """

    epochs: int = setting(45, "longest training", within=(1, 10_000))
    batch_size: int = setting(32, "pictures a step", within=(2, 65_536))
    learning_rate: float = setting(3e-3, "peak of the one-cycle schedule (AdamW)", within=(0, 10), exclusive=True)
    weight_decay: float = setting(0.05, "decoupled weight decay", within=(0, 10))
    weight_power: float = setting(0.5, "class weights (N/n_i)^power: 1 is the paper's, 0 none", within=(0, 4))
    weighting: str = setting(
        "power",
        "how class weights follow from the counts: the power above, or the effective numbers of pictures",
        choices=WEIGHTINGS,
    )
    class_weight_target: str = setting(
        "shares",
        "what class weights multiply: every share of a smoothed target, or a picture by those of its classes",
        choices=WEIGHT_TARGETS,
    )
    reweight_after: float = setting(0.0, "share of training before class weights begin", within=(0, 1))
    sampling: str = setting(
        "natural",
        "what an epoch is made of: each picture once, or as many draws of every class",
        choices=SAMPLINGS,
    )
    loss: str = setting(
        "cross-entropy",
        "what training minimises; gce (generalised cross entropy) and elr (early-learning regularisation) are for "
        "labels of which many are wrong, the rest for unbalanced classes",
        choices=LOSSES,
    )
    label_smoothing: float = setting(0.1, "share of each target spread over the known classes", within=(0, 0.9))
    low_res_share: float = setting(
        0.5,
        "share of training that sees the pictures at two thirds of their size, if the base takes any size",
        within=(0, 1),
    )
    vote_sampling: bool = setting(
        False, "learn from one label a picture, drawn again each time from its shares of votes, not from the shares"
    )
    synthetic: int = setting(
        0,
        "drawn faces to learn from first, at small size, for half as many epochs; only if all classes are emotions",
        within=(0, 10**6),
    )
    ema: float = setting(
        0.99, "decay of the weights' moving average, which is what is kept; 0 for none", within=(0, 0.99999)
    )
    flip_tta: bool = setting(True, "answer by the mean over a picture and its mirror image")
    stopping: str = setting("macro_recall", "what picks the best epoch on validation", choices=STOPPING)
    patience: int = setting(15, "epochs without a better one before training stops", within=(1, 10_000))
    precision: str = setting("auto", "bfloat16 where the processor has it", choices=PRECISIONS)
    device: str = setting("auto", "auto, cpu or cuda")
    threads: int = setting(1, "processor threads of one training; more change the last digits", within=(1, 1024))
    augment: AugmentSettings = AugmentSettings()

    def __post_init__(self) -> None:
        validate(self)
        if self.loss == "elr" and (self.augment.mixup or self.augment.cutmix):
            remedy = "give --augment-mixup 0 --augment-cutmix 0, or take another loss"
            raise UsageError("blended pictures have no answers of earlier epochs", place="--loss elr", remedy=remedy)

    @property
    def anywhere(self) -> TrainSettings:
        """The same settings with those of the machine at their defaults: they identify a training.

        Examples
        --------
        >>> TrainSettings(threads=8, device="cuda").anywhere == TrainSettings()
        True
        """
        defaults: dict[str, Any] = {item.name: item.default for item in fields(self) if item.name in OF_THE_MACHINE}
        return replace(self, **defaults)


OWN_RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"residual": {"epochs": 90, "patience": 90, "augment_mixup": 0.2, "augment_cutmix": 1.0}}
)
"""Base → settings, by their flags' names, in which its recipe differs from the common one (see docs/bases.md)."""
BASE_HELP = "base classifier: one that mien brings, hub:NAME (pretrained, extra `hub`), or module:Name" + "".join(
    f"; {base} has by default " + ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in recipe.items())
    for base, recipe in OWN_RECIPES.items()
)


def recipe(base: str) -> TrainSettings:
    """Return the training settings of a base classifier: the common ones, or its own recipe.

    Examples
    --------
    >>> recipe("attention").epochs, recipe("residual").epochs
    (45, 90)
    """
    return with_changes(TrainSettings(), OWN_RECIPES.get(base, {}))


def with_changes(settings: TrainSettings, changes: Mapping[str, Any]) -> TrainSettings:
    """Return the settings with some changed, by their flags' names.

    Examples
    --------
    >>> with_changes(TrainSettings(), {"epochs": 3, "augment_flip": 0.0}).augment.flip
    0.0
    """
    augment = {name.removeprefix("augment_"): value for name, value in changes.items() if name.startswith("augment_")}
    others = {name: value for name, value in changes.items() if not name.startswith("augment_")}
    return replace(settings, **others, augment=replace(settings.augment, **augment))
