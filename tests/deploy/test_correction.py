"""A correction computes each thing once, and saved patches of earlier versions give the same answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.certify.policy import Policy
from mien.classifiers.network import NetworkClassifier
from mien.correctors.linear import LDA
from mien.data.faces import FaceSettings, draw, write
from mien.data.prepare import DataSettings, prepare
from mien.data.provenance import TrainedOn
from mien.deploy.correction import Correction, correct
from mien.deploy.opening import load_patch
from mien.deploy.patch import Patch
from mien.deploy.settings import CorrectSettings
from mien.errors import DataError, UsageError
from mien.nets import saved
from mien.types import Dataset

DATA = DataSettings("synthetic:n=240,size=16", size=16)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that knows neither happiness nor its own weights well, with a record of nine pictures."""
    folder, data = tmp_path_factory.mktemp("base"), prepare(DATA)
    names = tuple(name for name in data.labelset.names if name != "happiness")
    network = saved.build("oneconv", np.ones(len(names), bool), colour=False)
    card = saved.ModelCard("oneconv", names, (True,) * len(names), 16, False, "pad")
    saved.save(network, card, folder, TrainedOn.from_dataset(data, np.arange(9), "elsewhere"))
    return folder


def corrected(base: Path, **settings: Any) -> Correction:
    settings = {"corrector": "lda", "classes": ("happiness",), **settings}
    return correct(NetworkClassifier.open(base), DATA, CorrectSettings(**settings), Policy(0.2))


def test_it_proposes_fingerprints_and_digests_once(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def counted(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    counted(LDA, "propose")
    counted(saved, "fingerprint")
    digested = []
    fingerprint = Dataset._fingerprint.func  # type: ignore[attr-defined]
    monkeypatch.setattr(Dataset._fingerprint, "func", lambda data: digested.append(id(data)) or fingerprint(data))  # type: ignore[attr-defined]
    done = corrected(base)
    _ = done.advice, done.advice, done.curves(np.linspace(0, 0.1, 3)), done.patch.assurance()
    assert calls == {"propose": 2, "fingerprint": 1}  # on calibrate, and on test
    assert len(digested) == len(set(digested))


def test_a_class_that_the_classifier_lacks_comes_last(base: Path, tmp_path: Path) -> None:
    done = corrected(base)
    assert done.patch.classes[-1] == "happiness" and not done.patch.known[-1]
    assert done.material.provenance.pictures == 9 and done.tested.probs.shape[1] == len(done.patch.classes)
    done.patch.save(tmp_path / "new.patch")
    again = load_patch(tmp_path / "new.patch", NetworkClassifier.open(base))
    assert np.array_equal(again.decide(done.tested).final, done.patch.decide(done.tested).final)


def test_an_adapter_copies_a_network_with_a_column_more(base: Path, tmp_path: Path) -> None:
    torch_free = corrected(base, corrector="adapter")
    torch_free.patch.save(tmp_path / "adapter.patch")
    again: Patch = load_patch(tmp_path / "adapter.patch", NetworkClassifier.open(base))
    assert np.array_equal(again.propose(torch_free.tested).score, torch_free.patch.propose(torch_free.tested).score)


def test_an_emotion_without_a_picture_is_learnt_from_drawn_faces(base: Path, tmp_path: Path) -> None:
    done = corrected(base, corrector="prototypes", classes=("contempt",))
    assert done.patch.classes[-1] == "contempt" and (done.proposal.suggested == len(done.patch.classes) - 1).all()
    assert any("contempt: only 0 training pictures" in sentence for sentence in done.advice)
    done.patch.save(tmp_path / "contempt.patch")
    again: Patch = load_patch(tmp_path / "contempt.patch", NetworkClassifier.open(base))
    assert np.array_equal(again.propose(done.tested).score, done.patch.propose(done.tested).score)


def test_an_emotion_may_have_another_name(base: Path) -> None:
    done = corrected(base, corrector="prototypes", classes=("contemptuous",))
    assert done.patch.classes[-1] == "contempt"


@pytest.mark.parametrize("settings", [{"corrector": "lda"}, {"drawn_faces": 0}, {"classes": ("bored",)}])
def test_a_class_without_a_picture_is_refused_where_nothing_can_stand_for_it(
    base: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="is not known"):
        corrected(base, **{"corrector": "prototypes", "classes": ("contempt",), **settings})


def test_with_a_handful_of_pictures_prototypes_are_advised(base: Path) -> None:
    def advises(done: Correction) -> bool:
        return any("--corrector prototypes" in sentence for sentence in done.advice)

    few, many = corrected(base, classes=("fear",)), corrected(base)
    assert advises(few) and not advises(many)
    pictures = few.material.pictures
    votes = np.eye(len(pictures.labelset), dtype=np.float32)[pictures.labels]  # from votes an adapter learns more
    assert not advises(replace(few, material=replace(few.material, pictures=pictures.replace(targets=votes))))


def test_what_cannot_be_corrected_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hapiness"):
        corrected(base, classes=("hapiness",))
    faces = draw(FaceSettings(n=40, size=16)).dataset
    write(draw(FaceSettings(n=40, size=16)), tmp_path / "faces")
    happy = CorrectSettings(corrector="lda", classes=("happiness",), trained_on=(str(tmp_path / "faces"),))
    with pytest.raises(DataError, match="can correct the classifier"):
        correct(NetworkClassifier.open(base), DataSettings(str(tmp_path / "faces"), size=16), happy, Policy(0.2))
    assert len(faces) == 40
