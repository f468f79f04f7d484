"""Other machines: other devices and threads, systems without POSIX locks, packages that do not load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import QUICK, Mien

from mien.certify.policy import Policy
from mien.data.picture import ImageSettings
from mien.data.prepare import DataSettings
from mien.errors import RunError
from mien.experiments.settings import ClassifierSettings, CompareSettings
from mien.experiments.training.training import train as train_
from mien.experiments.treatments.comparison import compare
from mien.imbalance import get_treatment
from mien.nets.settings import TrainSettings, with_changes
from mien.storage.files import read_json, write_json
from mien.storage.first_edition import digest_then
from mien.storage.run import Run

FACES = "synthetic:n=120,size=16"
SHORT = ("--size", "16", "--epochs", "1", "--base", "oneconv")
VERBS = {
    "study": ("study", FACES, *SHORT, "--engine", "serial", "--no-retrained", "--corrector", "logistic"),
    "train": ("train", FACES, *SHORT),
    "audit": ("audit", FACES, *SHORT),
    "compare": ("compare", FACES, *SHORT[:4], "--models", "oneconv", "--treatments", "none", "--seeds", "0"),
}
WRONG = {
    "device": ("--device", "cuda:77"),
    "no memory": ("--device", "meta"),
    "base": ("--base", "atention"),
    "module": ("--base", "no.such.module:Name"),
    "class": ("--base", "mien.nets.settings:TrainSettings"),
    "config": ("--config", "gone.toml"),
    "precision": ("--precision", "float8"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_was_refused_leaves_nothing_behind(mien: Mien, tmp_path: Path, verb: str, wrong: str) -> None:
    flag, value = WRONG[wrong]
    flag = "--models" if (verb, flag) == ("compare", "--base") else flag
    out = tmp_path / "runs" / "out"
    mien(*VERBS[verb], "--out", out, flag, value).refused(2, flag)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", VERBS)
def test_a_corrected_command_goes_into_the_same_folder(mien: Mien, tmp_path: Path, verb: str) -> None:
    mien(*VERBS[verb], "--out", tmp_path / "out", "--device", "cuda:77").refused(2, "--device", "cpu")
    assert mien(*VERBS[verb], "--out", tmp_path / "out", "--device", "cpu").code == 0


def test_a_run_in_which_nothing_was_learnt_may_become_another(
    mien: Mien, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, verb in enumerate(("train", "compare")):
        out = tmp_path / verb
        with monkeypatch.context() as patch:
            patch.setattr("mien.nets.training._Loop.epoch", lambda loop: 1 / 0 if loop else None)
            assert mien(*VERBS[verb], "--batch-size", "32", "--out", out).code == 1
        assert (out / "run.json").exists(), number
        assert mien(*VERBS[verb], "--batch-size", "16", "--out", out).code == 0
        mien(*VERBS[verb], "--batch-size", "32", "--out", out).refused(1, "other training")


def test_threads_device_and_engine_make_no_other_run(mien: Mien, tmp_path: Path) -> None:
    for verb in ("study", "train", "compare"):
        out = tmp_path / verb
        assert mien(*VERBS[verb], "--threads", "2", "--out", out).code == 0
        weights = {path: path.stat().st_mtime_ns for path in out.rglob("model.safetensors")}
        for path in [*out.rglob("cell.json"), *out.rglob("answers-*.npz")]:
            path.unlink()
        engine = () if verb == "train" else ("--engine", "processes")
        again = tuple(word for word in VERBS[verb] if word not in ("--engine", "serial"))
        assert mien(*again, *engine, "--threads", "1", "--device", "cpu", "--out", out).code == 0
        assert weights == {path: path.stat().st_mtime_ns for path in out.rglob("model.safetensors")}


@pytest.mark.parametrize("kind", ["train", "compare"])
def test_a_run_of_an_earlier_version_goes_on_with_other_threads(tmp_path: Path, kind: str) -> None:
    """Earlier versions counted device and threads in, and hashed the text of the settings."""

    def done_with(train: TrainSettings) -> Run:
        data = DataSettings(FACES, size=16)
        if kind == "train":
            return train_(ClassifierSettings(data, train, base="oneconv"), tmp_path / "run")
        settings = CompareSettings(data, train, models=("oneconv",), treatments=("none",), seeds=(0,))
        return compare(settings, tmp_path / "run")

    then = TrainSettings(epochs=1, threads=2)
    done = done_with(then)
    manifest, images = done.manifest(), ImageSettings(16)
    [card] = done.path("cells").rglob("model.json")
    of_data = (manifest["data"]["fingerprint"], manifest["splits"]["0"], images)
    trained, key = (then, "full") if kind == "train" else (with_changes(then, get_treatment("none").train), "none")
    stored = digest_then(*of_data, trained, 0, key)
    write_json(card, {**read_json(card), "training": stored})
    if kind == "compare":
        done.write_manifest({**manifest, "training": digest_then(then, Policy(aim="gain"), 101, images)})
    [weights] = done.path("cells").rglob("model.safetensors")
    before = weights.stat().st_mtime_ns
    for threads in (1, 3):
        for path in [*done.path("cells").rglob("cell.json"), *done.path("cells").rglob("answers-*.npz")]:
            path.unlink()
        done_with(TrainSettings(epochs=1, threads=threads))
        assert weights.stat().st_mtime_ns == before
    with pytest.raises(RunError, match="other training"):
        done_with(TrainSettings(epochs=2, threads=2))


WITHOUT_FCNTL = """
import sys
sys.modules["fcntl"] = None
import mien
from pathlib import Path
from mien.cli import run
from mien.data.review_files import read
from mien.data.reviews import Review, append
mien.DataSettings
folder = Path(sys.argv[1])
append(folder / "reviews.jsonl", Review("a", "fear"))
append(folder / "reviews.jsonl", Review("b", "fear"))
assert len(read(folder / "reviews.jsonl").reviews) == 2
faces = str(folder / "faces")
for command in (
    ["data", "draw", faces, "--n", "60", "--size", "16"],
    ["data", "inspect", faces],
    ["train", faces, "--size", "16", "--epochs", "1", "--base", "oneconv", "--out", str(folder / "run")],
    ["audit", faces, "--size", "16", "--epochs", "1", "--base", "oneconv", "--out", str(folder / "audit")],
):
    assert run(command) == 0, command
