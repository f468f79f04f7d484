"""Code from outside mien: optional packages, and classes named on the command line as module:Name."""

from __future__ import annotations

from importlib import import_module
from inspect import isclass
from typing import Any

from mien.errors import BrokenPackageError, MissingExtraError, UsageError


def import_optional(module: str, package: str, extra: str) -> Any:
    """A module of an optional package.

    Parameters
    ----------
    module : to be imported. package : its name on PyPI. extra : the extra of mien that installs it.

    Raises
    ------
    MissingExtraError : it is not installed. BrokenPackageError : it is, and cannot be loaded.

    Examples
    --------
    >>> import_optional("json", "json", "none").dumps([1])
    '[1]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if f"{module}.".startswith(f"{error.name}."):
            raise MissingExtraError.for_package(package, extra) from None
        raise BrokenPackageError.for_package(package, error) from error
    except Exception as error:  # an import runs code and loads libraries, which may raise anything
        raise BrokenPackageError.for_package(package, error) from error


def import_class(name: str, kind: type, *, place: str) -> Any:
    """The class `module:Name`.

    Parameters
    ----------
    name : what the user wrote.
    kind : what it must be: a base class, or a protocol whose methods it must have.
    place : the flag, for the message.

    Raises
    ------
    UsageError : it cannot be imported, or is no such class.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # an import runs code, which may raise anything
        remedy = "give module:Name of an importable class"
        raise UsageError(f"{error or type(error).__name__}", place=f"{place} {name}", remedy=remedy) from error
    if not (isclass(found) and _fits(found, kind)):
        remedy = "mien.testing says what one must offer"
        raise UsageError(f"is no {kind.__name__.lower()}", place=f"{place} {name}", remedy=remedy)
    return found


def _fits(found: type, kind: type) -> bool:
    if not getattr(kind, "_is_protocol", False):
        return issubclass(found, kind)
    methods = (name for name, value in vars(kind).items() if callable(value) and not name.startswith("_"))
    return all(callable(getattr(found, name, None)) for name in methods)
