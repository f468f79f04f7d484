"""Heat maps over pictures: colours that all people read, and what is shown where."""

from __future__ import annotations

import numpy as np
import pytest

from mien.data.heat import heat_colours, heat_map_image, hottest


def linear(colours: np.ndarray) -> np.ndarray:
    share = colours / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB colours (WCAG 2)."""
    return np.asarray(linear(colours) @ [0.2126, 0.7152, 0.0722])


def lab(colours: np.ndarray) -> np.ndarray:
    """CIELAB under D65, of another definition than the colours were made by."""
    xyz = linear(colours) @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    share = xyz / [0.9505, 1.0, 1.089]
    root = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def test_equal_steps_look_alike_and_only_become_lighter() -> None:
    colours = heat_colours(17).astype(float)
    light = lab(colours)[:, 0]
    assert (np.diff(light) > 2).all() and light[0] < 30 and light[-1] > 85
    steps = np.linalg.norm(np.diff(lab(colours), axis=0), axis=1)
    assert steps.max() < 3 * steps.min()
    assert len(np.unique(heat_colours(), axis=0)) > 240


@pytest.mark.parametrize(
    "cones",
    [  # Viénot, Brettel & Mollon 1999: what protanopes and deuteranopes see, in linear RGB
        [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    ],
)
def test_colour_blind_people_see_the_order(cones: list[list[float]]) -> None:
    seen = linear(heat_colours(17).astype(float)) @ np.array(cones).T
    assert (np.diff(seen @ [0.2126, 0.7152, 0.0722]) > 0).all()


def test_the_hottest_fifth_is_a_fifth_also_of_equal_values() -> None:
    assert hottest(np.zeros((10, 10))).sum() == 20
    heat = np.random.default_rng(0).normal(size=(20, 20))
    assert heat[hottest(heat, 0.1)].min() >= heat[~hottest(heat, 0.1)].max() and hottest(heat, 0.1).sum() == 40


@pytest.mark.parametrize("shape", [(48, 48), (64, 64, 3), (300, 300)])
def test_the_picture_shows_where_there_is_no_heat(shape: tuple[int, ...]) -> None:
    pixels = np.full(shape, 130, np.uint8)
    heat = np.full(shape[:2], -1.0)
    heat[: shape[0] // 4, : shape[1] // 4] = 2.0
    image = np.asarray(heat_map_image(pixels, heat))
    side = max(256, shape[0])
    assert image.shape == (side, side, 3)
    assert (image[side // 2 :] == 130).all()
    hot, line = image[side // 10, side // 10].astype(int), image[: side // 3, : side // 3].reshape(-1, 3)
    assert hot[0] > 200 and hot[2] < 150
    assert (line == 255).all(1).any() and (line == 20).all(1).any()


def test_a_map_without_heat_leaves_the_picture_as_it_is() -> None:
    image = np.asarray(heat_map_image(np.full((48, 48), 90, np.uint8), np.zeros((48, 48))))
    assert (image == 90).all()
