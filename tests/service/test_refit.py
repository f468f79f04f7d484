"""A refit from a store to the folder of patches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from serving import Bars, make_patches, pictures, png

from mien.deploy.opening import load_patch
from mien.errors import UsageError
from mien.service.patches import PatchFolder
from mien.service.refit import put, refit, rests_on
from mien.service.settings import ServeSettings
from mien.service.store import DecisionRow, LogEntry, Store, open_store

ALL = ServeSettings(keep="crop", audit=1.0)


def filled(store: Store, count: int = 1200, chance: float | None = 1.0) -> None:
    """Answers of the classifier alone, all with verdicts."""
    images, labels = pictures(count, 11)
    from mien.classifiers.contract import Batch

    answers = Bars().outputs(Batch(images)).predicted
    names = ("upper", "middle", "lower")
    store.add(
        [
            DecisionRow(prediction=f"p{row}", time=row, base=names[answer], final=names[answer], chance=chance)
            for row, answer in enumerate(answers.tolist())
        ],
        pictures={f"p{row}": png(image) for row, image in enumerate(images)},
    )
    with store._writing(1) as connection:
        from mien.service.store.tables import verdicts

        rows = [{"prediction": f"p{row}", "label": label, "time": row, "who": ""} for row, label in enumerate(labels)]
        connection.execute(verdicts.insert(), rows)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with verdicts on all of 1,200 draws. Read it only."""
    path = tmp_path_factory.mktemp("verdicts") / "store.db"
    with open_store(path) as store:
        filled(store)
    return path


def test_a_refit_without_a_patch_in_force(verdicts: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    with open_store(verdicts) as store:
        patches = PatchFolder(tmp_path / "patches", Bars())
        outcome = refit(store, patches, "none", ALL, stages.append)
    assert outcome.better and outcome.patch and outcome.sample == "draws" and outcome.previous == ""
    assert (outcome.until, outcome.verdict) == (1200, 1200)
    assert outcome.name == f"verdicts-{time.strftime('%Y-%m-%d')}"
    [listed] = patches.listed()
    assert listed.reference == outcome.reference and listed.id == outcome.patch and listed.problem == ""
    patch = load_patch(listed.folder, Bars())
    assert patch.certificate.holds and patch.certificate.training == "known" and "lower" in patch.targets
    assert patch.about["verdicts"]["sample"] == "draws"
    content = outcome.content
    assert content["comparison"]["recall"]["lower"][1] > 0.9 and content["until"] == 1200 and content["holds"]
    assert stages[0] == "reading verdicts" and stages[-1] == "writing the patch"
    assert [path.name for path in (tmp_path / "patches").iterdir()] == [f"{outcome.name}.patch"]


def test_what_is_proposed_is_the_patch_that_is_loaded(verdicts: Path, tmp_path: Path) -> None:
    """The same evidence gives the same patch."""
    with open_store(verdicts) as store:
        first, second = (refit(store, PatchFolder(tmp_path / name, Bars()), "none", ALL) for name in "ab")
    assert first == second


def test_no_sample_no_patch(tmp_path: Path) -> None:
    patches = PatchFolder(tmp_path / "patches", Bars())
    with open_store(tmp_path / "store.db") as store:
        assert refit(store, patches, "none", ALL).words == "no patch: verdicts: no picture has a verdict and is kept"
        filled(store, 300, chance=None)
        outcome = refit(store, patches, "none", ALL)
    assert "no random sample" in outcome.words and outcome.patch == "" and not outcome.better
    assert outcome.verdict == 300 and outcome.certificate is None and patches.listed() == []


def test_labelled_data_certify_verdicts_that_are_no_sample(tmp_path: Path) -> None:
    for name, seed, count in (("faces", 31, 900), ("old", 32, 30)):
        for number, (image, label) in enumerate(zip(*pictures(count, seed), strict=True)):
            (tmp_path / name / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / label / f"{number}.png").write_bytes(png(image))
    patches = PatchFolder(tmp_path / "patches", Bars())
    given = ServeSettings(keep="crop", data=str(tmp_path / "faces"), trained_on=(str(tmp_path / "old"),))
    with open_store(tmp_path / "store.db") as store:
        filled(store, 300, chance=None)
        outcome = refit(store, patches, "none", given)
        unknown = refit(store, patches, "none", replace(given, trained_on=("unknown",)))
    assert outcome.better and outcome.sample == "data" and "stated by the user" in outcome.words
    patch = load_patch(patches.listed()[0].folder, Bars())
    assert patch.provenance.kind == "stated" and patch.about["data"]["source"] == str(tmp_path / "faces")
    assert patch.about["verdicts"]["learnt_from"] > 300 + 200
    assert unknown.patch == "" and "training data unknown" in unknown.words


def test_labelled_data_that_cannot_be_used_are_named_and_verdicts_suffice(verdicts: Path, tmp_path: Path) -> None:
    with open_store(verdicts) as store:
        settings = ServeSettings(keep="crop", data=str(tmp_path / "nothing"), trained_on=("unknown",))
        outcome = refit(store, PatchFolder(tmp_path / "patches", Bars()), "none", settings)
    assert outcome.better and outcome.sample == "draws"
    assert outcome.words.endswith(f"; labelled data play no role: {tmp_path / 'nothing'}: no such file or folder")


def test_patches_are_never_written_over_others(tmp_path: Path) -> None:
    make_patches(tmp_path)
    patches = PatchFolder(tmp_path, Bars())
    patch = patches.load("first").patch
    assert patch is not None
    before = (tmp_path / "first.patch" / "patch.json").read_bytes()
    (tmp_path / ".refit-killed").mkdir()
    today = time.strftime("%Y-%m-%d")
    names = [put(patch, patches, name) for name in ("first", "first", f"first-{today}", f"first-{today}-2", "second")]
    assert names == [f"first-{today}{number}" for number in ("", "-2", "-3", "-4")] + [f"second-{today}"]
    assert (tmp_path / "first.patch" / "patch.json").read_bytes() == before
    assert not list(tmp_path.glob(".refit-*")) and all(each.problem == "" for each in patches.listed())
    with pytest.raises(UsageError, match="has no place"):
        put(patch, PatchFolder(None, Bars()), "first")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_patches(tmp_path)
    patches = PatchFolder(tmp_path, Bars())
    patch = patches.load("first").patch
    assert patch is not None

    def stop(*_: object) -> Callable[[], None]:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.service.refit._renamed", stop)
    with pytest.raises(KeyboardInterrupt):
        put(patch, patches, "first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.patch", "second.patch"]


def test_draws_that_a_patch_rests_on_are_known_from_the_log() -> None:
    def entry(action: str, patch: str, until: int | None = None) -> LogEntry:
        return LogEntry(action=action, patch=patch, certificate=None if until is None else {"until": until})

    log = [entry("start", "made by hand", None), entry("propose", "a", 70), entry("propose", "b", 90)]
    assert rests_on(log) == 0
    log += [entry("swap", "a", None), entry("roll back", "made by hand")]
    assert rests_on(log) == 70
    assert rests_on([*log, entry("swap", "b")]) == rests_on(log, ["", "b"]) == 90
