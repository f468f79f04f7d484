"""Pillow's warnings, ignored by several threads at once, are shown again afterwards."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from mien.data.opening import pillow_warnings_ignored


def test_the_filters_are_restored_when_the_last_thread_is_done() -> None:
    before = list(warnings.filters)
    entered, left = Barrier(2, timeout=30), Barrier(2, timeout=30)

    def first() -> None:
        with pillow_warnings_ignored():
            entered.wait()
        left.wait()

    def second() -> None:
        with pillow_warnings_ignored():
            entered.wait()
            left.wait()  # the first has left
            warnings.warn("ignored", stacklevel=1)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="shown"):
        warnings.warn("shown", stacklevel=1)


def test_nested_and_after_an_error() -> None:
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="inside"), pillow_warnings_ignored(), pillow_warnings_ignored():
        raise ValueError("inside")
    assert list(warnings.filters) == before
