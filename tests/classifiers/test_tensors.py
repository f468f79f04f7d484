"""How images become arrays: order, layout, scaling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.classifiers.contract import ImageSpec
from mien.classifiers.tensors import LAYOUTS, ORDERS, PER_IMAGE, SCALINGS, TensorSpec
from mien.errors import UsageError

COLOURED = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)


def test_the_order_the_layout_and_the_scaling_are_what_they_are_called() -> None:
    red = COLOURED[..., 0]
    assert np.array_equal(TensorSpec("rgb", "nchw", "0..255").array(COLOURED)[:, 0], red)
    assert np.array_equal(TensorSpec("bgr", "nchw", "0..255").array(COLOURED)[:, 2], red)
    assert np.array_equal(TensorSpec("bgr", "nhwc", "0..255").array(COLOURED)[..., 2], red)
    white = np.full((1, 8, 8), 255, np.uint8)
    assert TensorSpec("grey", scaling="-1..1").array(white).max() == 1
    assert TensorSpec("grey", scaling="0..1").array(white).min() == 1
    assert TensorSpec("grey", "nhw").array(white).shape == (1, 8, 8)
    assert TensorSpec("grey", "flat").array(white).shape == (1, 64)


def test_means_and_deviations_belong_to_colours_whatever_their_order() -> None:
    rgb, bgr = (TensorSpec(order, scaling="imagenet").array(COLOURED) for order in ("rgb", "bgr"))
    assert np.array_equal(rgb, bgr[:, ::-1])
    expected = (COLOURED[..., 0] / 255 - 0.485) / 0.229
    assert np.allclose(rgb[:, 0], expected, atol=1e-3)
    given_numbers = TensorSpec("rgb", scaling="mean=0.485,0.456,0.406; std=0.229,0.224,0.225").array(COLOURED)
    assert np.allclose(rgb, given_numbers, atol=1e-3)


@given(st.integers(0, 255), st.integers(0, 255))
def test_an_image_by_itself_has_mean_0_and_deviation_1(first: int, second: int) -> None:
    image = np.array([[[first, second] * 4] * 8], np.uint8)
    values = TensorSpec("grey", scaling=PER_IMAGE).array(image)
    assert abs(values.mean()) < 1e-4
    assert values.std() == pytest.approx(1.0 if first != second else 0.0, abs=1e-3)


def test_grey_fills_three_channels_where_the_model_has_them() -> None:
    grey = COLOURED[..., 0]
    array = TensorSpec("grey", scaling="0..1", channels=3).array(grey)
    assert array.shape == (2, 3, 8, 8) and np.array_equal(array[:, 0], array[:, 2])


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": "gbr"}, {"layout": "chwn"}, {"scaling": "0..2"}, {"scaling": "mean=1;std=0"}, {"dtype": "int32"},
        {"scaling": "mean=1,2;std=1"}, {"scaling": "mean=x;std=1"}, {"order": "rgb", "channels": 1},
        {"order": "grey", "layout": "nhw", "channels": 3}, {"dtype": "uint8", "scaling": "0..1"},
        {"scaling": "mean=nan;std=1"},
    ],
)  # fmt: skip
def test_what_is_no_form_of_images_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        TensorSpec(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scaling", [*SCALINGS, PER_IMAGE])
def test_rows_do_not_depend_on_each_other(order: str, layout: str, scaling: str) -> None:
    if layout == "nhw" and order != "grey":
        pytest.skip("this layout has no colours")
    spec = TensorSpec(order, layout, scaling)
    images = COLOURED if spec.colour else COLOURED[..., 0]
    assert np.array_equal(spec.array(images)[1:], spec.array(images[1:]))
    assert spec.array(images[:0]).shape[0] == 0


def test_images_are_read_in_colour_where_the_model_reads_colours() -> None:
    with pytest.raises(UsageError, match="grey"):
        ImageSpec(48, False, "pad", TensorSpec("rgb"))
    assert "bgr" in str(ImageSpec(48, True, "pad", TensorSpec("bgr")))
