"""The examples in the docstrings of every module run, and none of them writes into the working folder."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import mien

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(mien.__path__, "mien.") if "__main__" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(import_module(name))
    assert result.failed == 0
    assert not any(tmp_path.iterdir())


def test_most_packages_have_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    shown = {name.split(".")[1] for name in MODULES if any(test.examples for test in finder.find(import_module(name)))}
    assert shown >= {
        "certify",
        "correctors",
        "data",
        "features",
        "imbalance",
        "metrics",
        "nets",
        "types",
        "uncertainty",
    }
