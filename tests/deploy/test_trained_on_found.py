"""What a saved classifier was trained on, as it is found for a folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.classifiers.network import NetworkClassifier
from mien.data.prepare import DataSettings, prepare
from mien.data.provenance import KNOWN, STATED, UNKNOWN, TrainedOn
from mien.deploy.trained_on import learnt_by
from mien.errors import UsageError
from mien.nets import saved
from mien.nets.network import Network

DATA = DataSettings("synthetic:n=40,size=16", size=16)


def model() -> tuple[Network, saved.ModelCard]:
    names = prepare(DATA).labelset.names
    known = np.ones(len(names), bool)
    card = saved.ModelCard("oneconv", names, tuple(known.tolist()), 16, False, "pad")
    return saved.build("oneconv", known, colour=False).eval(), card


@pytest.mark.parametrize(
    ("given", "kind", "sets"),
    [
        (("unknown",), UNKNOWN, 0),
        (("synthetic:n=20,seed=3",), STATED, 1),
        (("synthetic:n=20,seed=3", "unknown"), UNKNOWN, 1),
    ],
)
def test_without_a_record_it_is_what_the_user_says(
    tmp_path: Path, given: tuple[str, ...], kind: str, sets: int
) -> None:
    found = learnt_by(NetworkClassifier(*model(), tmp_path), given, DATA, prepare(DATA))
    assert (found.kind, len(found.sets)) == (kind, sets)


def test_without_a_record_and_a_word_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--trained-on PATH"):
        learnt_by(NetworkClassifier(*model(), tmp_path), (), DATA, prepare(DATA))


def test_a_record_and_what_the_user_names_count_both(tmp_path: Path) -> None:
    (f, card), pictures = model(), prepare(DATA)
    saved.save(f, card, tmp_path, TrainedOn.from_dataset(pictures, np.arange(9), "faces"))
    found = learnt_by(NetworkClassifier(f, card, tmp_path), ("synthetic:n=20,seed=3",), DATA, pictures)
    assert found.kind == KNOWN and [one.stated for one in found.sets] == [False, True]


def test_the_past_of_a_pretrained_backbone_is_mentioned(tmp_path: Path) -> None:
    (f, card), pictures = model(), prepare(DATA)
    card = replace(card, base="hub:some/network")
    saved.save(f, card, tmp_path, TrainedOn.from_dataset(pictures, np.arange(9), "faces"))
    [note] = learnt_by(NetworkClassifier(f, card, tmp_path), (), DATA, pictures).notes
    assert "trained by others" in note and "--trained-on" in note
