"""No picture that a classifier was trained on corrects it, whatever became of the run and of its data."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK_PATCH, Mien
from PIL import Image

import mien.data.prepare as preparing
from mien.cli import run
from mien.data.prepare import DataSettings, prepare
from mien.data.split import split
from mien.types import Dataset

TRAIN = ("--size", "16", "--epochs", "1", "--base", "oneconv")
QUICK = ("--class", "happiness", *QUICK_PATCH, "--no-keep-features")
CELL = Path("cells", "seed0", "full")
EARLIER = Path(__file__).parent.parent / "data_fixtures" / "before_provenance"


@pytest.fixture(autouse=True)
def another_process() -> Iterator[None]:
    """Nothing is remembered of what was read before."""
    preparing.forget()
    yield
    preparing.forget()


@pytest.fixture(scope="module")
def tiny(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of one quick training on drawn faces with persons. Read it only."""
    folder = tmp_path_factory.mktemp("provenance") / "base"
    assert run(["train", str(faces), *TRAIN, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def base(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "base"))


@pytest.fixture
def data(faces: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(faces, tmp_path / "data"))


@pytest.fixture(scope="module")
def usual(tiny: Path, faces: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the patch of the run's own, untouched data is calibrated on."""
    out = tmp_path_factory.mktemp("usual") / "p"
    assert run(["correct", str(tiny), str(faces), *QUICK, "--out", str(out)]) == 0
    return (out / "calibration.npz").read_bytes()


def pictures(place: Path, size: int = 16) -> Dataset:
    preparing.forget()
    found = prepare(DataSettings(str(place), size=size))
    preparing.forget()
    return found


def learnt(faces: Path, *more: str) -> tuple[set[str], set[str]]:
    """Hashes and persons of what a training on these pictures has seen."""
    own = pictures(faces)
    parts = split(own, 0)
    rows = np.concatenate([parts.rows(part) for part in ("train", "validation", *more)])
    assert own.hashes is not None
    return set(own.hashes[rows].tolist()), set() if own.groups is None else set(own.groups[rows].tolist()) - {""}


def calibrated(patch: Path, place: Path) -> tuple[set[str], set[str]]:
    """Hashes and persons that a patch is calibrated on."""
    own, ids = pictures(place), np.load(patch / "calibration.npz")["ids"]
    rows = np.flatnonzero(np.isin(own.ids, ids))
    assert len(rows) == len(ids) and own.hashes is not None
    return set(own.hashes[rows].tolist()), set() if own.groups is None else set(own.groups[rows].tolist()) - {""}


def provenance(patch: Path) -> dict[str, object]:
    found = json.loads((patch / "patch.json").read_text())["provenance"]
    assert isinstance(found, dict)
    return found


# the data change


def add(data: Path) -> None:
    Image.new("L", (32, 32), 77).save(data / "happiness" / "zz.png")


def relabel(data: Path) -> None:
    path = sorted((data / "neutral").iterdir())[0]
    path.rename(data / "happiness" / path.name)


def rename(data: Path) -> None:
    for path in sorted((data / "neutral").iterdir())[:3]:
        path.rename(path.with_name(f"renamed-{path.name}"))


def delete(data: Path) -> None:
    for path in sorted((data / "neutral").iterdir())[:5]:
        path.unlink()


def convert(data: Path) -> None:
    """The same pixels in files of another format."""
    for path in data.glob("*/*.png"):
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()


@pytest.mark.parametrize("change", [add, relabel, rename, delete, convert])
def test_data_that_changed_since_training(
    mien: Mien, base: Path, data: Path, faces: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    change(data)
    said = mien("correct", base, data, *QUICK, "--json", "--out", tmp_path / "p")
    assert said.code == 0, said
    assert not calibrated(tmp_path / "p", data)[0] & learnt(faces)[0]
    found = json.loads(said.out)
    assert found["provenance"]["kind"] == "known" and found["pictures"]["trained on, left out"] >= 70
    assert "training data known" in found["assurance"]


def test_the_place_that_was_trained_in_may_change_too(mien: Mien, data: Path, faces: Path, tmp_path: Path) -> None:
    assert run(["train", str(data), *TRAIN, "--out", str(tmp_path / "own")]) == 0
    add(data)
    assert mien("correct", tmp_path / "own", data, *QUICK, "--out", tmp_path / "p").code == 0
    (hashes, persons), (known, trained) = calibrated(tmp_path / "p", data), learnt(faces)
    assert hashes and not hashes & known and persons and not persons & trained


def test_new_pictures_of_a_person_who_was_trained_on_are_left_out(
    mien: Mien, base: Path, data: Path, faces: Path, tmp_path: Path
) -> None:
    person = min(learnt(faces)[1])
    add(data)
    with (data / "votes.csv").open("a") as table:
        table.write(f"happiness/zz.png,happiness,1,0,0,8,0,0,1,{person.upper()},happiness\n")
    said = mien("correct", base, data, *QUICK, "--out", tmp_path / "p")
    assert said.code == 0 and "on other pictures of the persons on 1" in said.out, said
    assert provenance(tmp_path / "p")["persons"] == 1
    assert not calibrated(tmp_path / "p", data)[1] & learnt(faces)[1]


def test_persons_that_are_named_only_after_training(mien: Mien, data: Path, faces: Path, tmp_path: Path) -> None:
    """They are known by their pictures that were trained on."""
    votes = (data / "votes.csv").rename(tmp_path / "votes.csv")
    assert run(["train", str(data), *TRAIN, "--out", str(tmp_path / "own")]) == 0
    known, _ = learnt(data)
    shutil.copy(votes, data / "votes.csv")
    assert mien("correct", tmp_path / "own", data, *QUICK, "--out", tmp_path / "p").code == 0
    now = pictures(data)
    assert now.groups is not None and now.hashes is not None
    trained = set(now.groups[np.isin(now.hashes, list(known))].tolist()) - {""}
    assert provenance(tmp_path / "p")["persons"] and not calibrated(tmp_path / "p", data)[1] & trained


# the data stay as they are: the run's own parts, from wherever


def in_another_folder(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    return os.path.relpath(base, elsewhere), os.path.relpath(data, elsewhere)


def its_cell(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    os.chdir(base / "cells")
    return "seed0/full", os.path.relpath(data, base / "cells")


def from_inside_the_cell(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    os.chdir(base / CELL)
    return ".", str(data)


def moved(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    base.rename(elsewhere / "moved")
    return "moved", str(data)


def linked_to(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    (elsewhere / "link").symlink_to(base, target_is_directory=True)
    return "link", str(data)


def a_link_to_the_cell(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    (elsewhere / "link").symlink_to(base / CELL, target_is_directory=True)
    return "link", str(data)


def the_model_alone(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    shutil.copytree(base / CELL, elsewhere / "model")
    shutil.rmtree(base)
    return "model", str(data)


def data_elsewhere(base: Path, data: Path, elsewhere: Path) -> tuple[str, str]:
    data.rename(elsewhere / "other")
    return str(base), "other"


@pytest.mark.parametrize(
    "way",
    [
        in_another_folder,
        its_cell,
        from_inside_the_cell,
        moved,
        linked_to,
        a_link_to_the_cell,
        the_model_alone,
        data_elsewhere,
    ],
)
def test_the_same_data_give_the_same_patch_from_wherever(
    mien: Mien,
    base: Path,
    data: Path,
    usual: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Path, Path, Path], tuple[str, str]],
) -> None:
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    place, source = way(base, data, elsewhere)
    said = mien("correct", place, source, *QUICK, "--out", tmp_path / "p")
    assert said.code == 0, said
    assert (tmp_path / "p" / "calibration.npz").read_bytes() == usual
    assert provenance(tmp_path / "p")["kind"] == "known"


def test_what_is_written_down_is_found_from_anywhere(
    mien: Mien, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(faces.parent)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    assert mien("train", f"./{faces.name}", *TRAIN, "--out", tmp_path / "base").code == 0
    assert mien("correct", tmp_path / "base", f"./{faces.name}", *QUICK, "--out", tmp_path / "p").code == 0
    assert mien("audit", f"./{faces.name}", "--size", "16", "--epochs", "1", "--out", tmp_path / "audit").code == 0
    full = str(faces.resolve())
    assert json.loads((tmp_path / "base" / "run.json").read_text())["settings"]["data"]["source"] == full
    about = json.loads((tmp_path / "p" / "patch.json").read_text())["about"]
    assert about["data"]["source"] == full and Path(about["base"]).is_absolute()
    assert json.loads((tmp_path / "audit" / "audit.json").read_text())["data"]["source"] == full
    assert provenance(tmp_path / "p")["sources"] == [full]


def test_a_run_goes_on_from_another_folder(
    mien: Mien, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (*TRAIN, "--corrector", "lda", "--engine", "serial", "--no-retrained", "--out", tmp_path / "study")
    monkeypatch.chdir(faces.parent)
    assert mien("study", f"./{faces.name}", *flags, "--classes", "happiness").code == 0
    first = (tmp_path / "study" / CELL / "model.safetensors").stat().st_mtime_ns
    monkeypatch.chdir(tmp_path)
    assert mien("study", os.path.relpath(faces), *flags, "--classes", "sadness").code == 0
    assert (tmp_path / "study" / CELL / "model.safetensors").stat().st_mtime_ns == first
    assert json.loads((tmp_path / "study" / "run.json").read_text())["left_out"] == ["happiness", "sadness"]


# other kinds of cells


def test_a_retrained_classifier_has_learnt_what_corrects_others(mien: Mien, faces: Path, tmp_path: Path) -> None:
    flags = ("--corrector", "lda", "--engine", "serial", "--classes", "happiness", "--out", tmp_path / "s")
    assert mien("study", faces, *TRAIN, *flags).code == 0
    cells = tmp_path / "s" / "cells" / "seed0"
    for key, more in (("retrained", ("fit", "calibrate")), ("without-happiness", ())):
        assert mien("correct", cells / key, faces, *QUICK, "--out", tmp_path / key).code == 0
        hashes, persons = calibrated(tmp_path / key, faces)
        known, trained = learnt(faces, *more)
        assert hashes and not hashes & known and not persons & trained


def test_a_cell_of_a_comparison(
    mien: Mien, faces: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cmp"
    flags = ("--size", "16", "--epochs", "1", "--models", "oneconv", "--treatments", "none,with-fit", "--seeds", "0")
    assert mien("compare", faces, *flags, "--engine", "serial", "--out", out).code == 0
    said = mien("correct", out, faces, *QUICK, "--out", tmp_path / "p")
    said.refused(2, "comparison", str(out / "cells" / "seed0" / "oneconv" / "none"))
    mien("predict", faces / "fear", "--run", out).refused(2, "comparison")
    assert Path(json.loads((out / "run.json").read_text())["settings"]["data"]["source"]).is_absolute()
    add(data)
    monkeypatch.chdir(out / "cells")
    for training, more in (("none", ()), ("with-fit", ("fit",))):
        for source in (faces, data):
            place = Path("seed0", "oneconv", training)
            assert mien("correct", place, source, *QUICK, "--out", tmp_path / "p").code == 0
            hashes, _ = calibrated(tmp_path / "p", source)
            assert hashes and not hashes & learnt(faces, *more)[0]


# nothing is recorded


def test_what_of_a_stated_set_cannot_be_read_is_said(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    shutil.copy(next((faces / "fear").iterdir()), tmp_path / "loose" / "a.png")
    (tmp_path / "loose" / "broken.png").write_bytes(b"none")
    flags = (*QUICK, "--trained-on", tmp_path / "loose", "--out", tmp_path / "p")
    said = mien("correct", foreign, faces, *flags)
    assert said.code == 0 and "1 pictures of" in said.out and "do not count as trained on" in said.out


@pytest.fixture
def foreign(tiny: Path, tmp_path: Path) -> Path:
    """A model folder without any record."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(tiny / CELL / name, folder / name)
    return folder


def test_where_nothing_is_known_the_user_has_to_say(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    said = mien("correct", foreign, faces, *QUICK, "--out", tmp_path / "p")
    said.refused(2, "--trained-on PATH", "--trained-on unknown", "no trained_on.npz")
    assert not (tmp_path / "p" / "patch.json").exists()


def test_what_the_user_states_is_left_out(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    """Two data sets named, one of them a folder of pictures without classes."""
    own = pictures(faces)
    rows = np.concatenate([split(own, 0).rows(part) for part in ("train", "validation")])
    for number, row in enumerate(rows.tolist()):
        folder = tmp_path / ("loose" if number % 2 else f"sorted/{Path(own.paths[row]).parent.name}")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(own.paths[row], folder / f"{number}.png")
    flags = ("--trained-on", tmp_path / "loose", "--trained-on", tmp_path / "sorted")
    said = mien("correct", foreign, faces, *QUICK, *flags, "--out", tmp_path / "p")
    assert said.code == 0 and "stated by the user" in said.out, said
    assert not calibrated(tmp_path / "p", faces)[0] & learnt(faces)[0]
    found = provenance(tmp_path / "p")
    assert found["kind"] == "stated" and found["pictures"] == len(rows)
    assert found["sources"] == [str(tmp_path / "loose"), str(tmp_path / "sorted")]
    assert "stated by the user" in mien("patch", "show", tmp_path / "p").out
    assert "stated by the user" in (tmp_path / "p" / "report.html").read_text()


def test_persons_of_a_stated_set_count(mien: Mien, foreign: Path, data: Path, tmp_path: Path) -> None:
    """Half of the pictures of each person in one set, half in the other."""
    other = Path(shutil.copytree(data, tmp_path / "other"))
    for number, path in enumerate(sorted(data.glob("*/*.png"))):
        (data if number % 2 else other).joinpath(*path.parts[-2:]).unlink()
    own, theirs = pictures(data), pictures(other)
    assert own.groups is not None and theirs.groups is not None and set(own.groups) & set(theirs.groups)
    assert mien("correct", foreign, data, *QUICK, "--trained-on", other, "--out", tmp_path / "p").code == 0
    assert provenance(tmp_path / "p")["persons"]
    assert not calibrated(tmp_path / "p", data)[1] & set(theirs.groups.tolist())


def test_unknown_is_said_wherever_a_certificate_is(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    flags = (*QUICK, "--trained-on", "unknown", "--out", tmp_path / "p")
    words = "holds only if none of the calibration data was trained on"
    said = mien("correct", foreign, faces, *flags)
    assert said.code == 0 and words in said.out
    found = json.loads(mien("correct", foreign, faces, *flags, "--json").out)
    assert found["provenance"]["kind"] == "unknown" and words in found["assurance"]
    assert words in mien("patch", "show", tmp_path / "p").out
    assert words in (tmp_path / "p" / "report.html").read_text()


def test_a_record_is_stronger_than_what_is_stated(mien: Mien, base: Path, faces: Path, tmp_path: Path) -> None:
    assert mien("correct", base, faces, *QUICK, "--trained-on", "unknown", "--out", tmp_path / "p").code == 0
    assert provenance(tmp_path / "p")["kind"] == "known"
    assert not calibrated(tmp_path / "p", faces)[0] & learnt(faces)[0]


def test_a_record_of_another_classifier_is_refused(
    mien: Mien, base: Path, finished: Path, faces: Path, tmp_path: Path
) -> None:
    shutil.copy(finished / CELL / "trained_on.npz", base / CELL / "trained_on.npz")
    mien("correct", base, faces, *QUICK, "--out", tmp_path / "p").refused(1, "trained_on.npz", "--trained-on")
    (base / CELL / "trained_on.npz").write_bytes(b"PK broken")
    mien("correct", base, faces, *QUICK, "--out", tmp_path / "p").refused(1, "trained_on.npz")


def test_a_stated_set_that_is_not_there(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    flags = (*QUICK, "--trained-on", tmp_path / "gone", "--out", tmp_path / "p")
    mien("correct", foreign, faces, *flags).refused(1, "--trained-on", "gone")


@pytest.mark.parametrize("place", ["runs/base", "runs", "", " "])
def test_what_mien_wrote_is_no_stated_set(
    mien: Mien, foreign: Path, tiny: Path, faces: Path, tmp_path: Path, place: str
) -> None:
    """A run has pictures too, its sample faces; they certify nothing. Neither does a variable that is not set."""
    shutil.copytree(tiny, tmp_path / "runs" / "base")
    assert list((tmp_path / "runs" / "base").glob("*.png"))
    stated = tmp_path / place if place.strip() else place
    said = mien("correct", foreign, faces, *QUICK, "--trained-on", stated, "--out", tmp_path / "p")
    said.refused(2 if place.strip() else 1, "--trained-on", "not data" if place.strip() else "empty")
    assert not (tmp_path / "p").exists()


def test_where_all_was_trained_on_nothing_is_written(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    said = mien("correct", foreign, faces, *QUICK, "--trained-on", faces, "--out", tmp_path / "p")
    said.refused(1, "0 of 158 pictures", "was trained on")


def test_merged_patches_have_the_weaker_provenance(mien: Mien, foreign: Path, faces: Path, tmp_path: Path) -> None:
    patches = []
    for name, given in (("happiness", "unknown"), ("sadness", tmp_path / "other")):
        if name == "sadness":
            assert mien("data", "draw", tmp_path / "other", "--n", "40", "--size", "32", "--seed", "9").code == 0
            (tmp_path / "other" / "votes.csv").unlink()
        flags = (*QUICK_PATCH, "--no-keep-features", "--trained-on", given, "--out", tmp_path / name)
        assert mien("correct", foreign, faces, "--class", name, *flags).code == 0
        patches.append(tmp_path / name)
    for pair in (patches, patches[::-1]):
        for patch in pair:
            assert mien("patch", "apply", patch, foreign).code == 0
        assert provenance(foreign / "patch")["kind"] == "unknown"
        assert mien("patch", "remove", foreign).code == 0


def test_people_of_one_name_in_unrelated_sets_are_two(mien: Mien, base: Path, tmp_path: Path) -> None:
    """Drawn faces of another seed call their persons alike."""
    other = tmp_path / "other"
    assert mien("data", "draw", other, "--n", "160", "--size", "32", "--seed", "3").code == 0
    said = mien("correct", base, other, *QUICK, "--out", tmp_path / "p")
    assert said.code == 0 and "count as other people" in said.out and "left out" not in said.out
    found = provenance(tmp_path / "p")
    assert found["pictures"] == found["persons"] == 0 and found["namesakes"]


def test_a_picture_encoded_with_losses_is_another_picture(mien: Mien, base: Path, data: Path, tmp_path: Path) -> None:
    """The limit that docs/correcting.md names."""
    for path in data.glob("*/*.png"):
        Image.open(path).convert("L").save(path.with_suffix(".jpg"), quality=60)
        path.unlink()
    (data / "votes.csv").unlink()
    assert mien("correct", base, data, *QUICK, "--out", tmp_path / "p").code == 0
    assert provenance(tmp_path / "p")["pictures"] == 0


# discover


def test_discover_says_what_was_trained_on(mien: Mien, base: Path, foreign: Path, faces: Path, tmp_path: Path) -> None:
    flags = (*sorted(faces.glob("*/*.png")), "--clusters", "2", "--out", tmp_path / "found")
    said = mien("discover", base, *flags)
    known = len([path for path in pictures(faces).hashes.tolist() if path in learnt(faces)[0]])  # type: ignore[union-attr]
    assert said.code == 0 and f"was trained on {known} of them" in said.out
    assert json.loads((tmp_path / "found" / "found.json").read_text())["trained_on"] == known
    assert f"trained on {known} of the pictures" in (tmp_path / "found" / "index.html").read_text()
    assert "not recorded which" in mien("discover", foreign, *flags).out


def test_a_cluster_of_trained_on_pictures_corrects_nothing(
    mien: Mien, base: Path, faces: Path, data: Path, tmp_path: Path
) -> None:
    own = pictures(faces)
    seen = [own.paths[row] for row in split(own, 0).rows("train")[:30]]
    assert mien("discover", base, *seen, "--clusters", "1", "--share", "0.9", "--out", tmp_path / "found").code == 0
    add(data)
    said = mien("correct", base, data, *QUICK, "--found", f"{tmp_path / 'found'}:0", "--out", tmp_path / "p")
    said.refused(1, "--found", "trained on all pictures of the cluster")


# earlier versions


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A run and a patch made before training pictures were recorded, with a relative source."""
    return Path(shutil.copytree(EARLIER, tmp_path / "earlier"))


EARLIER_FLAGS = (
    *("--class", "happiness", "--corrector", "lda", "--budget", "0.9", "--delta", "0.4", "--no-keep-features"),
)


def test_an_earlier_run_is_corrected_as_it_was(
    mien: Mien, earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (earlier, tmp_path):
        monkeypatch.chdir(folder)
        place, source = earlier / "base", earlier / "pictures.csv"
        said = mien("correct", place, source, *EARLIER_FLAGS, "--out", tmp_path / f"{folder.name}.patch")
        assert said.code == 0 and "training data known" in said.out
        assert provenance(tmp_path / f"{folder.name}.patch")["sources"] == [str(source)]
        then, now = (
            np.load(patch / "calibration.npz")["ids"].tolist()
            for patch in (earlier / "happiness.patch", tmp_path / f"{folder.name}.patch")
        )
        assert then == now


def test_an_earlier_run_whose_data_changed(
    mien: Mien, earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (earlier / "pictures.csv").read_text().splitlines()
    more = earlier / "more.csv"
    more.write_text("\n".join([*table, table[1].replace(" 0 ", " 9 ")]) + "\n")
    monkeypatch.chdir(earlier)  # where the relative source is found
    said = mien("correct", "base", more, *EARLIER_FLAGS, "--out", tmp_path / "p")
    assert said.code == 0 and provenance(tmp_path / "p")["kind"] == "known", said
    assert not calibrated(tmp_path / "p", more)[0] & learnt(earlier / "pictures.csv")[0]
    monkeypatch.chdir(tmp_path)
    preparing.forget()
    said = mien("correct", earlier / "base", more, *EARLIER_FLAGS, "--out", tmp_path / "q")
    said.refused(2, "pictures.csv", "cannot be read from here", "--trained-on")
    flags = ("--trained-on", earlier / "pictures.csv")
    said = mien("correct", earlier / "base", more, *EARLIER_FLAGS, *flags, "--out", tmp_path / "q")
    assert said.code == 1 and "was trained on" in said.err  # all of them but one


def test_an_earlier_cell_in_another_run_is_unknown(mien: Mien, earlier: Path, tiny: Path, tmp_path: Path) -> None:
    """The folder around it may be any run."""
    other = Path(shutil.copytree(tiny, tmp_path / "other"))
    shutil.copytree(earlier / "base" / CELL, other / "cells" / "seed0" / "copied")
    place = other / "cells" / "seed0" / "copied"
    mien("correct", place, earlier / "pictures.csv", *EARLIER_FLAGS, "--out", tmp_path / "p").refused(2, "--trained-on")


def test_an_earlier_patch_still_opens(mien: Mien, earlier: Path) -> None:
    patch = earlier / "happiness.patch"
    said = mien("patch", "show", patch)
    assert said.code == 0 and "not recorded" in said.out and "holds only if none" in said.out
    assert json.loads(mien("patch", "show", patch, "--json").out)["provenance"]["kind"] == "unknown"
    assert mien("patch", "apply", patch, earlier / "base").code == 0
    assert provenance(earlier / "base" / CELL / "patch")["kind"] == "unknown"
