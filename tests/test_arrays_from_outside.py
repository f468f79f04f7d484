"""Every public function on arrays: any container gives the answer of plain arrays, and what cannot be right is refused.

An error is one of mien with place, cause and remedy; no other exception and no warning comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from outside import CASES, COMMON, SKIPPED, TAKEN, WRONG, valid

from mien.errors import MienError
from mien.types import LabelSet

try:
    import pandas
except ImportError:  # only an extra brings it
    pandas = None


SLOW = ("learn_from_reviews", "learn_from_votes")
"""Regressions, of which each takes a second."""


def containers(kind: str, array: np.ndarray) -> Iterator[tuple[str, Any]]:
    """The same values in other containers and types."""
    yield "list", array.tolist()
    yield "tuple", tuple(array.tolist())
    yield "objects", array.astype(object)
    yield "read-only", np.broadcast_to(array, array.shape)
    yield "strided", np.repeat(array, 2, axis=0)[::2]
    if array.dtype.kind != "U":
        yield "tensor", torch.from_numpy(array)
    if array.dtype.kind in "ib":
        yield "floats", array.astype(float)
        yield "small", array.astype(np.int8)
    if array.dtype.kind == "i" and array.ndim == 1 and "label" in kind:
        yield "column", array[:, None]
    if kind == "ids":
        yield "numbers", np.arange(len(array))
    if pandas is None:
        return
    if array.ndim == 1:
        order = np.random.default_rng(0).permutation(len(array))
        yield "series", pandas.Series(array, index=order)
        if array.dtype.kind != "f":
            yield "categorical", pandas.Series(array).astype("category")
        if array.dtype.kind == "i":
            yield "nullable", pandas.Series(array, dtype="Int64")
    elif array.ndim == 2:
        yield "frame", pandas.DataFrame(array, index=np.arange(len(array))[::-1])


def alike(one: Any, other: Any) -> bool:
    if is_dataclass(one):
        return all(alike(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, np.ndarray) and one.dtype.kind in "US":
        return np.array_equal(one, other)
    if isinstance(one, str | LabelSet | type(None)):
        return bool(one == other)
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", [name for name in CASES if name not in SLOW])
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_container_gives_the_answer_of_plain_arrays(name: str, seed: int) -> None:
    check_containers(name, seed)


@pytest.mark.parametrize("name", SLOW)
def test_any_container_gives_the_answer_of_plain_arrays_once(name: str) -> None:
    check_containers(name, seed=0)


def check_containers(name: str, seed: int) -> None:
    function, kinds = CASES[name]
    rng = np.random.default_rng(seed)
    arrays = {argument: valid(kind, rng) for argument, kind in kinds.items()}
    expected = function(**arrays)
    for argument, kind in kinds.items():
        for what, values in containers(kind, arrays[argument]):
            given_so = {**arrays, argument: values}
            assert alike(expected, function(**given_so)), f"{argument} as {what}"


def wrongs() -> Iterator[tuple[str, str, str]]:
    for name, (_, kinds) in CASES.items():
        for argument, kind in kinds.items():
            for what in {**COMMON, **WRONG[kind]}:
                optional = what == "None" and argument in ("groups", "known", "ids")
                if not optional and (kind, what) not in TAKEN and (name, argument, what) not in SKIPPED:
                    yield name, argument, what


@pytest.mark.parametrize(("name", "argument", "what"), list(wrongs()))
def test_what_cannot_be_right_is_refused_with_place_and_remedy(name: str, argument: str, what: str) -> None:
    function, kinds = CASES[name]
    rng = np.random.default_rng(0)
    arrays = {one: valid(kind, rng) for one, kind in kinds.items()}
    wrong = {**COMMON, **WRONG[kinds[argument]]}[what](arrays[argument])
    with pytest.raises(MienError) as refused:
        function(**{**arrays, argument: wrong})
    assert refused.value.place and refused.value.cause and refused.value.remedy
