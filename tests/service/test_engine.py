"""Answers in batches: each by its own patch, in order, and none is lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from serving import Bars, pictures, png

from mien.classifiers.contract import Batch
from mien.classifiers.declare import InputSettings
from mien.deploy.adoption import adopt
from mien.deploy.corrected import CorrectedClassifier
from mien.deploy.opening import load_patch
from mien.deploy.predictor import Predictor
from mien.errors import DataError, OverloadError
from mien.incoming.item import Face
from mien.service.engine import Answer, Engine, Question, Result
from mien.service.settings import EngineSettings
from mien.types import Decision


class Collected:
    """Takes the results of an engine until all are there."""

    def __init__(self) -> None:
        self.results: dict[int, Result] = {}
        self._changed = threading.Condition()

    def __call__(self, pairs: list[tuple[Question, Result]]) -> None:
        with self._changed:
            self.results |= {question.asker: result for question, result in pairs}
            self._changed.notify_all()

    def wait(self, count: int) -> dict[int, Result]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.results) >= count, 30)
        return self.results


def corrected(patches: Path, name: str, classifier: Bars) -> Predictor:
    return Predictor(classifier, load_patch(patches / f"{name}.patch", classifier))


def final(result: Result) -> tuple[int, int, float | None]:
    """f's answer, the corrected one, and the score."""
    answer = only(result)
    return decided(answer.decision, answer.row)


def only(result: Result) -> Answer:
    """The answer for a picture that is answered for as it is."""
    assert isinstance(result, tuple)
    [answer] = result
    return answer


def decided(decision: Decision, row: int) -> tuple[int, int, float | None]:
    score = None if decision.score is None else pytest.approx(float(decision.score[row]))
    return int(decision.base[row]), int(decision.final[row]), score


def test_each_picture_is_answered_as_if_it_were_alone_by_the_patch_that_it_came_with(patches: Path) -> None:
    classifier = Bars()
    by = [Predictor(classifier), *(corrected(patches, name, classifier) for name in ("first", "second"))]
    images, _ = pictures(60)
    collected = Collected()
    engine = Engine(classifier, EngineSettings(threads=3, batch=7), collected)
    engine.submit([Question(png(image), by[row % 3], asker=row) for row, image in enumerate(images)])
    engine.start()  # all wait already, so that batches are full and mixed
    results = collected.wait(60)
    engine.stop()
    for row, image in enumerate(images):
        alone = by[row % 3].answer(Batch(image[None]))
        score = None if alone.decision.score is None else float(alone.decision.score[0])
        assert (*alone.decision.base.tolist(), *alone.decision.final.tolist(), score) == final(results[row])
        answer = only(results[row])
        assert np.array_equal(answer.outputs.probs[answer.row], alone.outputs.probs[0])
    assert any(final(result)[0] != final(result)[1] for result in results.values())
    assert classifier.threads >= 3  # prepared for each of the three


def test_answers_of_f_are_bit_equal_beside_any_patch(patches: Path) -> None:
    classifier = Bars()
    others = [corrected(patches, name, classifier) for name in ("first", "second")]
    images, _ = pictures(8)
    engine = Engine(classifier, EngineSettings(), lambda pairs: None)
    alone = engine.answer([Question(image, Predictor(classifier)) for image in images])
    beside = engine.answer([Question(image, Predictor(classifier), tuple(others)) for image in images])
    for plain, shadowed, image in zip(map(only, alone), map(only, beside), images, strict=True):
        assert np.array_equal(plain.outputs.probs[plain.row], shadowed.outputs.probs[shadowed.row])
        assert [by for by, _ in shadowed.beside] == others and plain.beside == ()
        expected = others[0].answer(Batch(image[None])).decision
        assert shadowed.beside[0][1].final[shadowed.row] == expected.final[0]


