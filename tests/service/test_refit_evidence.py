"""Evidence from a store: parts that stay, units that stay whole, and what is left out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lessons import CLASSES, Blurred, blurred
from PIL import Image

from mien.classifiers.contract import ClassifierCard
from mien.data.provenance import KNOWN, Provenance, TrainedOn
from mien.deploy.calibration_data import CalibrationData
from mien.deploy.labelled_rows import rows_of
from mien.errors import DataError
from mien.service.evidence import CALIBRATE, FIT, HELD, SHARES, evidence_of, part_of
from mien.service.store import DecisionRow
from mien.service.store.judged import Judged
from mien.types import Dataset, LabelSet, Split, texts

IMAGES, LABELS = blurred(60, 3)


def png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def row(number: int, label: str | None = "upper", group: str = "", chance: float | None = None) -> Judged:
    decision = DecisionRow(
        prediction=f"p{number}", time=number, base="upper", final="upper", group=group, chance=chance, seq=number + 1
    )
    return Judged(decision, label)


def crops(count: int = 60) -> dict[str, bytes]:
    return {f"p{number}": png(IMAGES[number]) for number in range(count)}


def test_shares_of_the_parts() -> None:
    parts = np.bincount([part_of(f"person {number}") for number in range(20_000)]) / 20_000
    assert np.abs(parts - SHARES).max() < 0.015


def test_live_pictures_are_read_as_they_were() -> None:
    rows = [row(0, "lower"), row(1, None, chance=0.25), row(2, "puzzled", group="Ann")]
    evidence = evidence_of(Blurred(), rows, crops(3), CLASSES)
    assert np.array_equal(evidence.pictures.pictures, IMAGES[:3])
    assert evidence.pictures.labelset.names == (*CLASSES, "puzzled")
    assert evidence.pictures.labels.tolist() == [2, 0, 3] and evidence.answered.tolist() == [True, False, True]
    assert evidence.drawn.tolist() == [False, True, False] and evidence.chance[1] == 0.25
    assert evidence.base.tolist() == [0, 0, 0] and evidence.seq.tolist() == [1, 2, 3] and evidence.live.all()
    assert evidence.part[2] == part_of("Ann") and evidence.live_provenance.kind == KNOWN
    assert evidence.fresh(1).tolist() == [False, True, True]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "Ann", "Ben", "Eve"])), min_size=1, max_size=30))
def test_what_is_held_out_was_held_out_before(shown: list[tuple[int, str]]) -> None:
    rows = [row(number, group=group) for number, (_, group) in enumerate(shown)]
    pictures = {f"p{number}": png(IMAGES[image]) for number, (image, _) in enumerate(shown)}
    whole = evidence_of(Blurred(), rows, pictures, CLASSES)
    for unit in np.unique(whole.unit):
        assert len(np.unique(whole.part[whole.unit == unit])) == 1
    early = evidence_of(Blurred(), rows[: len(rows) // 2 + 1], pictures, CLASSES)
    assert (early.part >= whole.part[: len(early.part)]).all()


def test_pictures_of_one_person_and_equal_pictures_are_one_unit() -> None:
    rows = [row(0, group="Ann"), row(1, group="Ann"), row(2), row(3, group="Ben")]
    same = {**crops(4), "p3": png(IMAGES[2])}
    unit = evidence_of(Blurred(), rows, same, CLASSES).unit
    assert unit[0] == unit[1] != unit[2] == unit[3]
    evidence = evidence_of(Blurred(), rows, same, CLASSES)
    assert evidence.part[2] == min(part_of(str(evidence.pictures.hashes[2])), part_of("Ben"))
    assert not evidence.fresh(3)[3]


@pytest.mark.parametrize(
    "content", [b"", b"no picture", png(np.zeros((8, 9), np.uint8)), png(np.zeros((9, 9, 3), np.uint8))]
)
def test_crops_that_are_none_are_left_out(content: bytes) -> None:
    evidence = evidence_of(Blurred(), [row(0), row(1)], {"p0": content, "p1": png(IMAGES[1])}, CLASSES)
    assert evidence.pictures.ids.tolist() == ["p1"]
    with pytest.raises(DataError, match="no picture has a verdict"):
        evidence_of(Blurred(), [row(0)], {"p0": content}, CLASSES)


def test_what_the_classifier_was_trained_on_is_left_out() -> None:
    class Trained(Blurred):
        learnt = rows_of(Blurred.card, IMAGES[:2])
        card = ClassifierCard(
            "trained", CLASSES, Blurred.card.known, Blurred.card.inputs, Blurred.card.layers,
            TrainedOn.from_dataset(learnt, np.array([0, 1]), "/faces"),
        )  # fmt: skip

    evidence = evidence_of(Trained(), [row(number) for number in range(4)], crops(), CLASSES)
    assert evidence.pictures.ids.tolist() == ["p2", "p3"] and evidence.live_provenance.pictures == 2


def test_labelled_data_keep_their_parts_and_join_with_equal_live_pictures() -> None:
    names = texts([f"d{number}" for number in range(6)])
    data = Dataset(
        names, LABELS[:6], LabelSet(("upper", "middle", "lower", "blank")), names, names, IMAGES[:6],
        texts([f"{number:064x}" for number in range(6)]),
    )  # fmt: skip
    parts = Split(names, np.array([4, 4, 3, 3, 2, 2]), 0)
    given_data = CalibrationData(data, parts, (), Provenance("stated"))
    evidence = evidence_of(Blurred(), [row(10), row(0, group="Ben")], crops(), CLASSES, given_data)
    assert evidence.live.tolist() == [False] * 6 + [True] * 2 and evidence.data_provenance.kind == "stated"
    assert evidence.part[1:6].tolist() == [HELD, CALIBRATE, CALIBRATE, FIT, FIT]
    assert part_of("Ben") == FIT and evidence.unit[0] == evidence.unit[7] and evidence.part[0] == FIT
    assert evidence.pictures.labelset.names == (*CLASSES, "blank") and evidence.answered.all()
    assert evidence.base[:6].tolist() == [-1] * 6 and not evidence.drawn.any()
