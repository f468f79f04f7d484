"""Every benchmark runs in its quick form, on drawn faces, and writes a result in the agreed form."""

import argparse
import importlib
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mien.errors import UsageError

FOLDER = Path(__file__).parent.parent / "benchmarks"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
}
COMMANDS = {
    "correction": ["benchmarks.correction.run", "--quick", "--data", "synthetic:n=800"],
    "base": [
        "benchmarks.bases.run",
        "--quick",
        "--data",
        "synthetic:n=1500",
        "--recipes",
        "attention,drawn faces first",
    ],
    "speed": ["benchmarks.speed.run", "--quick", "--data", "synthetic:n=500"],
    "watch": ["benchmarks.watch.run", "--quick"],
    "foreign": ["benchmarks.foreign.run", "--quick", "--only", "digits,speed"],
    "video": ["benchmarks.serving.video", "--quick"],
    "serving": ["benchmarks.serving.run", "--quick", "--only", "swaps,verdicts"],
}
KEYS = {
    "correction": {
        "mean_auroc",
        "mean_gain_at_harm_2",
        "paper_mean_auroc",
        "budget_violations",
        "digits_lda_gain_at_harm_2",
    }
    | {"adapter_time_share", "macro_recall_corrected", "few_lda_5_auroc"},
    "base": {"accuracy", "macro_recall", "attention_accuracy", "attention_macro_recall"},
    "speed": {"train_ratio", "inference_ratio", "help_seconds", "faces_per_second", "peak_share", "start_seconds"}
    | {"same_answers_engines", "same_answers_reading_threads", "same_answers_training_threads"},
    "watch": {f"delay_{harm}x_{unit}" for harm in (2, 3, 5) for unit in ("pictures", "verdicts")}
    | {"delay_3x_after_quiet_5000", "delay_3x_after_quiet_50000", "false_alarms", "certified_after_ratio"}
    | {"false_certificates", "bound_too_low", "shift_false_warnings", "update_ms", "state_bytes"},
    "foreign": {"digits_estimator_gain_at_harm_2", "digits_onnx_gain_at_harm_2", "digits_decisions_that_differ"}
    | {
        "scoring_ratio",
        "scoring_ceiling",
        "patched_share",
        "patched_share_logistic",
        "scoring_ratio_all_cores",
        "onnx_over_torch",
    },
    "video": {"video_fps", "video_memory_growth"},
    "serving": {"failed", "mixed", "f_changed", "swap_ms", "memory_growth", "verdicts_lost"},
}
NEEDS = {"foreign": ("onnxruntime", "skl2onnx"), "video": ("av", "onnx", "retinaface"), "serving": ("onnx", "uvicorn")}
"""Optional packages of a benchmark."""


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
@pytest.mark.parametrize("name", COMMANDS)
def test_it_runs_and_says_what_it_found(name: str, tmp_path: Path) -> None:
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    script, *flags = COMMANDS[name]
    command = [sys.executable, "-m", script, *flags, "--json", "found.json"]
    environment = {**ENVIRONMENT, "MIEN_CACHE": str(tmp_path / "cache"), "MIEN_DATA": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "found.json").read_text())
    assert set(result) - {"parts"} == {"figures", "tables", "data", "settings", "machine", "commit", "seconds"}
    assert KEYS[name] <= set(result["figures"])
    for figure in result["figures"].values():
        assert set(figure) == {"value", "low", "high", "n", "seeds"}
        undefined = all(math.isnan(figure[key]) for key in ("value", "low", "high"))
        assert undefined or figure["low"] <= figure["value"] <= figure["high"]
    assert result["settings"]["quick"] is True
    assert all(title in done.stdout for title in result["tables"])


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_a_flag_that_names_no_data_is_said_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.speed.run", "--quick", "--data", "nowhere"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nowhere" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_parts_of_faces_ask_for_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in NEEDS["foreign"]:
        pytest.importorskip(package)
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    monkeypatch.setattr(sys, "argv", ["run", "--quick", "--only", "digits,valid"])
    with pytest.raises(UsageError) as caught:
        importlib.import_module("benchmarks.foreign.run").run()
    assert "--model" in caught.value.remedy and "digits" in caught.value.remedy


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_the_benchmark_of_labels_runs_on_real_faces(real_data: Path, tmp_path: Path) -> None:
    parts = ["--seeds", "0", "--json", "found.json"]
    command = [sys.executable, "-m", "benchmarks.labels.run", "--quick", "--data", str(real_data / "ferplus"), *parts]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "found.json").read_text())["figures"]
    for mode in ("blind", "seeded", "votes"):
        assert all(0 <= figures[f"{mode}_{key}"]["value"] <= 1 for key in ("auroc", "ap", "within_auroc"))
    assert {"ece_votes", "ece_plurality", "accuracy_gain_blind", "accuracy_gain_seeded"} <= set(figures)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_the_figures_of_classifiers_from_elsewhere_are_those_of_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    page = importlib.import_module("benchmarks.foreign.page")
    result = json.loads((FOLDER / "results" / "foreign.json").read_text(encoding="utf-8"))
    assert page.PAGE.read_text(encoding="utf-8") == page.text(result)
    assert page.demonstration(result) in page.README.read_text(encoding="utf-8") and page.IMAGE.is_file()


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_the_page_of_the_watch_is_what_its_command_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    page = importlib.import_module("benchmarks.watch.page")
    written = page.PAGE.read_text(encoding="utf-8")
    assert written == page.text(*page.results())
    names = re.findall(r"\]\((images/[^)]+)\)", written)
    assert len(names) == 3 and all((page.PAGE.parent / name).is_file() for name in names)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_the_page_of_serving_is_what_its_command_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    page = importlib.import_module("benchmarks.serving.page")
    assert page.PAGE.read_text(encoding="utf-8") == page.text(*page.results())


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_a_part_made_anew_leaves_the_other_parts_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    common = importlib.import_module("benchmarks.common")
    options = argparse.Namespace(json=tmp_path / "found.json", quick=False, seeds=(0,))

    def made(value: float, *parts: str, data: str = "a") -> dict[str, Any]:
        result = common.Result("found", options)
        for part in parts:
            with result.part(part):
                result.table(f"{part} table", [{"value": value}])
                result.figures[part] = common.Figure.over([value], 1)
        result.write({"fingerprint": data})
        found: dict[str, Any] = json.loads(options.json.read_text())
        return found

    made(1.0, "first", "second")
    found = made(2.0, "second")
    assert {key: figure["value"] for key, figure in found["figures"].items()} == {"first": 1.0, "second": 2.0}
    assert found["tables"]["first table"] == [{"value": 1.0}] and set(found["parts"]) == {"first", "second"}
    assert set(made(3.0, "second", data="other")["parts"]) == {"second"}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_the_benchmark_of_unbalanced_classes_runs_on_real_faces(real_data: Path, tmp_path: Path) -> None:
    sets = ["--data", str(real_data / "ferplus"), "--legend", str(real_data / "emotion_detection")]
    command = [sys.executable, "-m", "benchmarks.imbalance.run", "--quick", *sets, "--only"]
    done = subprocess.run(
        [*command, "treatments,models,longer,combined,neighbours,failures", "--json", "found.json"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tables = json.loads((tmp_path / "found.json").read_text())["tables"]
    assert {title.partition(":")[0] for title in tables} == {
        "ferplus",
        "emotion_detection",
        "Nearest neighbours, macro recall on calibrate",
    }
    assert len(tables) == 20 and all(tables.values())


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmarks are not part of the wheel")
def test_other_classes_have_a_result_and_trainings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER.parent))
    common, correction, trained, page = (
        importlib.import_module(f"benchmarks.{name}")
        for name in ("common", "correction.run", "correction.trained", "bases.page")
    )
    tenths = [common.tenth(profile) for profile in ("raf", "affectnet", "affectnet:12000", "fear=50,calm=4")]
    assert tenths == ["raf:1533", "affectnet:1533", "affectnet:1200", "fear=5,calm=1"]
    assert common.settings_of("synthetic", quick=True).class_counts == "raf:1533"
    names = {
        (base, profile): correction.name_of(argparse.Namespace(base=base, class_counts=profile))
        for base in ("attention", "residual") for profile in ("raf", "affectnet:9000", "fear=50")
    }  # fmt: skip
    assert names["attention", "raf"] == "correction" and names["residual", "raf"] == "correction-residual"
    assert names["residual", "affectnet:9000"] == "correction-residual-affectnet"
    assert len(set(names.values())) == 6
    usual, other = (
        trained.Task("synthetic", None, False, "attention", 0, class_counts=each) for each in ("raf", "a=1")
    )
    assert usual.folder != other.folder
    about = {"data": {"name": "faces", "classes": {"fear": 3}, "parts": {"train": 3}}}
    assert "RAF-DB's class profile" in page.described({**about, "settings": {}})
    assert "AffectNet's shares" in page.described({**about, "settings": {"class profile": "affectnet:9000"}})