def test_answers_of_f_are_bit_equal_also_where_reading_layers_changes_the_rounding(patches: Path) -> None:
    class Rounding(Bars):
        def outputs(self, batch, request=None):  # type: ignore[no-untyped-def]
            outputs = super().outputs(batch)
            shares = outputs.probs * (1 + 1e-6 * bool(request.vectors))
            return replace(outputs, probs=shares)

    classifier = Rounding()
    images, _ = pictures(6)
    engine = Engine(classifier, EngineSettings(), lambda pairs: None)
    by = corrected(patches, "first", classifier)
    for _ in range(3):
        alone = engine.answer([Question(image, Predictor(classifier)) for image in images])
        patched = engine.answer([Question(image, by) for image in images])
        for plain, other in zip(map(only, alone), map(only, patched), strict=True):
            assert np.array_equal(plain.outputs.probs[plain.row], other.outputs.probs[other.row])


def test_a_broken_picture_spoils_no_other() -> None:
    images, _ = pictures(3)
    contents = [png(images[0]), b"no picture", png(images[1])[:60], b"", png(images[2])]
    engine = Engine(Bars(), EngineSettings(), lambda pairs: None)
    results = engine.answer([Question(content, Predictor(engine.classifier)) for content in contents])
    assert [isinstance(result, tuple) for result in results] == [True, False, False, False, True]
    assert all(isinstance(result, DataError) for result in results[1:4])


def test_each_face_of_a_picture_has_an_answer_and_a_picture_without_one_has_none(patches: Path) -> None:
    images, _ = pictures(2)

    class Halves:
        """Takes the two halves of a wide picture for faces."""

        def find(self, image):  # type: ignore[no-untyped-def]
            side = len(image)
            starts = (0, side) if image.shape[1] > side else ()
            return [(Face(n + 1, (x, 0, x + side, side), 0.9), image[:, x : x + side]) for n, x in enumerate(starts)]

    classifier = Bars()
    engine = Engine(classifier, EngineSettings(), lambda pairs: None, Halves())  # type: ignore[arg-type]
    wide, by = np.concatenate(images, 1), corrected(patches, "first", classifier)
    two, none, broken = engine.answer([Question(png(wide), by), Question(png(images[0]), by), Question(b"?", by)])
    assert isinstance(two, tuple) and none == () and isinstance(broken, DataError)
    assert [answer.face.number for answer in two if answer.face] == [1, 2]
    for answer, image in zip(two, images, strict=True):
        assert np.array_equal(answer.outputs.probs[answer.row], by.answer(Batch(image[None])).outputs.probs[0])


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("it is decoded")

    engine = Engine(Bars(), EngineSettings(max_pixels=0.001), lambda pairs: None)
    small = engine.answer([Question(png(np.zeros((20, 20), np.uint8)), Predictor(engine.classifier))])
    assert isinstance(small[0], tuple)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    pixels = np.zeros((40, 40), np.uint8)
    for large in (png(pixels), png(pixels.astype(np.uint16)), pixels):  # of 16 bits, black and white are read first
        [result] = engine.answer([Question(large, Predictor(engine.classifier))])
        assert isinstance(result, DataError) and "0.001 million" in result.cause


def test_a_fault_of_the_classifier_with_one_picture_leaves_the_others_their_answers() -> None:
    class Fragile(Bars):
        def outputs(self, batch, request=None):  # type: ignore[no-untyped-def]
            if (batch.data.max((1, 2)) == 0).any():
                raise ZeroDivisionError("a black picture")
            return super().outputs(batch)

    images, _ = pictures(2)
    engine = Engine(Fragile(), EngineSettings(), lambda pairs: None)
    questions = [images[0], np.zeros((32, 32), np.uint8), images[1]]
    results = engine.answer([Question(image, Predictor(engine.classifier)) for image in questions])
    assert [type(result) for result in results] == [tuple, ZeroDivisionError, tuple]


