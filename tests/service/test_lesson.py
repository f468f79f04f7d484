"""What is learnt from verdicts: a certificate holds whoever gives verdicts; it is withheld where nothing certifies."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from lessons import LOWER, Blurred, blurred, both, live, recipe

from mien.classifiers.contract import Batch
from mien.data.provenance import KNOWN, UNKNOWN, Provenance
from mien.deploy.predictor import Predictor
from mien.service.evidence import CALIBRATE, FIT, HELD, Evidence
from mien.service.lesson import Lesson, learn
from mien.types import Ints, Outputs

F = Blurred()
ALONE = Predictor(F)


def stream(
    count: int, seed: int, *, chance: float = 1.0, by: Predictor = ALONE, spite: float = 0.0, first: int = 1
) -> Evidence:
    """Pictures that `by` answered; drawn ones and nine of ten overrides have verdicts, spoilt ones less often."""
    images, labels = blurred(count, seed)
    rng = np.random.default_rng(seed + 1)
    decision = by.answer(Batch(images)).decision
    drawn = rng.random(count) < chance
    strips = F.outputs(Batch(images)).vector("strips")
    spoilt = (decision.base == labels) & (strips[:, LOWER] - strips[:, :2].max(1) > -1.5)
    answered = np.where(drawn, rng.random(count) >= spite * np.where(spoilt, 1, 0.02), rng.random(count) < 0.9)
    answered = answered & (drawn | decision.overridden)
    return live(images, labels, np.where(drawn, chance, np.nan), answered, first=first)


@cache
def everybody() -> tuple[Outputs, Ints]:
    """f's outputs for many pictures that it has right."""
    images, labels = blurred(40_000, 1)
    outputs = F.outputs(Batch(images))
    right = outputs.predicted == labels
    return outputs.take(right), labels[right]


def harm(lesson: Lesson) -> float:
    outputs, labels = everybody()
    assert lesson.patch is not None
    return float((lesson.patch.decide(outputs).final != labels).mean())


def test_a_class_is_learnt_from_verdicts_and_better_beyond_chance() -> None:
    lesson = learn(F, ALONE, stream(3000, 5), recipe())
    assert lesson.proposed and lesson.better and lesson.sample == "draws"
    assert lesson.patch is not None and lesson.comparison is not None
    before, after, count = lesson.comparison.recall["lower"]
    assert before == 0 and after > 0.5 and count > 50
    assert lesson.patch.certificate.holds and lesson.patch.provenance.kind == KNOWN and harm(lesson) <= 0.05
    assert lesson.comparison.words in lesson.words and "certified" in lesson.words
    images, _ = blurred(100, 8)
    decision = Predictor(F, lesson.patch).answer(Batch(images)).decision
    kept = ~decision.overridden
    assert (decision.final[kept] == decision.base[kept]).all()


def test_verdicts_on_chosen_pictures_alone_certify_nothing() -> None:
    evidence = stream(3000, 5)
    lesson = learn(F, ALONE, replace(evidence, chance=np.full(3000, np.nan)), recipe())
    assert not lesson.proposed and lesson.patch is None
    assert "no random sample" in lesson.words and "it takes 59" in lesson.words


def test_draws_without_a_verdict_count_as_harmed_or_nothing_is_certified() -> None:
    evidence = stream(3000, 5)
    few = learn(F, ALONE, replace(evidence, answered=np.arange(3000) % 200 != 0), recipe())
    assert few.proposed and few.patch is not None
    with_all = learn(F, ALONE, evidence, recipe()).patch
    assert with_all is not None and few.patch.certified.thresholds[0] >= with_all.certified.thresholds[0]
    many = learn(F, ALONE, replace(evidence, answered=np.arange(3000) % 2 == 0), recipe())
    assert not many.proposed and "give verdicts on them" in many.words


