"""mien watch: logs and verdicts in, the standing of a promise out; an alarm ends with 3 and may restrain the patch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Mien, Said

from mien import open as open_classifier

Write = Callable[..., tuple[Path, Path]]
ALARM = 3
LIMIT = ("--limit", "0.02")


@pytest.fixture
def folder(patched: Path, tmp_path: Path) -> Path:
    """A copy of the patch, to be watched."""
    return Path(shutil.copytree(patched, tmp_path / "sadness.patch"))


@pytest.fixture
def patch_id(folder: Path) -> str:
    return str(json.loads((folder / "patch.json").read_text())["id"])


@pytest.fixture
def write(tmp_path: Path, patch_id: str) -> Write:
    """Write a log and its verdicts: overrides at random, of which `spoilt` were right answers."""

    def made(
        name: str, count: int, spoilt: int, *, overridden: int = 60, day: int = 1, **more: Any
    ) -> tuple[Path, Path]:
        rng = np.random.default_rng(count + spoilt)
        chosen = np.sort(rng.choice(count, overridden, replace=False)).tolist()
        lost = set(rng.choice(chosen, spoilt, replace=False).tolist())
        rows = [
            {"file": f"{name}-{row}", "label": "happiness", "corrected": "sadness" if row in chosen else "happiness",
             "overridden": row in chosen, "patch": patch_id,
             "time": f"2026-01-{day:02d}T{row // 3600 % 24:02d}:{row // 60 % 60:02d}:{row % 60:02d}Z"} | more
            for row in range(count)
        ]  # fmt: skip
        log, verdicts = tmp_path / f"{name}.jsonl", tmp_path / f"{name}.csv"
        log.write_text("".join(json.dumps(row) + "\n" for row in rows))
        labels = (f"{name}-{row},{'happiness' if row in lost else 'sadness'}\n" for row in chosen)
        verdicts.write_text("id,label\n" + "".join(labels))
        return log, verdicts

    return made


def figures(said: Said) -> dict[str, Any]:
    return dict(json.loads(said.out))


def test_a_watch_of_what_predict_logged(mien: Mien, trained: Path, faces: Path, folder: Path, tmp_path: Path) -> None:
    for form in ([], ["--csv"]):
        log = tmp_path / "log"
        log.write_text(mien("predict", faces, "--run", trained, "--patch", folder, *form).out)
        verdicts = tmp_path / "verdicts.csv"
        rows = [(path, path.parent.name) for path in sorted(faces.glob("*/*.png"))]
        verdicts.write_text("file,label\n" + "".join(f"{path},{name}\n" for path, name in rows))
        shown = figures(mien("watch", folder, log, verdicts, "--json", "--fresh"))
        assert (shown["images"], shown["open"], shown["problems"]["counts"]) == (160, 0, {})
        assert shown["overridden"] > shown["harmed"] and shown["standing"] != "alarm" and shown["lower"] >= 0


def test_the_log_of_predict_has_old_and_new_columns(
    mien: Mien, trained: Path, faces: Path, folder: Path, patch_id: str
) -> None:
    as_json = mien("predict", faces / "fear", "--run", trained, "--patch", folder)
    for line in as_json.out.splitlines():
        row = json.loads(line)
        assert list(row)[:6] == ["file", "status", "label", "corrected", "overridden", "probabilities"]
        assert row["patch"] == patch_id and row["time"].endswith("Z")
        assert row["overridden"] == (row["score"] > row["threshold"])
    header = mien("predict", faces / "fear", "--run", trained, "--patch", folder, "--csv").out.splitlines()[0]
    assert header.startswith("file,status,label,corrected,overridden,") and header.endswith(
        ",error,patch,score,threshold,time"
    )


def test_a_kept_promise_is_certified(mien: Mien, folder: Path, write: Write) -> None:
    said = mien("watch", folder, *write("a", 2000, 3), *LIMIT)
    assert said.code == 0 and said.out.startswith("certified") and not said.err
    assert "3 of 2,000 pictures" in said.out and "60 of 60 overrides, 0 open" in said.out
    shown = mien("patch", "show", folder)
    assert "watch      certified: with 95 % confidence" in shown.out and "what is certified" in shown.out


def test_a_broken_promise_is_an_alarm_with_its_time(mien: Mien, folder: Path, write: Write) -> None:
    quiet, later = write("a", 1000, 2), write("b", 600, 45, day=2)
    assert mien("watch", folder, *quiet, *LIMIT).code == 0
    said = mien("watch", folder, *later)
    assert said.code == ALARM and said.out.startswith("alarm") and "raised after picture 1,3" in said.out
    assert "2026-01-02" in said.out and "lost a right answer since picture" in said.out
    assert mien("watch", folder).code == ALARM  # with nothing new
    assert "watch      alarm" in mien("patch", "show", folder).out


def test_logs_may_be_thrown_away_and_come_in_any_order(mien: Mien, folder: Path, write: Write) -> None:
    first, second = write("a", 700, 4), write("b", 500, 9, day=2)
    whole = figures(mien("watch", folder, *first, *second, *LIMIT, "--json", "--fresh"))
    for calls in (
        [first[::-1], second],
        [second, first],
        [(first[0],), (second[0],), (second[1],), (first[1],), first],
    ):
        mien("watch", folder, "--fresh", *LIMIT)
        for call in calls:
            parts = figures(mien("watch", folder, *call, "--json"))
        same = {key: value for key, value in parts.items() if key not in ("problems", "report")}
        assert same == {key: whole[key] for key in same}


def test_late_verdicts_leave_overrides_open_until_a_deadline(mien: Mien, folder: Path, write: Write) -> None:
    log, verdicts = write("a", 2000, 0)
    newer, _ = write("b", 100, 0, day=9)
    open_ones = figures(mien("watch", folder, log, newer, *LIMIT, "--json"))
    assert (open_ones["open"], open_ones["harmed"], open_ones["standing"]) == (120, 0, "quiet")
    strict = mien("watch", folder, "--deadline", "7", "--json")
    assert strict.code == ALARM and (figures(strict)["open"], figures(strict)["harmed"]) == (60, 60)
    kept = figures(mien("watch", folder, verdicts, "--json"))  # the deadline is as at the last call
    assert (kept["open"], kept["harmed"], kept["deadline"]) == (60, 0, 7)


def predicted(mien: Mien, trained: Path, faces: Path, folder: Path) -> tuple[list[dict[str, Any]], str]:
    said = mien("predict", faces, "--run", trained, "--patch", folder)
    assert said.code == 0
    return [json.loads(line) for line in said.out.splitlines()], said.err


def test_an_alarm_may_leave_only_flags_or_silence_and_fresh_lifts_it(
    mien: Mien, trained: Path, faces: Path, folder: Path, write: Write
) -> None:
    files = write("a", 400, 40)
    before, _ = predicted(mien, trained, faces, folder)
    touched = {row["file"] for row in before if row["overridden"]}
    assert touched

    assert mien("watch", folder, *files, *LIMIT).code == ALARM  # keep is the default
    assert predicted(mien, trained, faces, folder)[0][0]["patch"] == before[0]["patch"]

    assert mien("watch", folder, "--on-alarm", "flag").code == ALARM
    rows, note = predicted(mien, trained, faces, folder)
    assert note.count("only flags since an alarm of its watch: 40 of 3") == 1
    assert {row["file"] for row in rows if row["overridden"]} == touched
    assert all(row["corrected"] == row["label"] for row in rows)
    assert {row["patch"] for row in rows} == {before[0]["patch"]}

    assert mien("watch", folder, "--on-alarm", "silence").code == ALARM
    rows, note = predicted(mien, trained, faces, folder)
    assert "is silent" in note and not any(row["overridden"] for row in rows)
    assert all(row["threshold"] is None for row in rows)
    assert mien("watch", folder).code == ALARM and "is silent" in mien("patch", "show", folder).out
    base = Path(shutil.copytree(trained, folder.parent / "base"))
    mien("patch", "apply", folder, base).refused(1, "is silent", "--fresh")

    assert mien("watch", folder, "--fresh").code == 0
    rows, note = predicted(mien, trained, faces, folder)
    assert {row["file"] for row in rows if row["overridden"]} == touched and "alarm" not in note
    assert mien("patch", "apply", folder, base).code == 0
    assert mien("watch", base, *files, "--on-alarm", "silence", *LIMIT).code == ALARM
    assert mien("predict", faces / "fear", "--run", base).err.count("is silent") == 1


@pytest.mark.parametrize("name", ["watch.json", "decisions.npz"])
@pytest.mark.parametrize("damage", ["edited", "cut", "empty", "gone"])
def test_a_state_that_was_edited_or_cut_is_named_and_not_believed(
    mien: Mien,
    trained: Path,
    faces: Path,
    folder: Path,
    write: Write,
    name: str,
    damage: str,
) -> None:
    files = write("a", 400, 40)
    assert mien("watch", folder, *files, *LIMIT, "--on-alarm", "silence").code == ALARM
    path = folder / "watch" / name
    whole = path.read_bytes()
    edited = (
        whole.replace(b'"standing": "alarm"', b'"standing": "certified"') if name == "watch.json" else bytearray(whole)
    )
    if isinstance(edited, bytearray):
        edited[300] ^= 1
    contents = {"edited": bytes(edited), "cut": whole[: len(whole) // 2], "empty": b""}
    path.unlink() if damage == "gone" else path.write_bytes(contents[damage])
    mien("watch", folder).refused(1, name, "mien watch --fresh on all logs")
    if name == "watch.json":  # what is in force is unknown
        mien("predict", faces / "fear", "--run", trained, "--patch", folder).refused(1, name)
        mien("patch", "show", folder).refused(1, name)
    assert mien("watch", folder, *files, "--fresh", *LIMIT).code == ALARM


def test_the_watch_of_another_patch_is_not_believed(mien: Mien, folder: Path, write: Write) -> None:
    mien("watch", folder, *write("a", 400, 0), *LIMIT)
    summary = json.loads((folder / "patch.json").read_text())
    summary["policy"]["budget"] = 0.2
    (folder / "patch.json").write_text(json.dumps(summary))
    mien("watch", folder).refused(1, "of another patch")


def test_decisions_of_another_patch_are_shown_apart(mien: Mien, folder: Path, write: Write) -> None:
    mine, others = write("a", 1000, 2), write("b", 500, 40, patch="other")
    shown = figures(mien("watch", folder, *mine, *others, *LIMIT, "--json"))
    assert (shown["standing"], shown["images"], shown["harmed"]) == ("certified", 1000, 2)
    assert (shown["others"]["other"]["harmed"], shown["total"]["images"], shown["total"]["harmed"]) == (40, 1500, 42)
    assert shown["problems"]["counts"] == {"decision of another patch": 500}
    said = mien("watch", folder)
    assert "together   2 patches: 42 of 1,500 spoilt" in said.out
    mien("watch", folder, others[0], "--fresh").refused(1, "no decision of this patch", "other")


def test_what_cannot_be_used_is_named_and_not_counted(mien: Mien, folder: Path, write: Write) -> None:
    log, verdicts = write("a", 500, 5)
    log.write_text(log.read_text() + '{"file": "a-9999", "lab')
    verdicts.write_text(verdicts.read_text() + "nobody,fear\na-1,\x1b[2Jboredom\na-2\n")
    said = mien("watch", folder, log, verdicts, *LIMIT)
    assert "5 of 500" in said.out and said.code == 0 and "\x1b" not in said.err + said.out
    for words in ("2 × broken line", "1 × unknown class", "1 × verdict without a decision"):
        assert words in said.err
    assert said.err.count("→") == 3


def test_an_audit_bounds_harm_itself(mien: Mien, folder: Path, tmp_path: Path, write: Write) -> None:
    log, verdicts = write("a", 4000, 8)
    rng = np.random.default_rng(0)
    drawn = np.flatnonzero(rng.random(4000) < 0.1).tolist()
    labels = (f"a-{row},{'happiness' if rng.random() < 0.8 else 'fear'},0.1\n" for row in drawn)
    (tmp_path / "audit.csv").write_text("id,label,chance\n" + "".join(labels))
    said = mien("watch", folder, log, tmp_path / "audit.csv", verdicts, *LIMIT, "--json")
    shown = figures(said)
    assert shown["audit"]["audited"] == len(drawn) and 0.6 < shown["audit"]["lower"] < 0.8
    assert shown["harm_by_audit"] == pytest.approx(shown["upper"] / shown["audit"]["lower"])
    assert "by the audit" in mien("watch", folder).out


def test_a_shift_is_a_warning_and_no_alarm(mien: Mien, folder: Path, write: Write) -> None:
    log, verdicts = write("a", 3000, 0)
    rng = np.random.default_rng(0)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["distance"] = rng.normal() + 2 * (number > 2000)
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = mien("watch", folder, log, verdicts, *LIMIT)
    assert said.code == 0 and said.out.startswith("certified")
    [line] = [line for line in said.out.splitlines() if "distance" in line]
    assert (
        "warning" in line
        and "higher than in the first 500 pictures since picture 2,0" in line
        and "no certificate" in line
    )


def test_persons_are_counted_where_the_log_names_them(mien: Mien, folder: Path, write: Write) -> None:
    log, verdicts = write("a", 600, 30, group="x")
    shown = figures(mien("watch", folder, log, verdicts, *LIMIT, "--json"))
    assert (shown["images"], shown["harmed"], shown["overridden"], shown["in_groups"]) == (1, 1, 1, True)


@pytest.mark.parametrize(
    ("flags", "words"),
    [(["--limit", "1.5"], "--limit"), (["--delta", "0"], "--delta"), (["--deadline", "-1"], "--deadline"),
     (["--limit", "nan"], "--limit"), (["--on-alarm", "panic"], "--on-alarm"), (["--deadline", "3"], "have no times")],
)  # fmt: skip
def test_wrong_settings_are_bad_usage(
    mien: Mien, folder: Path, tmp_path: Path, flags: Sequence[str], words: str
) -> None:
    (tmp_path / "log.csv").write_text("id,label,overridden\na,fear,0\n")
    mien("watch", folder, tmp_path / "log.csv", *flags).refused(2, words)
    assert not (folder / "watch").exists()


def test_what_is_no_patch_and_no_log(mien: Mien, folder: Path, tmp_path: Path) -> None:
    mien("watch", tmp_path / "none", tmp_path / "log").refused(1, "no such folder")
    assert not (tmp_path / "none").exists()
    mien("watch", tmp_path, tmp_path / "log").refused(1, "holds no patch")
    mien("watch", folder, tmp_path / "log").refused(1, "cannot be read")
    mien("watch", folder).refused(1, "no decision of this patch")
    (tmp_path / "log").write_text("nothing\n")
    mien("watch", folder, tmp_path / "log").refused(1, "no decision of this patch", "line 1")


def test_the_page_is_whole_and_goes_where_it_shall(mien: Mien, folder: Path, tmp_path: Path, write: Write) -> None:
    files = write("a<b>", 400, 40)
    assert mien("watch", folder, *files, *LIMIT, "--out", tmp_path / "page.html").code == ALARM
    page = (tmp_path / "page.html").read_text()
    assert "Alarm" in page and "40 of 400" in page and "<script" not in page and "http" not in page
    assert mien("watch", folder, "--out", tmp_path / "pages").code == ALARM
    assert (tmp_path / "pages" / "report.html").read_text() == page
    assert not (folder / "watch" / "report.html").exists()
    assert mien("watch", folder).code == ALARM and (folder / "watch" / "report.html").read_text() == page


def test_python_obeys_and_says_so_too(mien: Mien, trained: Path, faces: Path, folder: Path, write: Write) -> None:
    pictures = sorted((faces / "neutral").iterdir())
    files = write("a", 400, 40)
    assert mien("watch", folder, *files, *LIMIT, "--on-alarm", "silence").code == ALARM
    corrected = open_classifier(trained, patch=folder)
    assert corrected.patch_ and corrected.patch_.restraint and corrected.certificate_
    assert corrected.certificate_.words.startswith("the patch is silent since an alarm of its watch: 40 of 3")
    assert not corrected.decide(pictures).overridden.any()


def test_a_call_that_was_killed_leaves_what_is_in_force(
    mien: Mien, trained: Path, faces: Path, folder: Path, write: Write
) -> None:
    assert mien("watch", folder, *write("a", 400, 40), *LIMIT, "--on-alarm", "silence").code == ALARM
    (folder / "watch").rename(folder / ".watch.old")  # between the two steps of the exchange
    assert "is silent" in mien("predict", faces / "fear", "--run", trained, "--patch", folder).err
    assert mien("watch", folder).code == ALARM and not (folder / ".watch.old").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_without_complaints(mien: Mien, folder: Path, write: Write, scheme: str) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    mien("watch", folder, *write("a", 400, 40), *write("b", 200, 3, patch="other"), *LIMIT, "--on-alarm", "flag")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        try:
            tab = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
            complaints: list[str] = []
            tab.on("console", lambda message: complaints.append(message.text))
            tab.on("requestfailed", lambda request: complaints.append(request.url))
            tab.goto((folder / "watch" / "report.html").as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390
            ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(part => part.id)")
            assert len(ids) == len(set(ids)) and complaints == []
        finally:
            browser.close()
