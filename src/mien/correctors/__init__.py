"""Correctors: what stands beside a classifier and overrides it. Names are resolved on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mien.errors import choice_error
from mien.outside import import_class

if TYPE_CHECKING:
    from mien.correctors.adapter import Adapter
    from mien.correctors.blend import Blend
    from mien.correctors.boosting import ErrorDetector, LightGBM, Stack, XGBoost
    from mien.correctors.cascade import Cascade
    from mien.correctors.contract import Corrector
    from mien.correctors.fisher import Fisher
    from mien.correctors.linear import LDA, Logistic
    from mien.correctors.novelty import Novelty
    from mien.correctors.projection import Nystroem, Projection

_HOMES = {
    "LDA": "mien.correctors.linear",
    "Adapter": "mien.correctors.adapter",
    "Blend": "mien.correctors.blend",
    "Cascade": "mien.correctors.cascade",
    "ErrorDetector": "mien.correctors.boosting",
    "Fisher": "mien.correctors.fisher",
    "LightGBM": "mien.correctors.boosting",
    "Logistic": "mien.correctors.linear",
    "Novelty": "mien.correctors.novelty",
    "Nystroem": "mien.correctors.projection",
    "Projection": "mien.correctors.projection",
    "Stack": "mien.correctors.boosting",
    "XGBoost": "mien.correctors.boosting",
}

__all__ = [
    "LDA", "Adapter", "Blend", "Cascade", "ErrorDetector", "Fisher", "LightGBM", "Logistic", "Novelty", "Nystroem",
    "Projection", "Stack", "XGBoost",
]  # fmt: skip

_NAMES = {"ErrorDetector": "error_detector"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def names() -> tuple[str, ...]:
    """The correctors that mien brings, as `--corrector` wants them."""
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


def for_classifier(kind: type[Corrector], classifier: Any, target: int | None) -> Corrector:
    """A corrector of the class `target` for one classifier; built by `kind.for_classifier` where that is defined."""
    make = getattr(kind, "for_classifier", None)
    made: Corrector = make(classifier, target) if make else kind(target=target)  # type: ignore[call-arg]
    return made
