"""Networks as ONNX graphs give what `extract` gives, for any number of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mien.errors import UsageError
from mien.nets import saved
from mien.nets.extraction import extract
from mien.nets.graph import network_graph
from mien.nets.network import Network
from mien.types import FeatureRequest

onnxruntime = pytest.importorskip("onnxruntime")
BASES = ("attention", "residual", "threeconv", "oneconv", "sampling")


def network(base: str, size: int, colour: bool, flip_tta: bool = True) -> Network:
    torch.manual_seed(0)
    made = saved.build(base, np.array([True] * 3 + [False]), colour).eval()
    made.measure(torch.rand(8, 3 if colour else 1, size, size))
    made.flip_tta = flip_tta
    return made


def pixels(count: int, size: int, colour: bool) -> Any:
    shape = (count, size, size, 3) if colour else (count, size, size)
    return np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)


def run(model: Any, pictures: Any) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"pictures": pictures}), strict=True))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("size", "colour", "flip_tta"), [(48, False, True), (32, True, False)])
def test_probabilities_vectors_and_maps_are_those_of_the_network(
    base: str, size: int, colour: bool, flip_tta: bool
) -> None:
    """32 pixels leave maps of 4 × 4, whose nine cells overlap."""
    model, pictures = network(base, size, colour, flip_tta), pixels(5, size, colour)
    maps = (model.adapter_layer,) if model.adapter_layer else ()
    expected = extract(model, pictures, np.arange(5).astype(str), maps=maps)
    got = run(network_graph(model, pictures.shape[1:], FeatureRequest(maps=maps)), pictures)
    assert np.allclose(got.pop("probabilities"), expected.probs, atol=1e-6)
    for layer in maps:
        assert np.allclose(got.pop(f"maps/{layer}"), expected.maps[layer], atol=2e-3)  # half precision
    assert set(got) == {f"features/{name}" for name in expected.vectors}
    for name, vectors in expected.vectors.items():
        assert np.allclose(got[f"features/{name}"], vectors, atol=1e-4), name


def test_the_number_of_pictures_is_free_and_features_change_no_bit_of_the_probabilities() -> None:
    model = network("attention", 48, False)
    alone = network_graph(model, (48, 48), FeatureRequest(vectors=()))
    whole = network_graph(model, (48, 48), FeatureRequest(maps=("conv2",)))
    for count in (1, 9):
        pictures = pixels(count, 48, False)
        assert np.array_equal(run(alone, pictures)["probabilities"], run(whole, pictures)["probabilities"])


class Odd(Network):
    """Its answer depends on a number that no graph can have."""

    layers = ("logits",)

    def activations(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": torch.special.bessel_j0(pictures.mean((1, 2, 3)))[:, None] + torch.zeros(len(self.known))}


def test_a_network_that_cannot_be_traced_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="cannot become an ONNX graph"):
        network_graph(Odd(3, 1), (8, 8), FeatureRequest(vectors=()))
    assert capsys.readouterr() == ("", "")