"""


def test_a_system_without_fcntl(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FCNTL, str(tmp_path)], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"audit", "faces", "reviews.jsonl", "run"}
    assert not list(tmp_path.rglob("*.held"))


BROKEN = "raise OSError('libgomp.so.1: cannot open shared object file: No such file or directory')"
NO_OPENMP = "class XGBoostError(ValueError): ...\nraise XGBoostError('libxgboost.so could not be loaded: OpenMP')"


@pytest.mark.parametrize(
    ("package", "source", "command", "words"),
    [
        ("xgboost", BROKEN, "study", ("xgboost", "libgomp", "OpenMP", "another corrector")),
        ("xgboost", NO_OPENMP, "study", ("xgboost", "OpenMP", "another corrector")),
        ("lightgbm", BROKEN, "study", ("lightgbm", "libgomp", "another corrector")),
        ("imblearn", "import no_such_dependency", "compare", ("imbalanced-learn", "no_such_dependency")),
        ("torch", BROKEN, "train", ("torch", "libgomp", "install")),
        ("sklearn", BROKEN, "study", ("sklearn", "libgomp", "install")),
        ("matplotlib", "raise RuntimeError('no font')", "report", ("matplotlib", "no font")),
        ("imagehash", BROKEN, "near", ("ImageHash", "libgomp")),
        ("fastapi", "raise TypeError('pydantic')", "review", ("fastapi", "pydantic")),
    ],
)
def test_a_package_that_does_not_load_is_named(
    finished: Path, tmp_path: Path, package: str, source: str, command: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{package}.py").write_text(source)
    out = tmp_path / "out"
    corrector = package if package in ("xgboost", "lightgbm") else "logistic"
    commands = {
        "study": ("study", FACES, *QUICK[:6], "--corrector", corrector, "--out", out),
        "train": ("train", FACES, *SHORT, "--out", out),
        "compare": ("compare", FACES, "--treatments", "none,smote", "--out", out),
        "report": ("report", finished),
        "near": ("data", "inspect", FACES, "--near"),
        "review": ("review", finished),
    }
    paths = os.pathsep.join([str(tmp_path / "broken"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "mien", *map(str, commands[command])], capture_output=True, text=True, timeout=200,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 1 and not out.exists(), done
    assert "fault in mien" not in done.stderr and "disk" not in done.stderr and "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
