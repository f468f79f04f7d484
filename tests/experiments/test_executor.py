"""Engines: the ways to do the cells of a run."""

from pathlib import Path

import pytest

from mien.data.prepare import DataSettings
from mien.errors import UsageError
from mien.experiments.executor import ENGINES, engine
from mien.experiments.leave_one_out.study import run
from mien.experiments.settings import CompareSettings, StudySettings
from mien.experiments.treatments.comparison import compare


def test_each_does_all_tasks() -> None:
    polled: list[int] = []
    for name in ENGINES:
        engine(name)(abs, [1, 2], lambda: polled.append(1))
    assert polled


@pytest.mark.parametrize("name", ["ray", "", "proceses"])
def test_an_unknown_one_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    data = DataSettings("synthetic:n=60,size=16", size=16)
    with pytest.raises(UsageError, match="choose from: processes, serial"):
        engine(name)
    with pytest.raises(UsageError):
        run(StudySettings(data), tmp_path / "run", engine_name=name)
    with pytest.raises(UsageError):
        compare(CompareSettings(data), tmp_path / "run", engine_name=name)
    assert not list(tmp_path.iterdir())
