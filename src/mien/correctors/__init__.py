"""Correctors, which override answers of a classifier. Names are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien._lazy import lazy_exports
from mien.errors import choice_error
from mien.outside import import_class

if TYPE_CHECKING:
    from mien.correctors.adapter import Adapter as Adapter
    from mien.correctors.adapter_blend import AdapterBlend as AdapterBlend
    from mien.correctors.blend import Blend as Blend
    from mien.correctors.boosting import ErrorDetector as ErrorDetector
    from mien.correctors.boosting import LightGBM as LightGBM
    from mien.correctors.boosting import Stack as Stack
    from mien.correctors.boosting import XGBoost as XGBoost
    from mien.correctors.cascade import Cascade as Cascade
    from mien.correctors.contract import Corrector, LayerSource, Target
    from mien.correctors.fisher import Fisher as Fisher
    from mien.correctors.linear import LDA as LDA
    from mien.correctors.linear import Logistic as Logistic
    from mien.correctors.novelty import Novelty as Novelty
    from mien.correctors.projection import Nystroem as Nystroem
    from mien.correctors.projection import Projection as Projection
    from mien.correctors.prototypes import Prototypes as Prototypes

__getattr__, __dir__, __all__ = lazy_exports(__name__)
NOVELTY_SCORES = ("relative", "mahalanobis", "knn", "vim", "gen", "energy", "msp")
"""Methods of `Novelty`, which settings name without importing scikit-learn."""
_NAMES = {"AdapterBlend": "adapter_blend", "ErrorDetector": "error_detector"}


def names() -> tuple[str, ...]:
    """Names of the correctors that mien brings, as for `--corrector`."""
    return tuple(_NAMES.get(export, export.lower()) for export in __all__)


def get_corrector(name: str, *, outside: bool = True) -> type[Corrector]:
    """The corrector called `name`: one that this package exports, or "module:Name" (only if `outside`)."""
    exported = dict(zip(names(), __all__, strict=True))
    if name in exported:
        return __getattr__(exported[name])  # type: ignore[no-any-return]
    if ":" not in name or not outside:
        raise choice_error("corrector", name, exported, place="--corrector")
    from mien.correctors.contract import Corrector

    return import_class(name, Corrector, place="--corrector")  # type: ignore[no-any-return]


def for_classifier(kind: type[Corrector], classifier: LayerSource, target: Target) -> Corrector:
    """A corrector of a class, or of several, for one classifier; made by `kind.for_classifier` where there is that."""
    make = getattr(kind, "for_classifier", None)
    made: Corrector = make(classifier, target) if make else kind(target=target)  # type: ignore[call-arg]
    return made
