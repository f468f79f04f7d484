"""Correctors: what stands beside a classifier and overrides it. Names are resolved on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mien.errors import choice_error
from mien.outside import import_class

if TYPE_CHECKING:
    from mien.correctors.boosting import XGBoost
    from mien.correctors.contract import Corrector
    from mien.correctors.probe import Logistic

_HOMES = {"Logistic": "mien.correctors.probe", "XGBoost": "mien.correctors.boosting"}

__all__ = ["Logistic", "XGBoost"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def names() -> tuple[str, ...]:
    """The correctors that mien brings, as `--corrector` wants them."""
    return tuple(export.lower() for export in __all__)


def find(name: str, *, outside: bool = True) -> type[Corrector]:
    """The corrector called `name`: one that this package exports, or "module:Name" (only if `outside`)."""
    exported = dict(zip(names(), __all__, strict=True))
    if name in exported:
        return __getattr__(exported[name])  # type: ignore[no-any-return]
    if ":" not in name or not outside:
        raise choice_error("corrector", name, exported, place="--corrector")
    from mien.correctors.contract import Corrector

    return import_class(name, Corrector, place="--corrector")  # type: ignore[no-any-return]
