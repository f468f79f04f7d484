"""What comes from outside mien: optional packages, classes named as module:Name, the messages of foreign errors."""

from __future__ import annotations

from importlib import import_module
from inspect import isclass
from typing import Any

from mien.errors import BrokenPackageError, MissingExtraError, UsageError

MOST_WORDS = 300
"""Characters of a foreign error's message that are shown."""


def words(error: BaseException) -> str:
    r"""The first line of an error's message, of printable characters; the kind of error where it has none.

    >>> words(ValueError("not \x1b[31mred\nat all")), words(KeyError())
    ('not [31mred', 'KeyError')
    """
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return "".join(sign for sign in lines[0] if sign.isprintable())[:MOST_WORDS]


def import_optional(module: str, package: str, extra: str) -> Any:
    """Import a module of an optional package.

    Parameters
    ----------
    module : name of the module. package : its name on PyPI. extra : the extra of mien that installs it.

    Raises
    ------
    MissingExtraError : the package is not installed. BrokenPackageError : it is installed but cannot be imported.

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
    """Import the class `module:Name` and check its kind.

    Parameters
    ----------
    name : module:Name as given by the user.
    kind : required base class, or a protocol whose methods the class must have.
    place : flag to name in messages.

    Raises
    ------
    UsageError : the class cannot be imported, or is not of the kind.
    """
    module, _, attribute = name.partition(":")
    try:
        imported = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # an import runs code, which may raise anything
        remedy = "give module:Name of an importable class"
        raise UsageError(f"{error or type(error).__name__}", place=f"{place} {name}", remedy=remedy) from error
    if not (isclass(imported) and _fits(imported, kind)):
        remedy = "mien.testing has checks that list what is required"
        raise UsageError(f"is not a {kind.__name__.lower()} class", place=f"{place} {name}", remedy=remedy)
    return imported


def _fits(imported: type, kind: type) -> bool:
    if not getattr(kind, "_is_protocol", False):
        return issubclass(imported, kind)
    methods = (name for name, value in vars(kind).items() if callable(value) and not name.startswith("_"))
    return all(callable(getattr(imported, name, None)) for name in methods)
