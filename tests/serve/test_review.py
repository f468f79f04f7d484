"""The review page: what it serves, what it refuses, and real keys and clicks in a browser."""

from __future__ import annotations

import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from mien.cli import run
from mien.data.review_files import read
from mien.data.reviews import Review, append
from mien.errors import RunError
from mien.labels.review_queue import ReviewQueue, acquisition_score, interleave_random
from mien.labels.verdicts import KINDS
from mien.serve.review import HEADER, app

FROM_PAGE = {HEADER: "1"}


@pytest.fixture
def client(queue: ReviewQueue) -> TestClient:
    return TestClient(app(queue, "tester"), base_url="http://localhost")


def test_the_most_suspicious_come_first_and_filters_hold(client: TestClient, queue: ReviewQueue) -> None:
    found = client.get("/pictures", params={"order": "suspicion", "count": 200}).json()
    scores = queue.suspects.score[[one["row"] for one in found["pictures"]]]
    assert (np.diff(scores) <= 0).all() and found["total"] == len(queue.data)
    for kind in KINDS:
        some = client.get("/pictures", params={"kind": kind, "given": "happiness"}).json()["pictures"]
        assert all(one["verdict"] == kind and one["given"] == "happiness" for one in some)


def test_every_second_picture_is_drawn_at_random(queue: ReviewQueue) -> None:
    rows, by_worth = queue.rows(todo=False), queue.rows(order="worth", todo=False)
    assert sorted(rows.tolist()) == list(range(len(queue.data)))
    assert np.isin(by_worth[:10], rows[:20]).all() and not np.isin(rows[:20], by_worth[:20]).all()
    assert np.array_equal(rows, interleave_random(by_worth)) and np.array_equal(queue.rows(todo=False), rows)


def test_what_is_open_and_like_many_is_worth_most(queue: ReviewQueue) -> None:
    value = acquisition_score(queue.suspects)
    assert (value >= 0).all() and np.isfinite(value).all()
    rows = np.arange(len(value))
    given, other = (queue.suspects.belief[rows, of] for of in (queue.suspects.labels, queue.suspects.other))
    sure = np.abs(given - other) / (given + other) > 0.95
    assert not sure.any() or value[sure].mean() < value[~sure].mean()


def test_a_word_is_written_shown_and_taken_back(client: TestClient, queue: ReviewQueue) -> None:
    before = client.get("/pictures").json()
    row = before["pictures"][0]["row"]
    said = client.post("/reviews", json={"row": row, "label": "fear"}, headers=FROM_PAGE).json()
    assert said["review"] == "fear" and said["reviewed"] == 1
    assert client.get("/pictures").json()["total"] == before["total"] - 1
    assert [(one.label, one.who) for one in read(queue.log).reviews] == [("fear", "tester")]
    undone = client.post("/reviews", json={"row": row, "label": None}, headers=FROM_PAGE).json()
    assert undone["review"] is None and undone["reviewed"] == 0
    assert len(read(queue.log).reviews) == 2  # nothing is overwritten
    assert client.get("/pictures").json()["pictures"][0]["row"] == row


def test_reviews_are_there_after_a_restart_and_for_the_next_audit(folder: Path, client: TestClient) -> None:
    client.post("/reviews", json={"row": 0, "label": "fear"}, headers=FROM_PAGE)
    client.post("/reviews", json={"row": 1, "label": ""}, headers=FROM_PAGE)
    again = ReviewQueue.open(folder)
    assert again.entry(0)["review"] == "fear" and again.entry(1)["review"] == ""
    assert again.progress()["reviewed"] == 2


def test_pictures_without_a_file_are_those_that_were_audited(client: TestClient) -> None:
    answer = client.get("/picture/0")
    assert answer.content.startswith(b"\x89PNG") and answer.headers["content-type"] == "image/png"
    for wrong in ("99999", "-1", "0?size=huge"):
        assert client.get(f"/picture/{wrong}").status_code == 404


