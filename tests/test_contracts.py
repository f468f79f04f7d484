"""The contracts of mien.testing: kept by everything that mien brings, and refused to what breaks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

import mien.nets
from mien import correctors
from mien.certify.policy import decide
from mien.classifiers.contract import Batch, ClassifierCard, ImageSpec, Layer
from mien.correctors.base import BaseCorrector
from mien.correctors.contract import Corrector, check_fitted, check_has_positives, target_class
from mien.data import folders, load
from mien.errors import DataError
from mien.features import stack
from mien.nets import saved
from mien.nets.network import Network
from mien.testing import check_classifier, check_corrector, check_network, check_reader, example_outputs
from mien.types import Dataset, FeatureRequest, Floats, Outputs, Proposal, SoftLabels

VOTED = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), 128, np.uint8)).save(path)


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_ferplus(root: Path) -> None:
    picture(root / "FER2013Train" / "one.png")
    picture(root / "FER2013Test" / "two.png")
    text(
        root / "fer2013new.csv",
        VOTED,
        "Training,one.png,0,8,2,0,0,0,0,0,0,0",
        "PrivateTest,two.png,1,0,0,0,0,0,9,0,0,0",
    )


def make_raf_db(root: Path) -> None:
    for name in ("train_00001", "test_0001"):
        picture(root / "Image" / "aligned" / f"{name}_aligned.jpg")
    text(root / "EmoLabel" / "list_patition_label.txt", "train_00001.jpg 4", "test_0001.jpg 2")


def make_legend_csv(root: Path) -> None:
    for name in ("Ann_Bee_0001.jpg", "two.jpg"):
        picture(root / "images" / name)
    text(
        root / "data" / "legend.csv",
        "user.id,image,emotion",
        "628,Ann_Bee_0001.jpg,happiness",
        "dwdii,two.jpg,FEAR",
    )


def make_pixel_csv(root: Path) -> None:
    cells = " ".join("128" for _ in range(64))
    text(root / "fer2013.csv", "emotion,pixels,Usage", f"3,{cells},Training", f"2,{cells},PublicTest")


def make_folders(root: Path) -> None:
    for name in ("Happy", "fear"):
        picture(root / "train" / name / "1.png")


def make_list(root: Path) -> None:
    for name in ("1", "2"):
        picture(root / "photos" / f"{name}.png")
    text(root / "labels.csv", "path;expression", "photos\\1.png;Happy", "photos\\2.png;fear")


EXAMPLES: Mapping[str, Callable[[Path], None]] = {
    "ferplus": make_ferplus,
    "raf-db": make_raf_db,
    "legend-csv": make_legend_csv,
    "pixel-csv": make_pixel_csv,
    "list": make_list,
    "folders": make_folders,
}


class TestReaders:
    @pytest.mark.parametrize("name", load.FORMATS)
    def test_every_format_keeps_the_contract_and_is_recognised(self, name: str, tmp_path: Path) -> None:
        root = tmp_path / name
        EXAMPLES[name](root)
        assert load.recognise(root) == name
        assert load.FORMATS[name].LAYOUT
        check_reader(load.FORMATS[name].read, root)

    @pytest.mark.parametrize("name", load.FORMATS)
    def test_every_format_finds_the_two_classes_of_its_example(self, name: str, tmp_path: Path) -> None:
        EXAMPLES[name](tmp_path)
        data = load.load(tmp_path)
        assert {data.labelset.names[label] for label in data.labels} == {"happiness", "fear"}

    def test_a_reader_that_loses_the_raw_labels_is_refused(self, tmp_path: Path) -> None:
        make_folders(tmp_path)

        def careless(path: Path) -> Dataset:
            data = folders.read(path)
            return replace(data, raw_labels=data.raw_labels[::-1])

        with pytest.raises(AssertionError, match="disagree with raw_labels"):
            check_reader(careless, tmp_path)

    def test_a_reader_that_accepts_a_missing_path_is_refused(self, tmp_path: Path) -> None:
        make_folders(tmp_path)
        with pytest.raises(AssertionError, match="must be refused"):
            check_reader(lambda path: folders.read(tmp_path), tmp_path)


class TestModels:
    @pytest.mark.parametrize("name", mien.nets.__all__)
    def test_every_base_classifier_keeps_the_contract(self, name: str) -> None:
        check_network(getattr(mien.nets, name))

    @pytest.mark.parametrize("name", mien.nets.__all__)
    def test_every_base_classifier_is_found_by_its_name(self, name: str) -> None:
        assert saved.get_network(name.lower()) is getattr(mien.nets, name)

    def test_a_model_that_names_an_unknown_class_is_refused(self) -> None:
        class Unmasked(Network):
            layers = ("logits",)

            def __init__(self, classes: int, colours: int, known: tuple[bool, ...] | None = None) -> None:
                super().__init__(classes, colours, known)
                self.last = nn.Linear(colours, classes)

            def activations(self, pictures: Tensor) -> dict[str, Tensor]:
                return {"logits": self.last(self.normalised(pictures).mean((2, 3)))}

        with pytest.raises(AssertionError, match="unknown class"):
            check_network(Unmasked)


class Nearest(BaseCorrector):
    """A small corrector, right in all: distance to the mean of the class."""

    name = "nearest"
    centre_: Floats | None = None

    def __init__(self, target: int | None = None) -> None:
        self.target = target

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Nearest:
        assert labels is not None
        self.target_ = target_class(outputs, self.target)
        self.centre_ = stack(outputs, ["hidden"])[check_has_positives(labels, self.target_)].mean(0)
        return self

    def _propose(self, outputs: Outputs) -> Proposal:
        distance = np.linalg.norm(stack(outputs, ["hidden"]) - check_fitted(self.centre_, self.name), axis=1)
        return Proposal(outputs.ids, -distance, np.full(len(outputs), self.target_))

    def state(self) -> dict[str, Any]:
        return {"centre": self.centre_, "target": np.array(self.target_)}

    def restore(self, state: Mapping[str, Any]) -> Nearest:
        self.centre_, self.target_ = state["centre"], int(state["target"])
        return self


class Neighbourly(Nearest):
    """Wrong: its scores depend on which pictures come together."""

    def _propose(self, outputs: Outputs) -> Proposal:
        proposal = super()._propose(outputs)
        return replace(proposal, score=proposal.score - proposal.score.mean())


class Forgetful(Nearest):
    """Wrong: what is restored is not what was learnt."""

    def restore(self, state: Mapping[str, Any]) -> Nearest:
        return super().restore({**state, "centre": np.zeros_like(state["centre"])})


class Trusting(Nearest):
    """Wrong: it takes any labels."""

    def fit(self, outputs: Outputs, labels: Any = None, features: Any = None) -> Trusting:
        self.target_ = target_class(outputs, self.target)
        if not (labels == self.target_).any():
            raise DataError("no picture", place="fit", remedy="give one")
        self.centre_ = outputs.vectors["hidden"][labels == self.target_].mean(0)
        return self


class Forcing(Nearest):
    """Wrong: fitting changes what the constructor was given."""

    def _fit(self, outputs: Outputs, labels: SoftLabels | None) -> Nearest:
        super()._fit(outputs, labels)
        self.target = self.target_
        return self


class TestCorrectors:
    @pytest.mark.parametrize("name", correctors.names())
    def test_every_corrector_keeps_the_contract(self, name: str) -> None:
        kind = correctors.get_corrector(name)
        assert isinstance(kind(), Corrector) and kind.name == name
        check_corrector(kind)

    def test_a_corrector_from_outside_can_keep_it(self) -> None:
        check_corrector(Nearest)

    @pytest.mark.parametrize(
        ("kind", "cause"),
        [
            (Neighbourly, "depends on its neighbours"),
            (Forgetful, "restored corrector"),
            (Trusting, "takes labels"),
            (Forcing, "constructor"),
        ],
    )
    def test_a_corrector_that_breaks_it_is_refused(self, kind: type[Nearest], cause: str) -> None:
        with pytest.raises(AssertionError, match=cause):
            check_corrector(kind)

    @pytest.mark.parametrize("name", correctors.names())
    @settings(deadline=None, max_examples=20)
    @given(seed=st.integers(0, 1000))
    def test_scores_follow_the_rows_in_any_order(self, name: str, seed: int) -> None:
        outputs, proposal, corrector = _fitted(name)
        order = np.random.default_rng(seed).permutation(len(outputs))
        shuffled = corrector.propose(outputs.take(order))
        assert np.array_equal(shuffled.ids, proposal.ids[order])
        assert np.allclose(shuffled.score, proposal.score[order], rtol=1e-4, atol=1e-4)


_FITTED: dict[str, tuple[Outputs, Proposal, Any]] = {}


def _fitted(name: str) -> tuple[Outputs, Proposal, Any]:
    if name not in _FITTED:
        outputs, labels = example_outputs()
        corrector = correctors.get_corrector(name)().fit(outputs, labels)
        _FITTED[name] = outputs, corrector.propose(outputs), corrector
    return _FITTED[name]


@settings(deadline=None)
@given(threshold=st.floats(-5, 5), higher=st.floats(0, 5), action=st.sampled_from(["relabel", "abstain", "flag"]))
def test_a_higher_threshold_only_takes_overrides_away(threshold: float, higher: float, action: str) -> None:
    outputs, labels = example_outputs(count=40)
    proposal = Nearest().fit(outputs, labels).propose(outputs)
    low, high = (decide(proposal, outputs.predicted, limit, action) for limit in (threshold, threshold + higher))
    assert not (high.overridden & ~low.overridden).any()
    assert np.array_equal(low.final[~low.overridden], outputs.predicted[~low.overridden])


class Colours:
    """A classifier from outside mien that keeps the contract: is the image bright, or dark?"""

    def __init__(self) -> None:
        layers = (Layer("rows", (16,)), Layer("small", (1, 4, 4), "map"))
        self.card = ClassifierCard("colours 1", ("dark", "bright"), inputs=ImageSpec(16), layers=layers)

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        images = batch.checked(self.card, request).data / 255
        share = images.mean((1, 2))
        small = images.reshape(-1, 1, 1, 4, 4, 4, 4).mean((4, 6))
        maps = {"small": small} if request.maps else {}
        return Outputs(batch.ids, np.stack([1 - share, share], 1), None, {"rows": images.mean(2)}, maps)  # type: ignore[arg-type]


class Careless(Colours):
    """Wrong: it takes any batch."""

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        share = np.asarray(batch.data, float).mean(tuple(range(1, batch.data.ndim))) / 255
        maps = {"small": np.zeros((len(batch), 1, 1, 4, 4))} if request.maps else {}
        return Outputs(batch.ids, np.stack([1 - share, share], 1), None, {"rows": np.zeros((len(batch), 16))}, maps)  # type: ignore[arg-type]


class Changing(Colours):
    """A base for classifiers that break the contract in one place."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        raise NotImplementedError

    def outputs(self, batch: Batch, request: FeatureRequest = FeatureRequest()) -> Outputs:  # noqa: B008 -- frozen
        return self.changed(super().outputs(batch, request), request)