def test_nothing_is_judged_on_what_it_was_made_from() -> None:
    evidence = stream(3000, 5)
    patch = learn(F, ALONE, evidence, recipe()).patch
    assert patch is not None
    part = dict(zip(evidence.pictures.ids.tolist(), evidence.part.tolist(), strict=True))
    assert {part[name] for name in patch.calibration.row_keys.tolist()} == {CALIBRATE}
    # other labels of held-out pictures change neither scores nor thresholds
    labels = np.where(evidence.part == HELD, 0, evidence.pictures.labels)
    again = learn(F, ALONE, replace(evidence, pictures=evidence.pictures.replace(labels=labels)), recipe())
    made = again.patch or patch
    assert np.array_equal(made.calibration.score, patch.calibration.score)
    # and those of certifying ones no score
    labels = np.where(evidence.part == CALIBRATE, evidence.base, evidence.pictures.labels)
    other = learn(F, ALONE, replace(evidence, pictures=evidence.pictures.replace(labels=labels)), recipe()).patch
    assert other is not None and np.array_equal(other.calibration.score, patch.calibration.score)


def test_draws_that_an_earlier_patch_rests_on_teach_and_do_not_certify() -> None:
    evidence = stream(3000, 5)
    lesson = learn(F, ALONE, evidence, recipe(), since=2000)
    assert lesson.patch is not None
    places = [int(name[1:]) for name in lesson.patch.calibration.row_keys.tolist()]
    assert min(places) > 2000
    assert lesson.patch.about["verdicts"]["learnt_from"] > 2 * (evidence.part == FIT).sum() * 0.7
    assert not learn(F, ALONE, evidence, recipe(), since=3000).proposed


def test_labelled_data_certify_where_draws_are_too_few() -> None:
    taught = stream(3000, 5)
    taught = replace(taught, chance=np.full(3000, np.nan))
    images, labels = blurred(2000, 6)
    data = live(images, labels, np.full(2000, np.nan), np.ones(2000), first=10_001)
    data = replace(data, live=np.zeros(2000, bool), seq=np.zeros(2000, int))
    for kind, proposed in ((KNOWN, True), (UNKNOWN, False)):
        evidence = replace(both(taught, data), data_provenance=Provenance(kind))
        lesson = learn(F, ALONE, evidence, recipe())
        assert lesson.sample == "data" and lesson.proposed == proposed
        assert proposed or "unknown" in lesson.words


def test_a_worse_patch_and_an_equal_one_are_not_proposed() -> None:
    good = learn(F, ALONE, stream(6000, 5), recipe()).patch
    in_force = Predictor(F, good)
    worse = learn(F, in_force, stream(3000, 9), recipe(budget=0.02))
    assert not worse.proposed and "worse than the one in force" in worse.words
    evidence = stream(6000, 5)
    equal = learn(F, in_force, evidence, recipe())
    assert not equal.proposed and "answers as the one in force" in equal.words


def test_without_pictures_to_compare_on_or_to_learn_from_there_is_no_patch() -> None:
    evidence = stream(3000, 5)
    unheld = replace(evidence, answered=evidence.answered & (evidence.part != HELD))
    assert "nothing can be compared" in learn(F, ALONE, unheld, recipe()).words
    none = evidence.answered & ((evidence.pictures.labels != LOWER) | (evidence.part != FIT))
    assert "no class has 10 pictures" in learn(F, ALONE, replace(evidence, answered=none), recipe()).words


@pytest.mark.parametrize("spite", [0.0, 0.25])
def test_certified_patches_keep_their_budget_also_where_verdicts_hide_harm(spite: float) -> None:
    """Two generations in 120 streams each: the second learns from what the first overrode."""
    broken: list[bool] = []
    for seed in range(120):
        early = stream(1500, 1000 + 7 * seed, chance=0.6, spite=spite)
        lesson = learn(F, ALONE, early, recipe())
        if not lesson.proposed:
            continue
        broken.append(harm(lesson) > 0.05)
        late = stream(1500, 1003 + 7 * seed, chance=0.6, by=Predictor(F, lesson.patch), spite=spite, first=1501)
        second = learn(F, ALONE, both(early, late), recipe(), since=1500)
        if second.proposed:
            broken.append(harm(second) > 0.05)
    count = len(broken)
    assert count > 200 and np.mean(broken) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / count)
