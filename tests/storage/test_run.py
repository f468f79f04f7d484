"""Arrays on disk are the same whatever version of NumPy wrote them."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from mien.storage.files import read_arrays, write_arrays

NAMES = st.sampled_from(["ids", "path", "file", "args", "allow_pickle_too", "head.0.weight"])
ARRAYS = arrays(
    st.sampled_from([np.dtype(kind) for kind in ("f4", "f8", "i8", "u1", "?", "U3")]),
    array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
)


@given(stored=st.dictionaries(NAMES, ARRAYS, max_size=3))
def test_what_is_read_is_what_was_written(stored: dict[str, NDArray[Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "some.npz")
        write_arrays(path, **stored)
        found = read_arrays(path)
    assert found.keys() == stored.keys()
    for name, values in stored.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_a_file_holds_the_named_arrays_alone(tmp_path: Path) -> None:
    write_arrays(tmp_path / "some.npz", a=np.arange(3), b=np.array("x"))
    assert zipfile.ZipFile(tmp_path / "some.npz").namelist() == ["a.npy", "b.npy"]


def test_an_array_that_older_numpy_added_is_passed_over(tmp_path: Path) -> None:
    """np.savez(…, allow_pickle=False) stored that as an array before NumPy 2.1."""
    write_arrays(tmp_path / "old.npz", a=np.arange(3), allow_pickle=np.array(False))
    assert list(read_arrays(tmp_path / "old.npz")) == ["a"]


def test_objects_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "some.npz", a=np.array([{}, None], dtype=object))
    assert list(tmp_path.iterdir()) == []
