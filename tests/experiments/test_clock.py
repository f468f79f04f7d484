"""What stages cost, kept on disk."""

from pathlib import Path

import pytest

from mien.experiments.clock import Clock


def test_stages_are_kept_and_read_back(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "seconds.json")
    with clock.stage("extract", 7):
        pass
    clock.set("train", 1.23456, 100)
    assert Clock(tmp_path / "seconds.json").costs() == clock.costs()
    assert clock.costs()["seconds"]["train"] == 1.235
    assert clock.costs()["pictures"] == {"extract": 7, "train": 100}


def test_a_stage_that_fails_has_no_cost(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "seconds.json")
    with pytest.raises(ZeroDivisionError), clock.stage("extract", 7):
        raise ZeroDivisionError
    assert not (tmp_path / "seconds.json").exists()