def test_reviewers_see_the_file_large_and_in_colour(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    assert run(["data", "draw", str(faces), "--n", "40", "--size", "32"]) == 0
    name = sorted((faces / "happiness").iterdir())[0].name
    shown = Image.effect_noise((1200, 900), 90).convert("RGB")
    shown.paste((200, 30, 30), (0, 0, 600, 900))
    shown.save(faces / "happiness" / name)
    assert run(["audit", str(faces), "--size", "24", "--epochs", "1", "--out", str(tmp_path / "audit")]) == 0
    queue = ReviewQueue.open(tmp_path / "audit")
    row = queue.data.ids.tolist().index(f"happiness/{name}")
    client = TestClient(app(queue, "tester"), base_url="http://localhost")
    for size, sides in {"small": (200, 150), "large": (640, 480), "whole": (1200, 900)}.items():
        for _ in range(2):  # the second time, it is kept
            answer = client.get(f"/picture/{row}", params={"size": size})
            picture = Image.open(io.BytesIO(answer.content))
            assert (picture.size, picture.mode) == (sides, "RGB") and answer.headers["content-type"].startswith(
                "image/"
            )
    Path(str(queue.data.paths[row])).write_bytes(b"broken")  # while the page is open
    again = TestClient(app(queue, "tester"), base_url="http://localhost").get(f"/picture/{row}")
    assert Image.open(io.BytesIO(again.content)).size == (24, 24)


def test_names_of_files_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    assert run(["data", "draw", str(faces), "--n", "40", "--size", "24"]) == 0
    first = min((faces / "happiness").iterdir())
    try:
        first.rename(first.with_name(os.fsdecode(b"odd\xff \n<b>.png")))
    except (OSError, UnicodeError):
        pytest.skip("this file system refuses such names")
    assert run(["audit", str(faces), "--size", "24", "--epochs", "1", "--out", str(tmp_path / "audit")]) == 0
    append(tmp_path / "audit" / "reviews.jsonl", Review("gone\udcff.png", "fear"))
    queue = ReviewQueue.open(tmp_path / "audit")
    (row,) = (row for row, name in enumerate(queue.data.ids.tolist()) if "odd" in name)
    client = TestClient(app(queue, "tester"), base_url="http://localhost")
    assert client.get("/").status_code == client.get("/pictures", params={"count": 60}).status_code == 200
    assert client.post("/reviews", json={"row": row, "label": "fear"}, headers=FROM_PAGE).status_code == 200
    assert ReviewQueue.open(tmp_path / "audit").reviews == {str(queue.data.ids[row]): "fear"}


def test_a_label_that_is_believed_most_is_suggested_as_it_stands(client: TestClient, queue: ReviewQueue) -> None:
    shown = client.get("/pictures", params={"count": 200}).json()["pictures"]
    for one in shown:
        score = queue.suspects.score[one["row"]]
        assert (one["suggested"] == one["given"]) == (score <= 0)
        assert one["given"] in dict(one["likely"])
    assert any(one["verdict"] == "fine" for one in shown)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"row": 0, "label": "fear"}, {}, 403),
        ({"row": 10**9, "label": "fear"}, FROM_PAGE, 400),
        ({"row": 0, "label": "fera"}, FROM_PAGE, 400),
        ({"row": 0, "label": "x" * 1000}, FROM_PAGE, 400),
        ({"row": "nobody"}, FROM_PAGE, 400),
        ({"row": True, "label": "fear"}, FROM_PAGE, 400),
        ({"row": 0, "label": 3}, FROM_PAGE, 400),
        ({"row": 0, "label": "x" * 10_000}, FROM_PAGE, 413),
    ],
)
def test_what_is_not_meant_is_refused_and_not_written(
    client: TestClient, queue: ReviewQueue, body: dict[str, object], headers: dict[str, str], status: int
) -> None:
    assert client.post("/reviews", json=body, headers=headers).status_code == status
    assert not queue.log.exists()


def test_words_that_are_no_json_are_refused_without_an_echo(client: TestClient, queue: ReviewQueue) -> None:
    for body in (b'{"row": NaN, "label": "fear"}', b"\xff", b"[" * 3000, b'{"row": 0, "label": "\\ud800"}', b""):
        answer = client.post("/reviews", content=body, headers=FROM_PAGE)
        assert answer.status_code == 400 and len(answer.content) < 300
    assert client.post("/reviews", content=b"x" * 10**6).status_code == 403
    assert not queue.log.exists()


