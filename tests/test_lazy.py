"""Exports that are imported when they are first used, of a package made for the test."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PACKAGE = """
from typing import TYPE_CHECKING

from mien._lazy import lazy_exports

if TYPE_CHECKING:
    from lent.heavy import Heavy as Heavy
    from lent.heavy import make as make_heavy
    from lent.missing import Alone

__getattr__, __dir__, __all__ = lazy_exports(__name__)
"""


@pytest.fixture
def lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = tmp_path / "lent"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "heavy.py").write_text("class Heavy: ...\n\n\ndef make():\n    return Heavy()\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "lent"]:
        monkeypatch.delitem(sys.modules, name)
    return import_module("lent")


def test_a_module_is_loaded_when_a_name_of_it_is_used(lent: ModuleType) -> None:
    assert "lent.heavy" not in sys.modules
    assert isinstance(lent.make_heavy(), lent.Heavy)
    assert "lent.heavy" in sys.modules


def test_exports_are_the_imports_that_are_given_a_name(lent: ModuleType) -> None:
    assert lent.__all__ == ["Heavy", "make_heavy"]
    assert {"Heavy", "make_heavy"} <= set(dir(lent)) and "Alone" not in dir(lent)


@pytest.mark.parametrize("name", ["make", "Alone", "nothing"])
def test_all_other_names_are_attribute_errors(lent: ModuleType, name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'lent' has no attribute '{name}'"):
        getattr(lent, name)
