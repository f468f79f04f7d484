"""The comparison of treatments of unbalanced classes: each model under each treatment, on each seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mien.certify.aims import SPENDS_ALL
from mien.errors import DataError, UsageError
from mien.events import OnEvent, ignore
from mien.experiments.experiment import Experiment, Manifest, Plan, Splits, carry_out, union
from mien.experiments.identity import machine_of
from mien.experiments.layers import layers_of
from mien.experiments.preflight import check
from mien.experiments.settings import CompareSettings
from mien.experiments.treatments.task import KNN, TreatedCell, run_treated
from mien.imbalance import TREATMENTS, Treatment, get_treatment, supports_knn
from mien.metrics.classification import common_classes
from mien.nets import saved
from mien.nets.pretraining import check_synthetic
from mien.nets.settings import TrainSettings, with_changes
from mien.outside import import_optional
from mien.storage.first_edition import digest_then
from mien.storage.identity import fields_of, identity
from mien.storage.run import Run
from mien.types import Dataset, Split


class Comparison(Experiment[CompareSettings, TreatedCell]):
    """A cell for each seed, model and training; treatments that come after the training share it."""

    kind: ClassVar[str] = "compare"
    lists: ClassVar[tuple[str, ...]] = ("seeds", "models", "treatments")
    do = staticmethod(run_treated)

    def check(self) -> None:
        settings = self.settings
        treatments = [get_treatment(name) for name in settings.treatments]
        models = [model for model in settings.models if model != KNN]
        correctors = [treatment.corrector for treatment in treatments if treatment.corrector]
        try:
            check(settings.train, models, correctors, colour=settings.data.colour)
        except UsageError as error:
            place = error.place.replace("--base", "--models").replace("--corrector", "--treatments")
            raise UsageError(error.cause, place=place, remedy=error.remedy) from None
        for treatment in treatments:
            if treatment.package:
                import_optional("imblearn", treatment.package, "imbalance")

    def plan(self, data: Dataset, splits: Splits, folder: Path) -> Plan[TreatedCell]:
        settings = self.settings
        settings.policy.check_classes(data.labelset)
        for name in settings.treatments:
            _check(get_treatment(name), settings, data)
        given = {model: possible(model, settings, data) for model in settings.models}
        for seed, parts in splits.items():
            _check_parts(data, parts, seed)
        manifest = {
            "training": _known_by(settings), "given": given,
            "models": settings.models, "treatments": settings.treatments,
            "train_counts": {
                str(seed): np.bincount(data.labels[parts.rows("train")], minlength=len(data.labelset)).tolist()
                for seed, parts in splits.items()
            },
        }  # fmt: skip
        cells = [
            TreatedCell(str(folder), settings, seed, model, training, chosen)
            for seed in splits
            for model, names in given.items()
            for training, group in ({"none": names} if model == KNN else grouped(settings.treatments)).items()
            if (chosen := tuple(name for name in group if name in names))
        ]
        return Plan(cells, manifest, {"counts": data.counts().tolist()})

    def identity(self, manifest: Manifest) -> dict[str, object]:
        train = self.settings.train
        # fingerprints of earlier versions may include the settings of the machine
        then = [_known_then(self.settings, known) for known in (train.anywhere, replace(train, **machine_of(manifest)))]
        if manifest["training"] not in (*then, _known_without_aim(self.settings)):
            return {"training": manifest["training"]}
        aim, corrected = self.settings.policy.aim, any(get_treatment(name).corrector for name in manifest["treatments"])
        if aim != SPENDS_ALL and corrected:
            cause = "an earlier version made this comparison, with correctors that spend the whole harm budget"
            raise UsageError(cause, place="--aim", remedy=f"add --aim {SPENDS_ALL} to continue it")
        return {"training": _known_by(self.settings)}

    def grow(self, old: Manifest, new: Manifest) -> dict[str, Any]:
        grown = super().grow(old, new)
        models = grown["models"]
        given = {model: union(old["given"].get(model, ()), new["given"].get(model, ())) for model in models}
        return grown | {"given": given, "train_counts": {**old["train_counts"], **new["train_counts"]}}


def compare(
    settings: CompareSettings,
    out: Path,
    *,
    executor: str = "processes",
    command: str = "",
    on_event: OnEvent = ignore,
    finish: Callable[[Run], object] = lambda run: None,
) -> Run:
    """Train and judge every model under every treatment, or what is left of that, and return the run folder.

    The parameters and errors are those of :func:`mien.experiments.experiment.carry_out`.
    """
    return carry_out(Comparison(settings), out, executor=executor, command=command, on_event=on_event, finish=finish)


def possible(model: str, settings: CompareSettings, data: Dataset) -> tuple[str, ...]:
    """The treatments that a model can be given; errors of building it are raised now, not after hours.

    Models without a map cannot be given an adapter.
    """
    if model == KNN:
        return tuple(name for name in settings.treatments if supports_knn(get_treatment(name)))
    base = saved.build(model, np.ones(len(data.labelset), bool), settings.data.colour)
    if base.adapter_layer or layers_of(base, data)[0]["kind"] == "map":
        return settings.treatments
    return tuple(name for name in settings.treatments if not get_treatment(name).corrector)


def _check(treatment: Treatment, settings: CompareSettings, data: Dataset) -> None:
    """Refuse a treatment whose settings these data do not allow."""
    train = with_changes(settings.train, treatment.train)
    if train.synthetic:
        check_synthetic(train.synthetic, data.labelset, settings.data.images)


def _check_parts(data: Dataset, parts: Split, seed: int) -> None:
    """DataError where there are not two classes to learn, or none of those that means are over to choose by or test."""
    common = common_classes(data.counts())
    for part, least in (("train", 2), ("validation", 1), ("calibrate", 1), ("test", 2)):
        there = np.unique(data.labels[parts.rows(part)])
        count = len(there) if part in ("train", "validation") else int(common[there].sum())
        if count < least:
            raise DataError(
                f"seed {seed} leaves pictures of {count} classes that count for {part}", place=data.name,
                remedy="give more pictures, of two classes or more and of several persons",
            )  # fmt: skip


def grouped(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Training → the treatments that share it: what comes afterwards needs no training of its own.

    Examples
    --------
    >>> grouped(("weights", "new-head", "none", "logit-adjustment"))
    {'weights': ('weights',), 'none': ('new-head', 'none', 'logit-adjustment')}
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        treatment = get_treatment(name)
        alike = (
            key
            for key in TREATMENTS
            if not (_own_pictures(treatment) or _own_pictures(get_treatment(key)))
            and get_treatment(key).train == treatment.train
        )
        groups.setdefault(next(alike, treatment.name), []).append(name)
    return {training: tuple(group) for training, group in groups.items()}


def _own_pictures(treatment: Treatment) -> bool:
    """Whether it learns from other pictures than the training part as it is."""
    return bool(treatment.rows or treatment.generated or treatment.adds_fit_part)


def _known_by(settings: CompareSettings) -> str:
    """The identity of what all cells of a comparison share."""
    images, train = settings.data.images, settings.train.anywhere
    return identity(train=train, policy=settings.policy, neighbours=settings.neighbours, images=images)


def _known_then(settings: CompareSettings, train: TrainSettings) -> str:
    """The identity as mien 0.1 stored it: its correctors spent the whole budget."""
    return digest_then(train, replace(settings.policy, aim=SPENDS_ALL), settings.neighbours, settings.data.images)


def _known_without_aim(settings: CompareSettings) -> str:
    """The identity as it was before a policy had an aim."""
    policy = {name: value for name, value in fields_of(settings.policy).items() if name != "aim"}
    images, train = settings.data.images, settings.train.anywhere
    return identity(train=train, policy=policy, neighbours=settings.neighbours, images=images)