class Ranking(Changing):
    """Wrong: an answer depends on the images beside it."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        bright = found.probs[:, 1] > np.median(found.probs[:, 1]) if len(found) else np.zeros(0, bool)
        return replace(found, probs=np.eye(2)[bright.astype(int)])


class Renaming(Changing):
    """Wrong: the ids are lost."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        return replace(found, ids=np.char.add("new-", found.ids))


class Wide(Changing):
    """Wrong: one class more than on the card."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        return replace(found.padded_to(3), known=np.ones(3, bool))


class Deaf(Changing):
    """Wrong: a vector of the card is never shown."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        return replace(found, vectors={})


class Lavish(Changing):
    """Wrong: maps that nobody asked for."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        return found.with_features(maps={"small": np.zeros((len(found), 1, 1, 4, 4))})


class Restless(Changing):
    """Wrong: another answer each time."""

    def changed(self, found: Outputs, request: FeatureRequest) -> Outputs:
        self.turn = getattr(self, "turn", 0) + 1
        probs = found.probs * 0.9 + 0.05 if self.turn % 2 else found.probs
        return replace(found, probs=probs)


class TestClassifiers:
    batch = Batch(np.random.default_rng(0).integers(0, 256, (6, 16, 16)).astype(np.uint8))

    def test_a_classifier_from_outside_can_keep_it(self) -> None:
        check_classifier(Colours(), self.batch)

    @pytest.mark.parametrize(
        ("kind", "cause"),
        [
            (Careless, "a map that it lacks"), (Ranking, "rows beside it"), (Renaming, "keep the ids"),
            (Wide, "the card has 2 classes"), (Deaf, "rows is on the card"), (Lavish, "only where the request"),
            (Restless, "asking twice"),
        ],
    )  # fmt: skip
    def test_a_classifier_that_breaks_it_is_refused(self, kind: type[Colours], cause: str) -> None:
        with pytest.raises(AssertionError, match=cause):
            check_classifier(kind(), self.batch)
