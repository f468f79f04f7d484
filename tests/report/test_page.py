"""The report page, from a study run made of random numbers."""

from __future__ import annotations

import math
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsing import chromium
from fake_study import CLASSES, make_study_run
from markupsafe import Markup

from mien.cli.study import as_figures
from mien.data.labels import EMOTIONS
from mien.errors import RunError
from mien.experiments.tables import TABLES
from mien.report.common.confusion import confusion_table
from mien.report.common.layout import Cell, Section, Table, render, side_by_side
from mien.report.common.run_figures import Number, SeedValue, mean
from mien.report.study import page, tables
from mien.report.study.headline import headline
from mien.storage.run import Run

ANCHORS = ["result", "classes", "model", "training", "retention", "gain", "restored", "curves", "ranking", "confusion"]
ANCHORS += ["certificates", "mcnemar", "cost", "again"]
HOSTILE = ("<script>x", 'a & "b"\'c', "$x_1$ {{ 7*7 }}", "plain")


class Page(HTMLParser):
    """Tables of a page: {section: [(caption, rows of (text, title) cells)]}; and every attribute that was met."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[tuple[str, list[list[tuple[str, str]]]]]] = {}
        self.attributes: list[tuple[str, str]] = []
        self.section = self.caption = self.text = self.title = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.attributes += found.items()
        if tag == "section":
            self.section = found["id"]
        elif tag == "table":
            self.tables.setdefault(self.section, []).append((self.caption, []))
        elif tag == "tr":
            self.tables[self.section][-1][1].append([])
        elif tag in ("td", "th", "figcaption"):
            self.text = self.title = ""
        elif tag == "span":
            self.title = found.get("title", self.title)
        elif tag == "small":
            self.text += " | "

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.tables[self.section][-1][1][-1].append((" ".join(self.text.split()), self.title))
        elif tag == "figcaption":
            self.caption = " ".join(self.text.split())

    def cells(self, section: str, caption: str, table: int = 0) -> dict[tuple[str, str], tuple[str, str]]:
        """{(row name, column title): (text, title)} of one of the tables with this caption."""
        rows = [rows for found, rows in self.tables[section] if found == caption][table]
        head = next(row for row in rows if row[0][0] in ("Class", "Corrector", "Left out", ""))
        head = rows[1] if len(rows[0]) < len(rows[-1]) else head
        return {(row[0][0], head[i][0]): row[i] for row in rows if row is not head for i in range(1, len(row))}


def study(
    folder: Path, seeds: tuple[int, ...] = (0,), correctors: tuple[str, ...] = ("boosting", "probe"), **more
) -> Run:
    run = make_study_run(folder, seeds, correctors, **more)
    tables.build(run)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return study(tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def html(run: Run) -> str:
    return page.render(run)


@pytest.fixture(scope="module")
def shown(html: str) -> Page:
    return Page(html)


def test_every_section_is_there_in_order_and_in_the_contents(html: str) -> None:
    assert re.findall(r'<section id="(.*?)"', html) == ANCHORS
    assert re.findall(r'<li><a href="#(.*?)"', html) == ANCHORS
    assert len(page.SECTIONS) == len(ANCHORS)
    assert "Not there yet" not in html and "This study is not finished" not in html


def test_page_needs_nothing_from_outside(html: str, shown: Page) -> None:
    links = [value for key, value in shown.attributes if key in ("src", "href", "xlink:href")]
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert "@import" not in html and "<script" not in html and "http" not in html
    assert 'src="data:image/png;base64,' in html


def test_ids_are_unique_and_references_lead_somewhere(shown: Page) -> None:
    ids = Counter(value for key, value in shown.attributes if key == "id")
    assert [name for name, count in ids.items() if count > 1] == []
    wanted = {value[1:] for key, value in shown.attributes if key == "href" and value.startswith("#")}
    wanted |= {found for _, value in shown.attributes for found in re.findall(r"url\(#(.+?)\)", value)}
    assert wanted <= set(ids)


def test_same_run_gives_the_same_page(run: Run, html: str) -> None:
    assert page.render(run) == html
    path = page.write(run)
    assert path == run.path("report.html") and path.read_text(encoding="utf-8") == html


def test_figures_follow_the_theme(html: str) -> None:
    drawn = "".join(re.findall(r"<svg viewBox.*?</svg>", html, re.DOTALL))
    assert drawn.count("<path") > 50
    assert not re.search(r"#[0-9a-f]{6}\b|<style|font-family|<metadata", drawn)


def test_harm_matrix_equals_its_table_and_its_diagonal_is_a_dash(run: Run, shown: Page) -> None:
    cells = shown.cells("retention", "Harm", table=0)  # the best corrector, which is probe
    table = [row for row in run.read_table(TABLES["harm"]) if row["corrector"] == "probe"]
    assert len(table) == len(CLASSES) ** 2
    for row in table:
        text, title = cells[row["label"], row["left_out"]]
        if row["label"] == row["left_out"]:
            assert text == "–" and "never saw" in title
        else:
            assert text == f"{row['rate']:.3f} | {row['hits']}/{row['total']}"
            assert f"{row['hits']}/{row['total']}" in title
    rates = [row["rate"] for row in table if row["left_out"] == "fear" and row["label"] != "fear"]
    assert cells["mean", "fear"][0] == f"{sum(rates) / len(rates):.3f}"


def test_gain_and_certificates_equal_their_tables(run: Run, shown: Page) -> None:
    gains = shown.cells("gain", "Gain by left-out class")
    for row in run.read_table(TABLES["gain"]):
        assert gains[row["corrector"], row["left_out"]][0].startswith(
            f"{row['rate']:.3f} | {row['hits']}/{row['total']} ·"
        )
    pooled = shown.cells("certificates", "Pooled over all known classes")
    for row in run.read_table(TABLES["certificates"]):
        if row["group"] == "pooled" and row["corrector"] == "probe":
            verdict = (
                f"certified | ≤ {100 * row['budget']:.3g}"
                if row["feasible"]
                else f"not certified | need n = {row['needed']}"
            )
            assert pooled[row["left_out"], "Budget"][0].replace("\u202f", " ").startswith(verdict)


def test_a_certificate_that_does_not_hold_at_the_threshold_in_force_is_not_one(tmp_path: Path) -> None:
    run = study(tmp_path, correctors=("probe",))
    table = run.read_table(TABLES["certificates"])
    changes = {"feasible": 1, "holds": 0, "threshold": 2.5}
    run.write_table(TABLES["certificates"], [{**row, **changes} if row["group"] == "anger" else row for row in table])
    shown = Page(page.render(run)).tables["certificates"]
    rows = next(rows for caption, rows in shown if caption.startswith("Per class"))
    column = [title for title, _ in rows[0]].index("anger")
    assert {row[column][0] for row in rows[1:]} == {"not certified | needs τ ≥ 2.500", "–"}


def test_classes_that_are_called_by_numbers(tmp_path: Path) -> None:
    run = study(tmp_path, correctors=("probe",), classes=("10", "2", "1e3", "nan"))
    assert {row["left_out"] for row in run.read_table(TABLES["gain"])} == {"10", "2", "1e3", "nan"}
    rows = Page(page.render(run)).cells("gain", "Gain by left-out class")
    assert {left for _, left in rows} == {"10", "2", "1e3", "nan", "mean"}
    found = as_figures(run)["classes"]["probe"]
    assert found["1e3"]["gain"] == pytest.approx(
        next(row["rate"] for row in run.read_table(TABLES["gain"]) if row["left_out"] == "1e3"), abs=1e-6
    )
    assert all(math.isfinite(each["harm"]) and math.isfinite(each["auroc"]) for each in found.values())


def test_classes_that_are_too_rare_to_be_left_out_are_named(run: Run, html: str, tmp_path: Path) -> None:
    assert "Not left out" not in html and as_figures(run)["too_rare"] == []
    run = Run(shutil.copytree(run.folder, tmp_path / "rare"))
    manifest = run.manifest()
    about = {"data": {**manifest["data"], "too_rare": ["contempt", "<awe>"]}, "settings": {"min_pictures": 7}}
    run.write_manifest({**manifest, **about})
    body = headline(run).body
    assert (
        "Not left out, and in no mean over the left-out classes: contempt, &lt;awe&gt;. A class needs 7 pictures"
        in body
    )
    assert as_figures(run)["too_rare"] == ["contempt", "<awe>"]


def test_counts_and_intervals_may_stand_in_two_lines(run: Run, html: str) -> None:
    row = run.read_table(TABLES["gain"])[0]
    assert re.search(rf"<small><span>{row['hits']}/{row['total']} ·</span> <span>\.\d+–\.\d+</span></small>", html)


def test_a_ninth_class_has_another_mark_than_the_first() -> None:
    marks = [re.findall("<i.*?>", Cell("class", hue=number).__html__())[0] for number in range(16)]
    assert len(set(marks)) == 16


def test_sizes_of_layers_are_shown_where_the_run_has_them(tmp_path: Path) -> None:
    run = study(tmp_path, correctors=("probe",))
    html = page.render(run)
    assert "channels" not in html and ">conv1</text>" in html  # as in runs of earlier versions
    manifest = run.manifest()
    layers = [{"name": "conv1", "kind": "map", "width": 32}, {"name": "logits", "kind": "logits", "width": 7}]
    run.write_manifest({**manifest, "base": {"name": "package:Net", "layers": layers}})
    html = page.render(run)
    assert "32 channels" in html and "7 classes" in html and ">lstm</text>" not in html


def test_a_damaged_sheet_of_samples_is_left_out_with_a_note(run: Run, tmp_path: Path) -> None:
    damaged = Run(shutil.copytree(run.folder, tmp_path / "damaged"))
    whole = damaged.path("samples.png").read_bytes()
    for content in (b"", whole[:10], whole[: len(whole) // 2], b"GIF" + whole):
        damaged.path("samples.png").write_bytes(content)
        html = page.render(damaged)
        assert "samples.png, is damaged" in html and "data:image/png" not in html


def test_several_seeds_show_mean_and_range_and_pool_no_counts(tmp_path: Path) -> None:
    run = study(tmp_path, seeds=(0, 1, 2), correctors=("probe",))
    text, title = Page(page.render(run)).cells("gain", "Gain by left-out class")["probe", "anger"]
    found = [row for row in run.read_table(TABLES["gain"]) if row["left_out"] == "anger"]
    assert text.startswith(f"{sum(row['rate'] for row in found) / 3:.3f} | ") and "/" not in text
    assert title.splitlines() == [line for line in title.splitlines() if line.startswith("seed ")]
    assert all(f"{row['hits']}/{row['total']}" in title for row in found)


def test_means_leave_out_what_is_undefined_and_say_so() -> None:
    nan = float("nan")
    over = mean([Number((SeedValue(0, 0.2),)), Number((SeedValue(0, nan),)), Number((SeedValue(0, 0.4),))])
    assert over.value == pytest.approx(0.3) and over.detail == "n = 2"
    partly = Number((SeedValue(0, 0.2), SeedValue(1, nan)))
    assert partly.value == 0.2 and "1 of 2 seeds" in partly.detail


def test_cost_compares_fitting_with_retraining(tmp_path: Path) -> None:
    run = study(tmp_path, correctors=("probe",))
    row = {"seed": 0, "cell": "retrained", "stage": "train", "seconds": 200.0, "pictures": 5000}
    fits = [{**row, "cell": "without-fear", "stage": "fit probe on all", "seconds": 4.0}]
    run.write_table(TABLES["cost"], [row, *fits, {**fits[0], "stage": "fit probe", "seconds": 3.0}])
    shown = Page(page.render(run)).tables["cost"]
    rows = next(rows for caption, rows in shown if "against retraining" in caption)
    assert [text.replace("\u202f", " ") for text, _ in rows[1]] == ["probe", "4.0 s", "2.0 %"]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    html = page.render(study(tmp_path, classes=HOSTILE))
    assert "<script" not in html and "&lt;script&gt;x" in html
    assert "a &amp; &#34;b&#34;&#39;c" in html
    assert "$x_1$ {{ 7*7 }}" in html


def test_unfinished_study_shows_what_there_is(tmp_path: Path) -> None:
    run = make_study_run(tmp_path, (0,), ("probe",))
    for key in ("without-fear", "retrained"):
        shutil.rmtree(run.path("cells", "seed0", key))
    tables.build(run)
    html = page.render(run)
    assert (
        "This study is not finished" in html
        and "seed0/without-fear" in html
        and "2 of 9 cells" in " ".join(html.split())
    )
    gains = Page(html).cells("gain", "Gain by left-out class")
    assert ("probe", "anger") in gains and ("probe", "fear") not in gains


def test_study_without_any_finished_cell(tmp_path: Path) -> None:
    run = make_study_run(tmp_path, (0,), ("probe",))
    shutil.rmtree(run.path("cells"))
    run.path("samples.png").unlink()
    html = page.render(run)
    assert re.findall(r'<section id="(.*?)"', html) == ANCHORS
    assert html.count("Not there yet") == 11
    tables.build(run)
    assert page.render(run) == html


def test_only_studies_have_this_page(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        page.render(Run(tmp_path / "none"))
    run = Run(tmp_path)
    run.write_manifest({"kind": "train"})
    with pytest.raises(RunError, match="not a study"):
        page.write(run)


def matrices(classes: tuple[str, ...]) -> str:
    """A page with the widest tables of a study of these classes."""
    row = [Cell("0.000", "157/157 · .000–.024", heat=0.5)] * len(classes)
    wide = [
        Table("Gain", ("Corrector", *classes, "mean"), [(Cell("logistic", hue=0), *row, Cell("0.000", "n = 11"))]),
        Table("Recall", ("Class", *classes, "mean"), [(Cell(name), *row, Cell("0.000")) for name in classes]),
    ]
    counts = [
        {"seed": 0, "truth": truth, "answer": answer, "count": int(truth == answer)}
        for truth in classes for answer in classes
    ]  # fmt: skip
    small = [confusion_table(title, counts, dict(zip(classes, classes, strict=True))) for title in ("before", "after")]
    bodies = [*wide, side_by_side([*small, small[0]])]
    sections = [
        Section(f"section {number}", f"s{number}", Markup(body.__html__())) for number, body in enumerate(bodies)
    ]
    about = {"kind": "", "noun": "", "title": "", "facts": [], "seeds": 1, "expected": 0, "missing": []}
    return str(render("page.html", sections=sections, **about))


@pytest.mark.parametrize("classes", [EMOTIONS.names, tuple(f"level-{number} faces" for number in range(12))])
def test_matrices_of_many_classes_fit_a_wide_screen(tmp_path: Path, classes: tuple[str, ...]) -> None:
    """The means, which come last, are in sight."""
    path = tmp_path / "page.html"
    path.write_text(matrices(classes), encoding="utf-8")
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(path.as_uri())
        boxes = "[...document.querySelectorAll('.scroll')]"
        assert len(tab.evaluate(f"{boxes}.map(box => box.ariaLabel)")) == 5
        assert (
            tab.evaluate(f"{boxes}.filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.ariaLabel)")
            == []
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_phone_without_complaints(run: Run, scheme: str) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    path = page.write(run)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        try:
            tab = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
            said: list[str] = []
            tab.on("console", lambda message: said.append(message.text))
            tab.on("pageerror", lambda error: said.append(str(error)))
            tab.on("requestfailed", lambda request: said.append(request.url))
            tab.goto(path.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390
            dark = tab.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
            assert dark == (scheme == "dark")
            assert said == []
        finally:
            browser.close()
