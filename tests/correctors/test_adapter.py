"""The adapter: it begins as f's own upper layers, learns one class more, and never touches f."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mien.correctors.adapter import Adapter
from mien.correctors.cascade import Cascade
from mien.correctors.log_odds import NEVER
from mien.errors import DataError
from mien.nets import saved
from mien.nets.attention import Attention
from mien.nets.extraction import answers_from_maps, changed_views, extract
from mien.nets.head import Copied, Fresh, widened
from mien.nets.network import Network
from mien.nets.residual import Residual
from mien.nets.settings import AugmentSettings
from mien.testing import example_bars as bars
from mien.testing import example_outputs
from mien.types import FeatureRequest, Outputs, Proposal

KNOWN = (True, True, False)


def model(kind: type[Network] = Attention) -> Network:
    torch.manual_seed(0)
    made = kind(3, 1, KNOWN)
    made.measure(torch.rand(16, 1, 32, 32))
    return made.eval()


@pytest.mark.parametrize("kind", [Attention, Residual])
def test_a_copied_head_answers_as_the_classifier_does(kind: type[Network]) -> None:
    f = model(kind)
    pixels, _ = bars(8)
    outputs = extract(f, pixels, np.arange(8).astype(str), maps=[f.adapter_layer])
    logits = answers_from_maps(Copied(f).eval(), outputs.maps[f.adapter_layer])
    assert np.allclose(logits[:, :2], outputs.vectors["logits"], atol=5e-3)  # maps are kept in half precision
    assert np.isfinite(logits[:, 2]).all()


@pytest.mark.parametrize("kind", [Attention, Residual])
def test_a_copied_head_does_without_the_lower_layers(kind: type[Network]) -> None:
    assert saved.parameters(Copied(model(kind))) < saved.parameters(model(kind))


def test_it_learns_the_class_and_leaves_f_as_it_was() -> None:
    f = model()
    before = {name: value.clone() for name, value in f.state_dict().items()}
    adapter = Adapter.for_classifier(f)
    pixels, labels = bars(192)
    ids = np.arange(192).astype(str)
    outputs = extract(f, pixels, ids)
    views = changed_views(f, pixels, adapter.required_features, AugmentSettings())
    assert views.shape[:3] == (192, adapter.views, 64) and views.dtype == np.float16
    adapter.fit(outputs.with_features(maps={adapter.layer: views}), np.eye(3)[labels])
    unseen, truth = bars(90, seed=1)
    proposal = adapter.propose(extract(f, unseen, np.arange(90).astype(str), maps=[adapter.layer]))
    assert proposal.score[truth == 2].min() > proposal.score[truth != 2].max()
    assert all(torch.equal(value, before[name]) for name, value in f.state_dict().items())


def test_views_differ_from_each_other_and_repeat_themselves() -> None:
    f, (pixels, _) = model(), bars(6)
    first, again = (changed_views(f, pixels, FeatureRequest("conv2", 2), AugmentSettings()) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.allclose(first[:, 0], first[:, 1])
    still = AugmentSettings(flip=0, rotate=0, shift=0, scale=0, light=0, erase=0)
    plain = extract(f, pixels, np.arange(6).astype(str), maps=["conv2"]).maps["conv2"]
    assert np.allclose(changed_views(f, pixels, FeatureRequest("conv2", 1), still), plain, atol=1e-2)


def test_large_views_lie_on_disk_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    f, (pixels, _) = model(), bars(6)
    in_memory = changed_views(f, pixels, FeatureRequest("conv2", 2), AugmentSettings())
    monkeypatch.setattr("mien.machine.LARGE", 0)
    on_disk = changed_views(f, pixels, FeatureRequest("conv2", 2), AugmentSettings())
    assert isinstance(on_disk, np.memmap) and not isinstance(in_memory, np.memmap)
    assert np.array_equal(on_disk, in_memory)


def test_without_a_map_it_says_how_to_get_one() -> None:
    outputs, labels = example_outputs()
    vectors = Outputs(outputs.ids, outputs.probs, outputs.known, {"hidden": outputs.vectors["hidden"]})
    with pytest.raises(DataError, match="extract"):
        Adapter().fit(vectors, labels)


@pytest.mark.parametrize("channels", [1, 3, 16])
def test_a_fresh_head_stands_on_pixels_and_on_maps(channels: int) -> None:
    head = Fresh(3, channels).eval()
    assert head(torch.rand(2, channels, 24, 24)).shape == (2, 3)


@pytest.mark.parametrize("kind", [Attention, Residual])
def test_a_widened_classifier_answers_the_same_and_leaves_room(kind: type[Network]) -> None:
    f = model(kind)
    card = saved.ModelCard(kind.__name__.lower(), ("a", "b", "c"), KNOWN, 32, False, "pad")
    wide = widened(f, 5)
    pictures = torch.rand(4, 1, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(wide(pictures)[:, :3], f(pictures), atol=1e-6)
        assert torch.isneginf(wide(pictures)[:, 2:]).all()
    assert torch.isfinite(Copied(wide).eval()(torch.rand(2, *extract_shape(f)))).all()
    assert saved.fingerprint(f, card) == saved.fingerprint(model(kind), card)
    assert saved.fingerprint(f, card) != saved.fingerprint(wide, card)


def extract_shape(f: Network) -> tuple[int, ...]:
    with torch.inference_mode():
        return tuple(f.lower_layers(torch.rand(1, 1, 32, 32))[f.adapter_layer].shape[1:])


def test_a_cascade_asks_the_adapter_only_where_the_probe_lets_it() -> None:
    outputs, labels = example_outputs()
    asked: list[int] = []

    class Counted(Adapter):
        def _propose(self, outputs: Outputs) -> Proposal:
            asked.append(len(outputs))
            return super()._propose(outputs)

    cascade = Cascade(second=Counted(epochs=2), share=0.3).fit(outputs, labels)
    score = cascade.propose(outputs).score
    passed = score > NEVER
    assert asked == [passed.sum()] and passed[labels != cascade.target_].mean() == 0.3
    assert cascade.members_ is not None
    first, second = cascade.members_
    assert np.array_equal(score[passed], second.propose(outputs).score[passed])
    assert (np.argsort(score[~passed]) == np.argsort(first.propose(outputs).score[~passed])).all()


def test_a_second_look_is_taken_only_where_the_first_score_is_high() -> None:
    outputs, labels = example_outputs(count=200)
    [(layer, maps)] = outputs.maps.items()
    maps = np.concatenate([maps[:, :1], maps[::-1, :1] / 4 + maps[:, :1]], 1)
    outputs = outputs.with_features(maps={layer: maps})
    adapter = Adapter(3, layer, epochs=3).fit(outputs, labels)
    assert adapter.gate_ is not None
    alone = adapter.propose(outputs.with_features(maps={layer: maps[:, :1]})).score
    gated, high = adapter.propose(outputs).score, alone >= adapter.gate_
    restored = Adapter().restore(adapter.state())
    assert np.array_equal(restored.propose(outputs).score, gated)
    adapter.gate_ = None
    both = adapter.propose(outputs).score
    assert 0 < high.sum() < len(labels)
    assert np.array_equal(gated[~high], alone[~high])
    assert np.allclose(gated[high], both[high], atol=1e-4)
    assert not np.allclose(alone[high], both[high], atol=1e-4)


@pytest.mark.parametrize("settings", [{"second_look": 1.0}, {"target": [2, 3]}])
def test_all_views_are_looked_at_on_demand_and_for_several_classes(settings: dict[str, Any]) -> None:
    outputs, labels = example_outputs(count=100)
    adapter = Adapter(**{"target": 3, "epochs": 2, **settings}).fit(outputs, labels)
    assert adapter.gate_ is None and "gate" not in adapter.state()
