"""Every module of mien imports by itself, and says what it is."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import mien

MODULES = ["mien", *(module.name for module in pkgutil.walk_packages(mien.__path__, "mien."))]


@pytest.mark.parametrize("name", MODULES)
def test_module_imports_and_has_a_docstring(name: str) -> None:
    assert import_module(name).__doc__ and len(MODULES) > 50
