"""The public names: exactly these, each resolves, and naming the package loads nothing heavy."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib.metadata import version
from types import ModuleType

import pytest

import mien
from mien import correctors, nets, watch

HEAVY = {"torch", "sklearn", "scipy", "matplotlib", "xgboost", "lightgbm", "PIL", "numpy"}


PACKAGES = [mien, correctors, nets, watch]
EXPORTS = [(package, name) for package in PACKAGES for name in package.__all__]


@pytest.mark.parametrize(("package", "name"), EXPORTS)
def test_every_name_resolves_to_something_documented(package: ModuleType, name: str) -> None:
    assert (getattr(package, name).__doc__ or "").strip()


def test_what_a_first_script_types_is_there() -> None:
    assert set(mien.__all__) >= {"load", "split", "draw", "extract", "decide", "scores", "Policy", "Outputs"}


@pytest.mark.parametrize("package", PACKAGES)
def test_dir_shows_the_names_that_are_not_imported_yet(package: ModuleType) -> None:
    assert set(dir(package)) >= set(package.__all__)


def test_imports_for_annotations_alone_are_no_exports() -> None:
    assert "Corrector" not in dir(correctors) and "TYPE_CHECKING" not in mien.__all__


def test_the_version_is_that_of_the_installed_package() -> None:
    assert mien.__version__ == version("mien")


def test_no_module_of_the_package_shadows_a_name() -> None:
    assert {module.name for module in pkgutil.iter_modules(mien.__path__)}.isdisjoint(mien.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = mien.nothing_of_that_name


def test_importing_mien_loads_nothing_heavy() -> None:
    code = "import sys, mien; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)


def test_types_need_no_torch_and_no_scikit_learn() -> None:
    code = "import sys, mien; mien.Outputs, mien.Run, mien.StudySettings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "sklearn", "matplotlib"}.isdisjoint(loaded)