def test_a_fault_of_the_detector_with_one_picture_leaves_the_others_their_answers() -> None:
    class Fragile:
        def find(self, image):  # type: ignore[no-untyped-def]
            if not image.any():
                raise ZeroDivisionError("a black picture")
            return [(Face(1, (0, 0, 32, 32), 0.9), image)]

    collected, (image, *_) = Collected(), pictures(1)[0]
    engine = Engine(Bars(), EngineSettings(), collected, Fragile())  # type: ignore[arg-type]
    by = Predictor(engine.classifier)
    engine.submit([Question(each, by, asker=place) for place, each in enumerate((image, image * 0, image))])
    engine.start()
    results = collected.wait(3)
    engine.stop()
    assert [type(results[place]) for place in range(3)] == [tuple, ZeroDivisionError, tuple]


def test_faces_are_answered_for_in_batches_however_many_a_picture_has() -> None:
    sizes: list[int] = []

    class Counting(Bars):
        def outputs(self, batch, request=None):  # type: ignore[no-untyped-def]
            sizes.append(len(batch.data))
            return super().outputs(batch)

    class Crowd:
        def find(self, image):  # type: ignore[no-untyped-def]
            return [(Face(number + 1, (0, 0, 32, 32), 0.9), image) for number in range(7)]

    engine = Engine(Counting(), EngineSettings(batch=3), lambda pairs: None, Crowd())  # type: ignore[arg-type]
    [faces] = engine.answer([Question(pictures(1)[0][0], Predictor(engine.classifier))])
    assert isinstance(faces, tuple) and [answer.face.number for answer in faces if answer.face] == list(range(1, 8))
    assert sizes == [3, 3, 1]


def test_a_full_queue_takes_all_of_a_request_or_nothing() -> None:
    engine = Engine(Bars(), EngineSettings(queue=3), lambda pairs: None)
    question = Question(b"", Predictor(engine.classifier))
    engine.submit([question] * 2)
    with pytest.raises(OverloadError, match="2 pictures wait"):
        engine.submit([question] * 2)
    assert engine.waiting == 2
    engine.submit([question])
    engine.start()
    engine.stop()
    with pytest.raises(OverloadError, match="stops"):
        engine.submit([question])


def test_a_picture_that_waited_too_long_gets_an_error_and_no_answer() -> None:
    collected = Collected()
    engine = Engine(Bars(), EngineSettings(), collected)
    images, _ = pictures(1)
    predictor = Predictor(engine.classifier)
    engine.submit([Question(images[0], predictor, asker=0, deadline=0.0), Question(images[0], predictor, asker=1)])
    engine.start()
    results = collected.wait(2)
    engine.stop()
    assert isinstance(results[0], OverloadError) and isinstance(results[1], tuple)


def test_all_that_waits_is_answered_before_the_engine_stops() -> None:
    collected = Collected()
    engine = Engine(Bars(), EngineSettings(threads=2), collected)
    images, _ = pictures(50)
    engine.submit([Question(image, Predictor(engine.classifier), asker=row) for row, image in enumerate(images)])
    engine.start()
    engine.stop()
    assert len(collected.results) == 50


def test_a_patch_that_borrows_features_is_answered_beside_others(patches: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from onnx_models import bars

    model = bars(tmp_path / "encoder.onnx")
    adopt(str(model), InputSettings(answers="none", scaling="0..255")).save(tmp_path / "encoder")
    f = Bars()
    images, labels = pictures(300)
    made = CorrectedClassifier(
        f, classes=["lower"], budget=0.3, aim="gain", assume_unseen=True, features=[tmp_path / "encoder"]
    ).fit(images, labels)
    predictors = [Predictor(f, made.patch_), corrected(patches, "first", f), Predictor(f)]
    engine = Engine(f, EngineSettings(threads=1), lambda pairs: None)
    questions = [Question(image, predictor) for image in images[:9] for predictor in predictors]
    results = engine.answer(questions)
    for question, result in zip(questions, results, strict=True):
        alone = question.by.answer(Batch(np.asarray(question.image)[None])).decision
        assert final(result) == decided(alone, 0)
