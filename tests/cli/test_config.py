"""--config: a file of settings, read as the flags would be."""

import json
from pathlib import Path

import pytest
from conftest import Mien

from mien.nets.settings import recipe


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("epoch = 3", "did you mean 'epochs'"),
        ("[train]\nepochs = 3", "setting 'train' is not known"),
        ("data = 'faces'", "setting 'data' is not known"),
        ("config = 'other.toml'", "setting 'config' is not known"),
        ("epochs = ", "flag = value"),
        ("epochs = 3\nepochs = 4", "flag = value"),
        ("epochs = 2.5", "--epochs"),
        ("epochs = true", "--epochs"),
        ("epochs = [1, 2]", "--epochs"),
        ("epochs = 0", "--epochs"),
        ("seeds = [0.5]", "--seeds"),
        ("seeds = [[1]]", "--seeds"),
        ("colour = 'maybe'", "--colour"),
        ("corrector = ['logistik']", "did you mean 'logistic'"),
        ("learning_rate = nan", "--learning-rate"),
    ],
)
def test_wrong_files_are_bad_usage(mien: Mien, tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    mien("study", "synthetic:n=60", "--config", path, "--out", tmp_path / "run").refused(2, word)


def test_a_file_that_is_none(mien: Mien, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml"):
        mien("study", "synthetic:n=60", "--config", path).refused(2, str(path))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    mien("study", "synthetic:n=60", "--config", tmp_path / "binary.toml").refused(2, "binary.toml")
    (tmp_path / "deep.toml").write_text("epochs = " + "[" * 100_000)
    mien("study", "synthetic:n=60", "--config", tmp_path / "deep.toml").refused(2, "deep.toml")


def test_flags_win_over_the_file(mien: Mien, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('size = 16\nresize_mode = "crop"\njson = true\nclass-counts = "happiness=20,neutral=10"\n')
    said = mien("data", "inspect", "synthetic:n=120", "--config", path, "--class-counts", "happiness=15,neutral=5")
    assert said.code == 0
    assert json.loads(said.out)["classes"] == {"happiness": 15, "neutral": 5}


def test_a_base_has_its_own_recipe_and_what_was_given_wins_over_it(mien: Mien, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("augment_cutmix = 0.5\n")
    out = tmp_path / "run"
    said = mien(
        "train", "synthetic:n=200,size=16", "--base", "residual", "--epochs", "1", "--config", path, "--out", out
    )
    assert said.code == 0, said.err
    train = json.loads((out / "run.json").read_text())["settings"]["train"]
    own = recipe("residual")
    assert own.augment.mixup > 0 and own.augment.cutmix != 0.5 and own.epochs > 1
    assert (train["epochs"], train["augment"]["cutmix"], train["augment"]["mixup"]) == (1, 0.5, own.augment.mixup)