def test_two_desks_see_each_others_words(folder: Path) -> None:
    one, other = ReviewQueue.open(folder), ReviewQueue.open(folder)
    one.review(0, "fear", "anna")
    other.review(0, "anger", "bob")
    assert 0 not in other.rows() and one.rows().tolist() == other.rows().tolist()
    assert other.entry(0, "anna")["own"] == "fear" and other.entry(0, "bob")["own"] == "anger"
    one.review(0, None, "anna")
    other.refresh()
    assert other.entry(0)["review"] == "anger"


@pytest.mark.parametrize("name", ["belief", "kind", "neighbours", "reason"])
def test_arrays_that_no_audit_wrote_are_refused_at_the_start(folder: Path, name: str) -> None:
    arrays = dict(np.load(folder / "audit.npz"))
    arrays[name] = arrays[name][:-1]
    np.savez(folder / "audit.npz", **arrays)
    with pytest.raises(RunError, match=r"audit\.npz"):
        ReviewQueue.open(folder)


def test_an_audit_of_voted_pictures_can_be_reviewed(real_data: Path, tmp_path: Path) -> None:
    """FER+ is trained on by its votes; an audit looks at the labels alone, and so does the page."""
    folder, shape = tmp_path / "audit", "happiness=60,neutral=60"
    source = str(real_data / "ferplus")
    assert run(["audit", source, "--class-counts", shape, "--epochs", "2", "--size", "24", "--out", str(folder)]) == 0
    assert ReviewQueue.open(folder).entry(0)["votes"]


def test_other_names_for_this_machine_are_refused(queue: ReviewQueue) -> None:
    elsewhere = TestClient(app(queue, "tester"), base_url="http://evil.example")
    assert elsewhere.get("/pictures").status_code == 400


def test_nothing_is_loaded_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text and "https://" not in answer.text


def test_a_folder_without_an_audit_or_with_other_pictures_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        ReviewQueue.open(tmp_path / "nowhere")
    (folder / "audit.json").write_text((folder / "audit.json").read_text().replace("n=240", "n=40,seed=9"))
    with pytest.raises(RunError, match=r"none of its 240 pictures.*\n.*--data"):
        ReviewQueue.open(folder)


@pytest.fixture
def address(queue: ReviewQueue) -> Iterator[str]:
    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(queue, "tester"), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{place.getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_keys_and_clicks_in_a_browser(address: str, queue: ReviewQueue, width: int, scheme: str) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    classes = queue.data.labelset.names
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            tab = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
            said: list[str] = []
            tab.on("console", lambda message: said.append(message.text))
            tab.on("pageerror", lambda error: said.append(str(error)))
            tab.goto(address)
            tab.wait_for_selector(".grid button")
            order = queue.rows()
            first = queue.entry(order[0])
            for key in (
                "Enter",
                "1",
                "2",
                "u",
                " ",
            ):  # the suggestion; two classes, of which one is taken back; as given
                tab.keyboard.press(key)
            tab.get_by_role("button", name="cannot say").click()
            api.expect(tab.locator("#done")).to_contain_text("4 of 240 reviewed")
            third = queue.entry(order[2])
            assert [one.label for one in read(queue.log).reviews] == [
                first["suggested"], classes[0], classes[1], None, third["given"], ""
            ]  # fmt: skip
            shown = tab.locator("#focus").inner_text()
            assert "null" not in shown and "undefined" not in shown
            picture = tab.locator(".face img").first  # it loads after the text
            api.expect(picture).not_to_have_js_property("naturalWidth", 0)
            tab.keyboard.press("z")
            api.expect(tab.locator("#zoom img")).to_be_visible()
            tab.keyboard.press("Escape")
            api.expect(tab.locator("#zoom img")).to_be_hidden()
            tab.select_option("#order", "suspicion")
            api.expect(tab.locator(".grid .done")).to_have_count(0)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert said == []
        finally:
            browser.close()
