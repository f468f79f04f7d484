"""A folder of drawn faces, a tiny study of it, and a way to call mien and hear what it says."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mien.cli import run

QUICK = ("--epochs", "1", "--size", "32", "--engine", "serial", "--no-retrained", "--corrector", "logistic")


@dataclass(frozen=True)
class Said:
    """What a call left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> None:
        """It failed with this code, and the message has the words, a remedy, and no trace of a fault."""
        assert self.code == code, self
        for word in words:
            assert word in self.err
        assert "Traceback" not in self.err and "fault in mien" not in self.err
        assert "→" in self.err or "Try 'mien" in self.err


class Mien:
    """mien in this process: ``mien("data", "inspect", path)``."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> Said:
        self.capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Said(code, *self.capsys.readouterr())


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded pictures go where the tests' other files go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn faces as class folders."""
    folder = tmp_path_factory.mktemp("drawn") / "faces"
    assert run(["data", "draw", str(folder), "--n", "160", "--size", "32"]) == 0
    return folder


@pytest.fixture(scope="session")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a study that leaves happiness out. Read it only."""
    folder = tmp_path_factory.mktemp("runs") / "study"
    assert run(["study", str(faces), *QUICK, "--classes", "happiness", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run folder, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "study"))


@pytest.fixture
def again(faces: Path) -> tuple[str, ...]:
    """The arguments of the study in `finished`, less --out."""
    return ("study", str(faces), *QUICK, "--classes", "happiness")


QUICK_PATCH = ("--corrector", "lda", "--budget", "0.3", "--delta", "0.3", "--aim", "gain")


@pytest.fixture(scope="session")
def trained(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a trained base classifier. Read it only."""
    folder = tmp_path_factory.mktemp("runs") / "base"
    assert run(["train", str(faces), "--epochs", "4", "--size", "32", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def patched(trained: Path, faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patch for it. Read it only."""
    folder = tmp_path_factory.mktemp("patches") / "sadness.patch"
    assert run(["correct", str(trained), str(faces), "--class", "sadness", *QUICK_PATCH, "--out", str(folder)]) == 0
    return folder
