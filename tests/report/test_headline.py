"""The first sentences and tiles of the page: what they claim, and in what words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_study import make_study_run

from mien.experiments.tables import TABLES
from mien.report.study import page, tables
from mien.storage.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = make_study_run(tmp_path_factory.mktemp("headline"), (0,))
    tables.build(run)
    return run


def lead(run: Run) -> str:
    """The first sentences of the page."""
    text = re.search(r'<p class="lead">(.*?)</p>', page.render(run), re.DOTALL)
    assert text
    return re.sub(r"[ \n]+", " ", re.sub(r"<.*?>", "", text[1])).strip()


def with_policy(run: Run, **policy: object) -> Run:
    manifest = run.manifest()
    manifest["policy"] |= policy
    run.write_manifest(manifest)
    tables.build(run)
    return run


def test_headline_names_the_best_corrector_and_its_figures(run: Run) -> None:
    gains = {row["corrector"]: row for row in run.read_table(TABLES["summary"])}
    best = max(gains, key=lambda name: gains[name]["selection"])
    words = lead(run)
    assert best in words and "Seven classes" in words
    pooled = [
        row["harm"]
        for row in run.read_table(TABLES["certificates"])
        if row["group"] == "pooled" and row["corrector"] == best
    ]
    harm = sum(pooled) / len(pooled)  # what the budget is about, not the mean over classes
    own = [
        row
        for row in run.read_table(TABLES["restored"])
        if row["left_out"] == row["label"] and row["corrector"] == best
    ]
    full = sum(row["full_recall"] for row in own) / len(own)
    for figure in (gains[best]["mean_gain"], harm, full, gains[best]["mean_gain"] / full):
        share = 100 * figure
        assert (f"{share:.0f}" if share >= 9.95 else f"{share:.1f}") + "\u202f%" in words


def test_the_headline_tells_certified_silent_and_active_apart(tmp_path: Path) -> None:
    run = make_study_run(tmp_path, (0,), ("probe",))
    tables.build(run)
    table = run.read_table(TABLES["certificates"])

    def said(**changes: object) -> str:
        run.write_table(TABLES["certificates"], [{**row, **changes} for row in table])
        return lead(run)

    assert "is certified for each of them." in said(feasible=1, holds=1, in_force=1.0)
    words = said(feasible=0, holds=0, in_force=float("inf"))
    assert "is not certified for any; in all the calibration part is too small" in words and "silent" in words
    words = said(feasible=1, holds=1, in_force=float("inf"))
    assert "no threshold both keeps the budget and serves the aim" in words and "too small" not in words
    words = said(feasible=0, holds=0, in_force=0.4)
    assert "is not certified for any; in all the corrector overrides without a certificate." in words
    assert "silent" not in words
    words = said(feasible=1, holds=0, in_force=0.4)
    assert "overrides without" in words and "too small" not in words


def test_thresholds_are_called_certified_only_where_they_are(tmp_path: Path) -> None:
    run = make_study_run(tmp_path, (0,), ("probe",))
    assert "certified thresholds" in page.render(with_policy(run))
    html = page.render(with_policy(run, rule="balanced_accuracy"))
    assert "certified threshold" not in html and "overrides without a certificate" in html


@pytest.mark.parametrize(("action", "deed"), [("flag", "flagged"), ("abstain", "set aside")])
def test_what_is_no_answer_is_not_called_recognised(tmp_path: Path, action: str, deed: str) -> None:
    run = make_study_run(tmp_path, (0,), ("probe",))
    before = re.findall(r"[\d.]+\u202f%", lead(with_policy(run)))
    words = lead(with_policy(run, action=action))
    assert f"probe {deed} " in words and "it recognised" not in words
    assert re.findall(r"[\d.]+\u202f%", words) == before != []


def test_the_headline_is_of_the_corrector_in_force(run: Run) -> None:
    found = [
        row["restored_at_equal_harm_2"]
        for row in run.read_table(TABLES["ranking"])
        if row["corrector"] == "probe" and row["fitted_on"] == "fit"
    ]
    defined = [value for value in found if value == value]
    share = f"{100 * sum(defined) / len(defined):.0f}\u202f%"
    assert re.search(rf"<dt>P at 2\s% Harm</dt><dd[^>]*>{share}</dd>", page.render(run))
