"""The audit of labels as an experiment: settings, any classifier, events, its folder."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.faces import FaceSettings, draw
from mien.data.prepare import DataSettings
from mien.errors import DataError, UsageError
from mien.events import Event
from mien.experiments.labels.audit import UNFINISHED, audit, run_audit
from mien.experiments.labels.tuning import Votes
from mien.experiments.settings import AuditSettings
from mien.nets.settings import AugmentSettings, TrainSettings

TINY = AuditSettings(DataSettings("synthetic:n=120,size=16", size=16), TrainSettings(epochs=2), base="oneconv")
SMALL = """
import torch
from torch import nn

from mien.nets.network import Network


class Small(Network):
    layers = ("conv1", "logits")

    def __init__(self, classes, colours=1, known=None):
        super().__init__(classes, colours, known)
        self.convolution = nn.Conv2d(colours, 16, 3, padding=1)
        self.last = nn.Linear(16, classes)

    def activations(self, pictures):
        found = {"conv1": torch.relu(self.convolution(self.normalised(pictures)))}
        return found | {"logits": self.masked(self.last(found["conv1"].mean((2, 3))))}


class Bare(Network):
    layers = ("logits",)

    def __init__(self, classes, colours=1, known=None):
        super().__init__(classes, colours, known)
        self.last = nn.Linear(64 * colours, classes)

    def activations(self, pictures):
        flat = nn.functional.adaptive_avg_pool2d(self.normalised(pictures), 8).flatten(1)
        return {"logits": self.masked(self.last(flat))}
"""


def test_python_callers_get_the_length_that_suits_an_audit() -> None:
    assert AuditSettings(DataSettings("faces")).train.epochs == 20 < TrainSettings().epochs


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tune": True}, "--tune: needs votes"),
        ({"votes": True, "reviews": "r.csv"}, "cannot be combined with --votes"),
        ({"merge": "crowdlab"}, "no reviews to merge"),
        ({"merge": "majorty"}, "did you mean 'majority'"),
        ({"train": TrainSettings(augment=AugmentSettings(mixup=0.2))}, "--augment-mixup"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        replace(TINY, **changes)


@pytest.mark.parametrize("name", ["Small", "Bare"])
def test_any_classifier_will_do_whatever_its_layers_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "nets_for_audit.py").write_text(SMALL)
    monkeypatch.syspath_prepend(tmp_path)
    found = audit(replace(TINY, base=f"nets_for_audit:{name}"))
    sys.modules.pop("nets_for_audit")
    assert len(found.suspects.score) == len(found.data) and np.isfinite(found.suspects.score).all()


def test_it_leaves_tables_and_no_checkpoints_and_tells_each_stage(tmp_path: Path) -> None:
    events: list[Event] = []
    pages: list[int] = []
    found = run_audit(
        TINY, tmp_path / "out", on_event=events.append, finish=lambda found: pages.append(len(found.data))
    )
    assert pages == [len(found.data)]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"audit.csv", "audit.json", "audit.npz"}
    assert not (tmp_path / "out" / UNFINISHED).exists()
    assert [event.epoch for event in events if event.stage == "training"] == [1, 2]
    assert [event.stage for event in events][-1] == "comparing with neighbours"


def test_the_folder_of_other_pictures_is_refused(tmp_path: Path) -> None:
    run_audit(TINY, tmp_path / "out")
    other = replace(TINY, data=DataSettings("synthetic:n=120,size=16,seed=9", size=16))
    with pytest.raises(UsageError, match="audit of other pictures"):
        run_audit(other, tmp_path / "out")


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="labelled pictures"):
        audit(replace(TINY, data=DataSettings("synthetic:n=12,size=16", size=16)))


def test_votes_are_shares_and_persons_stay_in_one_fold() -> None:
    data = draw(FaceSettings(n=200, size=16)).dataset
    votes = Votes.of(data)
    voted = votes.shares.sum(1) > 0
    assert np.allclose(votes.shares[voted].sum(1), 1)
    assert data.groups is not None
    for learn, judge in votes.folds:
        assert not set(data.groups[learn]) & set(data.groups[judge])
    with pytest.raises(UsageError, match="no votes"):
        Votes.of(data.replace(votes=None))
    with pytest.raises(UsageError, match="most annotators voted for"):
        Votes.of(data.replace(labels=votes.shares.argmax(1)))
