"""The versions that pyproject.toml allows: each minimum is one that the suite is run with, each import is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
TOOLS = "dev"
"""The extra of linters and the like: `make oldest` does not need them, so they have no minimum."""


def requirements(*texts: str) -> dict[str, Requirement]:
    """By canonical name; what names extras of mien itself is left out."""
    found = [Requirement(text) for text in texts]
    return {canonicalize_name(one.name): one for one in found if one.name != "mien"}


def pinned(file: str) -> dict[str, Version]:
    lines = [line.partition("==") for line in (ROOT / file).read_text().split()]
    return {canonicalize_name(name): Version(number) for name, _, number in lines}


USED = requirements(
    *PYPROJECT["build-system"]["requires"],
    *PROJECT["dependencies"],
    *(text for extra, texts in EXTRAS.items() if extra != TOOLS for text in texts),
)


def sources() -> list[Path]:
    return sorted((ROOT / "src" / "mien").rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Top-level names of all that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("name", USED)
def test_a_minimum_is_the_version_that_the_suite_is_run_with(name: str) -> None:
    [bound] = USED[name].specifier
    assert bound.operator == ">="
    assert Version(bound.version) == pinned("constraints-oldest.txt")[name], "make constraints"


def test_a_package_has_one_minimum_wherever_it_is_named() -> None:
    lists = [PYPROJECT["build-system"]["requires"], PROJECT["dependencies"], *EXTRAS.values()]
    bounds: dict[str, set[str]] = {}
    for one in (Requirement(text) for texts in lists for text in texts):
        bounds.setdefault(canonicalize_name(one.name), set()).add(str(one.specifier))
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def test_tools_promise_nothing() -> None:
    assert [str(one) for one in requirements(*EXTRAS[TOOLS]).values() if one.specifier] == []


@pytest.mark.parametrize("name", {**USED, **requirements(*EXTRAS[TOOLS])})
def test_the_newest_that_are_tested_are_allowed(name: str) -> None:
    assert USED.get(name, Requirement(name)).specifier.contains(pinned("constraints.txt")[name])


@pytest.mark.parametrize("name", USED)
def test_what_runs_now_is_allowed(name: str) -> None:
    assert USED[name].specifier.contains(version(name))


def test_tests_install_every_extra() -> None:
    [own] = [one for one in map(Requirement, EXTRAS["test"]) if one.name == "mien"]
    assert own.extras == EXTRAS.keys() - {"test", TOOLS}


def test_all_that_is_imported_is_declared() -> None:
    homes = packages_distributions()
    names = {name for path in sources() for name in imported(path)} - sys.stdlib_module_names - {"mien"}
    owners = {name: {canonicalize_name(home) for home in homes.get(name, [name])} for name in names}
    shipped = requirements(
        *PROJECT["dependencies"], *(text for extra in EXTRAS.keys() - {"test", TOOLS} for text in EXTRAS[extra])
    )
    assert [name for name, found in owners.items() if found.isdisjoint(shipped)] == []


def test_an_error_about_a_missing_package_names_the_extra_that_brings_it() -> None:
    calls = [
        tuple(call)
        for path in sources()
        for call in re.findall(r'(?<!>>> )import_optional\(\s*"[^"]+",\s*"([^"]+)",\s*"([^"]+)"', path.read_text())
    ]
    assert len(calls) > 5
    for package, extra in calls:
        assert canonicalize_name(package) in requirements(*EXTRAS.get(extra, [])), (package, extra)


def test_the_oldest_python_is_the_same_everywhere() -> None:
    lowest = min(
        Version(text.rpartition(" ")[2])
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    )
    assert PROJECT["requires-python"] == f">={lowest}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{lowest.major}{lowest.minor}"
    makefile = (ROOT / "Makefile").read_text()
    assert f"OLDEST_PYTHON ?= python{lowest}\n" in makefile and f"--python-version {lowest} " in makefile


def test_the_version_is_the_same_everywhere() -> None:
    number = re.escape(PROJECT["version"])
    citation, changelog = (ROOT / name for name in ("CITATION.cff", "CHANGELOG.md"))
    [day] = re.findall(rf"^## \[{number}\] — (\S+)$", changelog.read_text(), re.MULTILINE)
    assert re.search(rf"^version: {number}$", citation.read_text(), re.MULTILINE)
    assert f"date-released: {day}\n" in citation.read_text()
