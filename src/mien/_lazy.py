"""Public names that are imported when they are first used, so that importing a package loads nothing heavy."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazy_exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose exports stand in its `if TYPE_CHECKING:` block.

    The block is the only list of the exports: type checkers read it, and so does this function. An export is written as
    type checkers expect one, `from module import name as name`; an import without `as` is for annotations alone.

    Examples
    --------
    >>> get, names, exported = lazy_exports("mien.nets")
    >>> exported
    ['Attention', 'OneConv', 'Residual', 'Sampling', 'ThreeConv']
    >>> get("no_such_name")
    Traceback (most recent call last):
    AttributeError: module 'mien.nets' has no attribute 'no_such_name'
    """
    homes = _exports(package)

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        return getattr(import_module(module), attribute)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names, sorted(homes)


def _exports(package: str) -> dict[str, tuple[str, str]]:
    """Each exported name with its module and its name there."""
    module: Any = sys.modules[package]
    return {
        alias.asname: (node.module, alias.name)
        for block in ast.parse(module.__loader__.get_source(package)).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.asname
    }
