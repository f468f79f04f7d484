"""All treatments. Each is a function that returns a `Treatment`; to add one, write it and name it here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from mien.errors import UsageError, choice_error
from mien.imbalance.latent import adjusted, new_head, of_neighbours, smote
from mien.imbalance.resampling import oversampled, resampled, undersampled
from mien.imbalance.treatment import Treatment

FEW, MANY = 300, 3000
"""Pictures of each class that the original report sampled and augmented to."""
MADE = 1000
NEAREST = 101
STILL = {f"augment_{name}": 0.0 for name in ("flip", "rotate", "shift", "scale", "light", "erase")}
LIVELY = {"augment_rotate": 10.0, "augment_shift": 0.08, "augment_scale": 0.1, "augment_light": 0.35}


def plainly(name: str, what: str, **train: Any) -> Treatment:
    """A treatment of settings alone; there are no class weights unless it asks for them."""
    return Treatment(name, what, MappingProxyType({"weight_power": 0.0, **train}))


def weighted(name: str, what: str, **train: Any) -> Treatment:
    """The same with class weights of pictures, as the papers have them, not of what smoothing gives other classes."""
    return plainly(name, what, class_weight_target="pictures", **train)


def undersample(target: int = FEW) -> Treatment:
    """Common classes lose pictures."""
    return _sampled(f"undersample:{target}", f"at most {target} pictures a class", partial(undersampled, target=target))


def oversample(target: int = FEW) -> Treatment:
    """Rare classes are shown more often."""
    return _sampled(
        f"oversample:{target}", f"at least {target} pictures a class, repeated", partial(oversampled, target=target)
    )


def resample(target: int = FEW) -> Treatment:
    """Both."""
    return _sampled(f"resample:{target}", f"{target} pictures of each class", partial(resampled, target=target))


def augment(target: int = MANY) -> Treatment:
    """Rare classes are shown more often, and every time changed more."""
    rows = partial(oversampled, target=target)
    return _sampled(f"augment:{target}", f"at least {target} pictures a class, changed copies", rows, **LIVELY)


def generate(target: int = MADE) -> Treatment:
    """A generator, learnt from all classes, makes pictures of those that have few."""
    what = f"up to {target} pictures a class, the missing ones made by a generator"
    return Treatment(f"generate:{target}", what, MappingProxyType({"weight_power": 0.0}), generated=target)


def latent_knn(k: int = NEAREST) -> Treatment:
    """The nearest training pictures answer in place of the last layer."""
    return _after(f"latent-knn:{k}", f"votes of the {k} nearest latents", after=partial(of_neighbours, k=k))


def weighted_latent_knn(k: int = NEAREST) -> Treatment:
    """The same, with as much weight for every class."""
    after = partial(of_neighbours, k=k, power=1.0)
    return _after(f"weighted-latent-knn:{k}", f"votes of the {k} nearest latents, weighing N/n", after=after)


def _sampled(name: str, what: str, rows: Callable[..., Any], **train: Any) -> Treatment:
    return Treatment(name, what, MappingProxyType({"weight_power": 0.0, **train}), rows)


def _after(name: str, what: str, **step: Any) -> Treatment:
    return Treatment(name, what, MappingProxyType({"weight_power": 0.0}), **step)


TREATMENTS: Mapping[str, Callable[..., Treatment]] = MappingProxyType(
    {
        "none": lambda: plainly("none", "nothing"),
        "still": lambda: plainly("still", "nothing, and no augmentation", **STILL),
        "weights": lambda: weighted("weights", "class weights N/n", weight_power=1.0),
        "still-weights": lambda: weighted(
            "still-weights", "class weights N/n, no augmentation", weight_power=1.0, **STILL
        ),
        "root-weights": lambda: plainly("root-weights", "class weights √(N/n)", weight_power=0.5),
        "effective": lambda: weighted("effective", "class weights of effective numbers", weighting="effective"),
        "undersample": undersample,
        "oversample": oversample,
        "resample": resample,
        "augment": augment,
        "generate": generate,
        "balanced": lambda: plainly("balanced", "epochs with as many of every class", sampling="balanced"),
        "mixup": lambda: plainly("mixup", "blends of two pictures", augment_mixup=0.2),
        "cutmix": lambda: plainly("cutmix", "parts of another picture", augment_cutmix=1.0),
        "focal": lambda: plainly("focal", "focal loss", loss="focal"),
        "class-balanced": lambda: weighted(
            "class-balanced", "focal loss with effective numbers", loss="focal", weighting="effective"
        ),
        "ldam": lambda: weighted(
            "ldam", "margins, and weights N/n late", loss="ldam", weight_power=1.0, reweight_after=0.8
        ),
        "logit-adjusted": lambda: plainly("logit-adjusted", "logits adjusted in training", loss="logit-adjusted"),
        "soft-f1": lambda: plainly("soft-f1", "macro F1 with chances as loss", loss="soft-f1"),
        "logit-adjustment": lambda: _after("logit-adjustment", "answers adjusted afterwards", after=adjusted),
        "new-head": lambda: _after("new-head", "last layer learnt anew, balanced", after=new_head),
        "smote": lambda: _after(
            "smote", "last layer learnt anew with SMOTE between latents", after=smote, package="imbalanced-learn"
        ),
        "latent-knn": latent_knn,
        "weighted-latent-knn": weighted_latent_knn,
        "corrector": lambda: _after(
            "corrector", "correctors of rare classes, learnt from the fit part besides", corrector="adapter"
        ),
        "with-fit": lambda: _after("with-fit", "nothing, but the pictures of the fit part besides", more=True),
    }
)  # fmt: skip
WITH_TARGET = ("undersample", "oversample", "resample", "augment", "generate", "latent-knn", "weighted-latent-knn")


def serves_neighbours(treatment: Treatment) -> bool:
    """Whether nearest neighbours can be given it: they have no training to change, no latents and no maps.

    Examples
    --------
    >>> [name for name in TREATMENTS if serves_neighbours(get_treatment(name))]
    ['none', 'weights', 'root-weights', 'undersample', 'oversample', 'resample']
    """
    of_votes = set(treatment.train) <= {"weight_power", "class_weight_target"}
    return of_votes and not (treatment.after or treatment.generated or treatment.uses_fit)


def get_treatment(name: str) -> Treatment:
    """The treatment called `name`; NAME:TARGET with another number of pictures.

    Examples
    --------
    >>> get_treatment("oversample:1000").what
    'at least 1000 pictures a class, repeated'
    """
    key, colon, target = name.partition(":")
    if key not in TREATMENTS:
        raise choice_error("treatment", key, TREATMENTS, place="--treatments")
    if not colon:
        return TREATMENTS[key]()
    if key not in WITH_TARGET:
        raise UsageError(f"{key} has no target", place="--treatments", remedy=f"give {key} alone")
    if not target.isdigit() or not int(target):
        raise UsageError(f"{target!r} is no number of pictures", place="--treatments", remedy=f"give {key}:{FEW}")
    return TREATMENTS[key](int(target))
