"""Registry of the treatments of unbalanced data: `TREATMENTS` has a function for each that returns a `Treatment`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from mien.errors import UsageError, choice_error
from mien.imbalance.latent import latent_neighbours, logit_adjusted, retrained_head, smote_head
from mien.imbalance.resampling import oversampled, resampled, undersampled
from mien.imbalance.treatment import Treatment
from mien.types import Ints

FEW, MANY = 300, 3000
"""Pictures per class to which the original report resampled and augmented."""
GENERATED = 1000
NEAREST = 101
STILL = {f"augment_{name}": 0.0 for name in ("flip", "rotate", "shift", "scale", "light", "erase")}
LIVELY = {"augment_rotate": 10.0, "augment_shift": 0.08, "augment_scale": 0.1, "augment_light": 0.35}


def settings_only(name: str, description: str, **train: Any) -> Treatment:
    """Make a treatment that only changes settings of training; without class weights unless `train` sets them."""
    return Treatment(name, description, MappingProxyType({"weight_power": 0.0, **train}))


def class_weighted(name: str, description: str, **train: Any) -> Treatment:
    """Make a treatment whose class weights multiply pictures, as in the papers, and not the smoothed targets."""
    return settings_only(name, description, class_weight_target="pictures", **train)


def undersample(target: int = FEW) -> Treatment:
    """Train on at most `target` pictures per class."""
    return _sampled("undersample", target, f"at most {target} pictures a class", undersampled)


def oversample(target: int = FEW) -> Treatment:
    """Repeat pictures of rare classes up to `target` pictures per class."""
    return _sampled("oversample", target, f"at least {target} pictures a class, repeated", oversampled)


def resample(target: int = FEW) -> Treatment:
    """Undersample common and oversample rare classes to `target` pictures each."""
    return _sampled("resample", target, f"{target} pictures of each class", resampled)


def augment(target: int = MANY) -> Treatment:
    """Oversample rare classes to `target` pictures, with stronger augmentation."""
    return _sampled("augment", target, f"at least {target} pictures a class, changed copies", oversampled, **LIVELY)


def generate(target: int = GENERATED) -> Treatment:
    """Add pictures of rare classes, made by a generator trained on all classes, up to `target` per class."""
    description = f"up to {target} pictures a class, the missing ones made by a generator"
    return _after(f"generate:{target}", description, generated=target)


def latent_knn(k: int = NEAREST) -> Treatment:
    """Classify by the k training pictures with the nearest latents in place of the last layer."""
    return _after(f"latent-knn:{k}", f"votes of the {k} nearest latents", postprocess=partial(latent_neighbours, k=k))


def weighted_latent_knn(k: int = NEAREST) -> Treatment:
    """Classify by the k nearest latents, with votes weighted by N/n of their class."""
    description = f"votes of the {k} nearest latents, with weights N/n"
    return _after(f"weighted-latent-knn:{k}", description, postprocess=partial(latent_neighbours, k=k, power=1.0))


def _sampled(kind: str, target: int, description: str, rows: Callable[..., Ints], **train: Any) -> Treatment:
    treatment = settings_only(f"{kind}:{target}", description, **train)
    return replace(treatment, rows=partial(rows, target=target))


def _after(name: str, description: str, **fields: Any) -> Treatment:
    return replace(settings_only(name, description), **fields)


TREATMENTS: Mapping[str, Callable[..., Treatment]] = MappingProxyType(
    {
        "none": lambda: settings_only("none", "nothing"),
        "still": lambda: settings_only("still", "nothing, and no augmentation", **STILL),
        "weights": lambda: class_weighted("weights", "class weights N/n", weight_power=1.0),
        "still-weights": lambda: class_weighted(
            "still-weights", "class weights N/n, no augmentation", weight_power=1.0, **STILL
        ),
        "root-weights": lambda: settings_only("root-weights", "class weights √(N/n)", weight_power=0.5),
        "effective": lambda: class_weighted("effective", "class weights by effective numbers", weighting="effective"),
        "undersample": undersample,
        "oversample": oversample,
        "resample": resample,
        "augment": augment,
        "generate": generate,
        "balanced": lambda: settings_only("balanced", "every class drawn equally often", sampling="balanced"),
        "mixup": lambda: settings_only("mixup", "blends of two pictures", augment_mixup=0.2),
        "cutmix": lambda: settings_only("cutmix", "parts of another picture", augment_cutmix=1.0),
        "focal": lambda: settings_only("focal", "focal loss", loss="focal"),
        "class-balanced": lambda: class_weighted(
            "class-balanced", "focal loss with effective numbers", loss="focal", weighting="effective"
        ),
        "ldam": lambda: class_weighted(
            "ldam", "wider margins for rare classes, late weights", loss="ldam", weight_power=1.0, reweight_after=0.8
        ),
        "logit-adjusted": lambda: settings_only("logit-adjusted", "logits adjusted in training", loss="logit-adjusted"),
        "soft-f1": lambda: settings_only("soft-f1", "macro F1 of probabilities as loss", loss="soft-f1"),
        "logit-adjustment": lambda: _after(
            "logit-adjustment", "probabilities adjusted after training", postprocess=logit_adjusted
        ),
        "new-head": lambda: _after("new-head", "last layer retrained on balanced latents", postprocess=retrained_head),
        "smote": lambda: _after(
            "smote", "last layer retrained on latents balanced by SMOTE", postprocess=smote_head,
            package="imbalanced-learn",
        ),
        "latent-knn": latent_knn,
        "weighted-latent-knn": weighted_latent_knn,
        "corrector": lambda: _after(
            "corrector", "correctors of rare classes, which also learn from the fit part", corrector="adapter"
        ),
        "with-fit": lambda: _after("with-fit", "nothing, but trained on the fit part too", adds_fit_part=True),
    }
)  # fmt: skip
WITH_TARGET = ("undersample", "oversample", "resample", "augment", "generate", "latent-knn", "weighted-latent-knn")


def supports_knn(treatment: Treatment) -> bool:
    """Whether the treatment applies to nearest neighbours on pixels, which have no training, latents or maps.

    Examples
    --------
    >>> [name for name in TREATMENTS if supports_knn(get_treatment(name))]
    ['none', 'weights', 'root-weights', 'undersample', 'oversample', 'resample']
    """
    only_weights = set(treatment.train) <= {"weight_power", "class_weight_target"}
    return only_weights and not (treatment.postprocess or treatment.generated or treatment.uses_fit)


def get_treatment(name: str) -> Treatment:
    """Return the treatment called `name`, or NAME:TARGET for another number of pictures (or neighbours).

    Raises
    ------
    UsageError : no such treatment, or a target that it does not take.

    Examples
    --------
    >>> get_treatment("oversample:1000").description
    'at least 1000 pictures a class, repeated'
    """
    key, colon, target = name.partition(":")
    if key not in TREATMENTS:
        raise choice_error("treatment", key, TREATMENTS, place="--treatments")
    if not colon:
        return TREATMENTS[key]()
    if key not in WITH_TARGET:
        raise UsageError(f"{key} takes no target", place="--treatments", remedy=f"give {key} without a number")
    if not target.isdigit() or not int(target):
        cause = f"target {target!r} is not a positive whole number"
        raise UsageError(cause, place="--treatments", remedy=f"give for example {key}:{FEW}")
    return TREATMENTS[key](int(target))
