"""Patches: several correctors as one, one certificate, any order, only for the classifier that they were made for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien import correctors
from mien.certify.calibration_set import CalibrationSet
from mien.certify.combine import NO_OVERRIDE, combine_proposals
from mien.certify.policy import Policy
from mien.correctors.contract import Corrector
from mien.deploy.patch import Patch
from mien.errors import RunError, UsageError
from mien.testing import example_outputs
from mien.types import Proposal

OUTPUTS, LABELS = example_outputs(count=600)
FIT, HELD = np.arange(300), np.arange(300, 600)


def patch(target: int, name: str = "lda") -> Patch:
    corrector = correctors.get_corrector(name)(target).fit(OUTPUTS.take(FIT), LABELS[FIT])
    held = OUTPUTS.take(HELD)
    found = corrector.propose(held)
    calibration = CalibrationSet.of(found, LABELS[HELD], held.predicted)
    return Patch(tuple("abcd"), OUTPUTS.known, (name,), (corrector,), Policy(0.1), calibration, "f", "data")


def make(name: str, target: int | None) -> Corrector:
    return correctors.get_corrector(name)(target)


def test_it_decides_the_same_after_a_way_over_the_disk(tmp_path: Path) -> None:
    first = patch(3)
    first.save(tmp_path / "new.patch")
    again = Patch.load(tmp_path / "new.patch", make)
    mine, theirs = first.decide(OUTPUTS), again.decide(OUTPUTS)
    assert mine.overridden.any() and np.array_equal(mine.final, theirs.final)
    assert (again.targets, again.names, again.policy) == (first.targets, first.names, first.policy)
    assert np.array_equal(again.certified.thresholds, first.certified.thresholds)


def test_where_it_is_silent_the_answers_are_those_of_f() -> None:
    decision = patch(3).decide(OUTPUTS)
    assert np.array_equal(decision.final[~decision.overridden], OUTPUTS.predicted[~decision.overridden])
    assert (decision.final[decision.overridden] == 3).all()


def test_the_order_of_patches_does_not_matter() -> None:
    new, known = patch(3), patch(1)
    one, other = new.merged_with(known), known.merged_with(new)
    assert np.array_equal(one.decide(OUTPUTS).final, other.decide(OUTPUTS).final)
    assert one.certified.guarantees[0] == other.certified.guarantees[0]
    assert set(one.targets) == {"b", "d"}


def test_both_together_keep_one_budget() -> None:
    both = patch(3).merged_with(patch(1))
    decision, held = both.decide(OUTPUTS.take(HELD)), LABELS[HELD]
    right = (decision.base == held) & OUTPUTS.known[held]
    assert (right & (decision.final != held)).sum() <= both.certified.guarantees[0].k


@pytest.mark.parametrize(
    ("other", "cause"),
    [
        (replace(patch(1), base="g"), "different classifiers"),
        (replace(patch(1), policy=Policy(0.2)), "different policies"),
        (patch(3), "same class"),
        (replace(patch(1), calibration=replace(patch(1).calibration, ids=HELD.astype(str))), "different pictures"),
    ],
)
def test_patches_that_do_not_belong_together_are_refused(other: Patch, cause: str) -> None:
    with pytest.raises(UsageError, match=cause):
        patch(3).merged_with(other)


def test_a_patch_takes_the_place_of_an_older_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(3).save(tmp_path / "p")
    monkeypatch.setattr("mien.storage.artifact.write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        patch(1).save(tmp_path / "p")
    monkeypatch.undo()
    assert Patch.load(tmp_path / "p", make).targets == patch(3).targets
    (tmp_path / "p").rename(tmp_path / ".p.old")  # killed between the two names
    monkeypatch.setattr("mien.storage.artifact.write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        patch(1).save(tmp_path / "p")
    monkeypatch.undo()
    assert Patch.load(tmp_path / "p", make).targets == patch(3).targets
    patch(1).save(tmp_path / "p")
    assert Patch.load(tmp_path / "p", make).targets == patch(1).targets
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_the_assurance_says_what_holds() -> None:
    assert patch(3).assurance().startswith("certified with")
    assert replace(patch(3), approximate=True).assurance().startswith("certified about")
    strict = replace(patch(3), policy=Policy(1e-5))
    assert strict.silent and strict.assurance().startswith("silent")
    rule = replace(patch(3), policy=Policy(1e-5, rule="balanced_accuracy"))
    assert rule.assurance().startswith("no certificate")
    persons = replace(patch(3), calibration=replace(patch(3).calibration, groups=np.repeat(HELD[::2], 2)))
    assert "persons" in persons.assurance()


@pytest.mark.parametrize("name", ["patch.json", "calibration.npz", "corrector-0.npz"])
def test_a_damaged_patch_names_the_file(name: str, tmp_path: Path) -> None:
    patch(3).save(tmp_path / "p")
    file = tmp_path / "p" / name
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(RunError, match=name):
        Patch.load(tmp_path / "p", make)


def test_no_pictures_are_no_trouble() -> None:
    assert len(patch(3).decide(OUTPUTS.take(np.arange(0))).final) == 0


# together


def proposal(score: list[float], suggested: list[int]) -> Proposal:
    return Proposal(np.arange(len(score)).astype(str), np.array(score), np.array(suggested))


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 3)), min_size=1, max_size=6))
def test_the_strongest_evidence_speaks_in_any_order(rows: list[tuple[float, float, int]]) -> None:
    first, second = (
        proposal([row[0] for row in rows], [1] * len(rows)),
        proposal([row[1] for row in rows], [2] * len(rows)),
    )
    base = np.array([row[2] for row in rows])
    one, other = combine_proposals([first, second], base), combine_proposals([second, first], base)
    assert np.array_equal(one.score, other.score) and np.array_equal(one.suggested, other.suggested)
    for row, (a, b, answer) in enumerate(rows):
        left = {1: a, 2: b}
        left.pop(answer, None)
        assert one.score[row] == max(left.values())
        assert left[int(one.suggested[row])] == one.score[row]


def test_nobody_speaks_where_all_suggest_what_f_says() -> None:
    assert combine_proposals([proposal([9.0], [1])], np.array([1])).score.tolist() == [NO_OVERRIDE]
