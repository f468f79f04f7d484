"""Reading out: with the mirror image, and lot by lot."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from mien.errors import AlignmentError
from mien.nets.attention import Attention
from mien.nets.extraction import extract, probabilities
from mien.types import Outputs, texts


def test_read_out_with_its_mirror_image_a_picture_and_its_mirror_image_are_the_same() -> None:
    torch.manual_seed(0)
    model = Attention(3)
    model.flip_tta = True
    pixels = np.random.default_rng(0).integers(0, 255, (5, 48, 48)).astype(np.uint8)
    turned = np.ascontiguousarray(pixels[:, :, ::-1])
    assert np.allclose(probabilities(model, pixels), probabilities(model, turned), atol=1e-6)
    ids = np.arange(5).astype(str)
    ours, theirs = extract(model, pixels, ids).vectors, extract(model, turned, ids).vectors
    assert np.allclose(ours["hidden"], theirs["hidden"], atol=1e-5)
    assert np.allclose(ours["conv1/1"], theirs["conv1/1"], atol=1e-5)
    model.flip_tta = False
    assert not np.allclose(probabilities(model, pixels), probabilities(model, turned), atol=1e-6)


def test_outputs_taken_apart_can_be_joined() -> None:
    rng = np.random.default_rng(0)
    known, halves = np.array([True, True]), partial(rng.dirichlet, np.ones(2))
    whole = Outputs(
        texts(["a", "b", "c"]), halves(3), known, {"x": rng.random((3, 4))}, {"m": rng.random((3, 1, 2, 4, 4))}
    )
    joined = Outputs.concat([whole.take(np.array([0])), whole.take(np.array([1, 2]))])
    assert joined.ids.tolist() == whole.ids.tolist() and np.array_equal(joined.probs, whole.probs)
    assert np.array_equal(joined.vectors["x"], whole.vectors["x"])
    assert np.array_equal(joined.maps["m"], whole.maps["m"])
    with pytest.raises(AlignmentError):
        Outputs.concat([whole, whole])


def test_only_the_vectors_asked_for_are_read_out_and_they_are_the_same() -> None:
    torch.manual_seed(0)
    model = Attention(3)
    model.flip_tta = True
    pixels, ids = np.random.default_rng(0).integers(0, 255, (4, 48, 48)).astype(np.uint8), np.arange(4).astype(str)
    whole = extract(model, pixels, ids)
    some = extract(model, pixels, ids, vectors=("conv2/*", "hidden"))
    assert set(some.vectors) == {"conv2/1", "conv2/3", "hidden"}
    assert all(np.array_equal(values, whole.vectors[name]) for name, values in some.vectors.items())
    assert np.array_equal(some.probs, whole.probs) and not extract(model, pixels, ids, vectors=()).vectors
    straight, turned = (
        torch.from_numpy(extract(model, one, ids, maps=("conv2",)).maps["conv2"][:, 0].astype(np.float32))
        for one in (pixels, np.ascontiguousarray(pixels[:, :, ::-1]))
    )
    expected = functional.adaptive_avg_pool2d((straight + turned.flip(3)) / 2, 3).flatten(1)
    assert np.allclose(whole.vectors["conv2/3"], expected, atol=2e-3)
