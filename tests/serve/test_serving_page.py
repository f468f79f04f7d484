"""The page of `mien serve` in a browser: pictures, verdicts, swaps, an alarm, the camera, and what is odd or wrong."""

from __future__ import annotations

import base64
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
import uvicorn
from serving import make_patches, make_service, pictures, png

from mien.deploy.assessment import WatchSettings
from mien.serve.app import application
from mien.serve.guard import Limits
from mien.service.answers import Label
from mien.service.store import LogEntry

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
IMAGES, LABELS = pictures(60)
LOWER, UPPER = (next(im for im, la in zip(IMAGES, LABELS, strict=True) if la == name) for name in ("lower", "upper"))
LOCAL = Limits()
NASTY = "<img src=x onerror=document.hit=1>"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
DROP = """([content, name]) => {
  const file = new File([Uint8Array.from(atob(content), letter => letter.charCodeAt(0))], name, {type: "image/png"});
  const transfer = new DataTransfer();
  transfer.items.add(file);
  return transfer;
}"""
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Served:
    """A server in a thread, which can be stopped and started at the same address."""

    def __init__(self, make: Callable[[Any], Any], limits: Limits) -> None:
        self.make, self.limits, self.port = make, limits, 0
        self.services: list[Any] = []
        self.start()

    def start(self) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        config = uvicorn.Config(
            application(self._made, self.limits), log_level="warning", access_log=False, timeout_graceful_shutdown=2
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [sock]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)

    def _made(self, deliver: Any) -> Any:
        self.services.append(self.make(deliver))
        return self.services[-1]

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.service.store.close()

    @property
    def service(self) -> Any:
        return self.services[-1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches")
    make_patches(folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as started:
        args = ["--no-sandbox", "--disable-gpu", *CAMERA]
        browser = started.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


@contextmanager
def served(patches: Path, place: Path, limits: Limits = LOCAL, **settings: Any) -> Iterator[Served]:
    settings.setdefault("patch", "first")

    def make(deliver: Any) -> Any:
        service = make_service(patches, place / "service.db", **settings)
        service.deliver = deliver
        return service

    server = Served(make, limits)
    try:
        yield server
    finally:
        if server.thread.is_alive():
            server.stop()


@contextmanager
def opened(browser: Any, server: Served, allowed: str = "", **options: Any) -> Iterator[Any]:
    """A page, of which every error is a failure, but for answers with a status that is allowed."""
    context = browser.new_context(**{"viewport": WIDE, **options})
    page, errors = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    yield page
    assert [text for text in errors if not (allowed and allowed in text)] == []
    context.close()


def drop(page: Any, image: Any = LOWER, name: str = "a.png") -> None:
    transfer = page.evaluate_handle(DROP, [base64.b64encode(png(image)).decode(), name])
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    page.locator("#about", has_text=name).wait_for()


def given(page: Any) -> list[str]:
    page.locator("#result .given b").nth(1).wait_for()
    return page.locator("#result .given b").all_inner_texts()


def verdicts(server: Served) -> list[tuple[str, str]]:
    return [(row.label, row.who) for row in server.service.store.verdicts_since()]


def has_count(page: Any, selector: str, count: int) -> None:
    playwright.expect(page.locator(selector)).to_have_count(count, timeout=20_000)


def confirm(page: Any, reason: str, who: str = "Ann") -> None:
    page.fill("dialog [name=reason]", reason)
    page.fill("dialog [name=who]", who)
    page.click("dialog button[type=submit]")
    page.locator("dialog").wait_for(state="detached")


def test_a_dropped_picture_gets_both_answers_and_a_verdict_by_one_key(
    browser: Any, patches: Path, tmp_path: Path
) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        drop(page)
        before, after = given(page)
        assert after == "lower" and before != "lower"
        assert f"lower in place of {before}" in page.inner_text("#result")
        assert "above the threshold" in page.inner_text("#details")
        assert [text.split("\n")[0] for text in page.locator(".shares li").all_inner_texts()][:2] == ["upper", "middle"]
        page.keyboard.press("ArrowRight")
        page.get_by_text("Kept: lower is right. Another").wait_for()
        assert verdicts(server) == [("lower", "")]
        page.fill(".who input", "Ann")
        page.keyboard.press("Tab")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("ArrowLeft")  # wrong after all: the classes appear, each with its key
        assert page.locator(".classes button").all_inner_texts()[1].split() == ["middle", "2"]
        page.keyboard.press("2")
        page.get_by_text("Kept: middle is right. Another").wait_for()
        assert verdicts(server)[-1] == ("middle", "Ann")
        assert page.get_attribute("[data-name='class middle']", "aria-pressed") == "true"


def test_several_pictures_are_a_list_that_keys_walk_through(browser: Any, patches: Path, tmp_path: Path) -> None:
    files = [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": png(IMAGES[number])} for number in range(3)
    ] + [{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}]
    with served(patches, tmp_path) as server, opened(browser, server, allowed="status of 422") as page:
        page.set_input_files("#files", files)
        has_count(page, "#strip .under-way", 0)
        assert page.locator("#strip button").count() == 4 and "0.png" in page.inner_text("#about")
        page.keyboard.press("ArrowRight")
        page.get_by_text("2 of 4").wait_for()
        page.keyboard.press("1")
        page.keyboard.press("n")  # the last one has no answer
        page.keyboard.press("n")
        assert "no answer for this picture" in page.inner_text("#result") and "format" in page.inner_text("#result")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("p")
        page.keyboard.press("ArrowRight")
        has_count(page, "#strip .judged-right, #strip .judged-wrong", 3)
        page.get_by_text("is right. Another").wait_for()
        page.keyboard.press("p")
        page.get_by_text("is right. Another").wait_for()
        assert len(verdicts(server)) == 3


def test_keys_can_be_switched_off_and_rest_while_something_is_typed(
    browser: Any, patches: Path, tmp_path: Path
) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        drop(page)
        given(page)
        page.focus(".who input")
        page.keyboard.type("1")
        page.keyboard.press("ArrowRight")
        page.uncheck("[data-name=keys]")
        page.keyboard.press("ArrowRight")
        assert page.locator(".keys").count() == 0 and page.input_value(".who input") == "1"
        page.check("[data-name=keys]")
        page.click("[data-name=right]")
        page.get_by_text("Kept: lower is right. Another").wait_for()
        assert verdicts(server) == [("lower", "1")]


def test_what_waits_is_judged_one_after_another(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path, keep="crop") as server, opened(browser, server) as page:
        for name in ("a.png", "b.png"):
            drop(page, LOWER, name)
            given(page)
        page.click("#mode-waiting")
        page.get_by_text("1 of 2").wait_for()
        assert page.get_attribute("#face img", "src").startswith("data:image/png;base64,")
        page.keyboard.press("ArrowRight")
        page.get_by_text("2 of 2").wait_for()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("1")
        page.get_by_text("All of these have a verdict").wait_for()
        page.get_by_text("Kept: upper is right. Another").wait_for()
        assert verdicts(server) == [("lower", ""), ("upper", "")]
        assert server.service.store.open_decisions(server.service.in_force.now.id) == []


def test_a_swap_and_the_way_back_need_a_confirmation_and_are_logged(
    browser: Any, patches: Path, tmp_path: Path
) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        drop(page)
        given(page)
        page.get_by_text("with the patch first@").wait_for()
        page.click("#tab-patches")
        page.locator(".card.now", has_text="first").wait_for()
        page.get_by_label("Put second in force").click()
        page.click("dialog >> text=Cancel")
        page.locator("dialog").wait_for(state="detached")
        assert server.service.in_force.now.name == "first"
        page.get_by_label("Put second in force").click()
        confirm(page, "better by far")
        page.locator(".card.now", has_text="second").wait_for()
        row = page.locator(".log tbody tr").first.inner_text()
        assert all(text in row for text in ("put in force", "second", "Ann", "better by far", "certified"))
        page.click("#tab-answer")
        drop(page, LOWER, "b.png")
        page.get_by_text("with the patch second@").wait_for()
        page.click("#tab-patches")
        page.get_by_text("Go back to what was in force before").click()
        confirm(page, "worse")
        page.locator(".card.now", has_text="first").wait_for()
        page.locator("#force", has_text="first@").wait_for()


def test_a_proposal_is_declined_or_put_in_force_with_a_reason(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        second = server.service.patches.load("second").patch
        content = {"words": "certified: at most 10 %", "holds": True, "verdict": 0, "until": 0}
        proposed = LogEntry(
            action="propose", patch=second.id, name="second", reason="accuracy 0.5 → 0.8", certificate=content
        )
        server.service.store.log(proposed)
        page.click("#tab-patches")
        card = page.locator(".card", has_text="Accuracy 0.5 → 0.8.")
        card.wait_for()
        page.get_by_text("This server fits no new patches").wait_for()
        page.get_by_role("button", name="Decline").click()
        confirm(page, "not now")
        card.wait_for(state="detached")
        server.service.store.log(proposed)
        page.click("#tab-answer")
        page.click("#tab-patches")
        page.locator(f'[data-name="take {second.id}"]').click()
        confirm(page, "better")
        page.locator(".card.now", has_text="second").wait_for()
        actions = [entry.action for entry in server.service.store.patch_log()]
        assert actions == ["start", "propose", "decline", "propose", "swap"]


def test_an_alarm_is_shown_and_a_person_lifts_it(browser: Any, patches: Path, tmp_path: Path) -> None:
    settings = {"on_alarm": "silence", "watch_every": 1e6, "watch": WatchSettings(0.01)}
    with served(patches, tmp_path, **settings) as server, opened(browser, server) as page:
        page.click("#tab-promise")
        page.get_by_text("Not decided so far").wait_for()
        overridden = []
        server.service.ask(list(IMAGES) * 4, [Label()] * 240, lambda place, rows: overridden.extend(rows))
        while len(overridden) < 240:
            time.sleep(0.01)
        harmful = [row for row in overridden if row["overridden"]][:25]
        for row in harmful:  # each override took a right answer
            server.service.verdict(row["prediction"], row["label"])
        page.get_by_text("Alarm: the promise is broken").wait_for()
        assert page.locator("svg.chart .alarmed").count() == 1
        assert "The patch is silent since an alarm" in page.inner_text(".restraint")
        assert page.locator(".pairs tbody tr").count() == 3
        page.click("#tab-answer")
        drop(page)
        assert len(set(given(page))) == 1
        page.locator("#restrained >> text=Lift it").click()
        confirm(page, "the verdicts were wrong")
        page.locator("#restrained").wait_for(state="hidden")
        drop(page, LOWER, "again.png")
        page.locator("#result", has_text="overrides the classifier").wait_for()
        entry = server.service.store.patch_log()[-1]
        assert (entry.action, entry.who, entry.reason) == ("lift", "Ann", "the verdicts were wrong")


def test_the_camera_gives_a_frame_every_second_and_one_that_is_judged_stays(
    browser: Any, patches: Path, tmp_path: Path
) -> None:
    with served(patches, tmp_path) as server, opened(browser, server, permissions=["camera"]) as page:
        page.click("#camera")
        given(page)
        while len(server.service.store.decisions_since()) < 3:
            page.wait_for_timeout(20)
        assert page.locator("#strip button").count() == 0  # each takes the place of the one before
        page.keyboard.press("1")
        page.locator("#strip button").nth(1).wait_for()
        page.click("#stop")
        assert page.is_hidden("#live") and page.evaluate("document.querySelector('#video').srcObject") is None
        groups = {row.group for row in server.service.store.decisions_since()}
        assert len(groups) == 1 and "" not in groups


def test_a_token_is_asked_for_once_and_refused_where_it_is_wrong(browser: Any, patches: Path, tmp_path: Path) -> None:
    limits = Limits(token="0123456789abcdef")
    with served(patches, tmp_path, limits) as server, opened(browser, server, allowed="status of 401") as page:
        page.fill("dialog input", "wrong")
        page.click("dialog button[type=submit]")
        page.get_by_text("does not accept this token").wait_for()
        page.fill("dialog input", "0123456789abcdef")
        page.click("dialog button[type=submit]")
        page.locator("#force", has_text="first@").wait_for()
        page.reload()
        page.locator("#force", has_text="first@").wait_for()
        assert page.locator("dialog").count() == 0
        drop(page)
        assert given(page)[1] == "lower"


def test_a_server_that_is_away_loses_nothing(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as server, opened(browser, server, allowed="ERR_CONNECTION") as page:
        drop(page)
        given(page)
        server.stop()
        page.keyboard.press("ArrowRight")
        page.get_by_text("The server does not answer").wait_for()
        drop(page, UPPER, "later.png")
        server.start()
        page.locator("#away").wait_for(state="hidden")
        assert given(page) == ["upper", "upper"]
        has_count(page, "#strip .judged-right", 1)
        page.keyboard.press("p")
        page.get_by_text("Kept: lower is right. Another").wait_for()
        assert verdicts(server) == [("lower", "")]


def test_refusals_are_shown_in_words_with_their_remedy(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as server, opened(browser, server, allowed="status of 4") as page:
        drop(page)
        given(page)
        server.service.recorder.flush()
        server.service.store.expire(time.time_ns() // 1000 + 10**9)
        page.keyboard.press("ArrowRight")
        page.locator("#problem", has_text="What helps:").wait_for()
        assert "no decision has this id" in page.inner_text("#problem")
        assert page.get_attribute("[data-name=right]", "aria-pressed") == "false"
        page.click("#problem button")
        assert page.is_hidden("#problem")


def test_reasons_are_shown_where_the_server_has_them(browser: Any, patches: Path, tmp_path: Path) -> None:
    pixel = f"data:image/png;base64,{base64.b64encode(png(UPPER)).decode()}"
    near = [{"label": NASTY, "distance": 0.25, "picture": pixel}]
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        page.route("**/explain*", lambda route: route.fulfill(json={"heat_map": pixel, "nearest": near, "words": "a"}))
        drop(page)
        page.click("#why button")
        page.locator(".near li", has_text=NASTY).wait_for()
        assert page.get_attribute(".heat", "src") == pixel and "distance 0.25" in page.inner_text(".near")


def test_an_answer_is_explained_by_the_patch_that_gave_it(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        drop(page)
        given(page)
        server.service.in_force.swap("none")
        page.evaluate("document.dispatchEvent(new Event('look-again'))")
        page.locator("#force", has_text="No patch is in force").wait_for()
        page.click("#why button")
        page.get_by_text("the score with which the patch overrides").wait_for()
        assert page.get_attribute(".heat", "src").startswith("data:image/png;base64,")
        assert "without labelled pictures" in page.inner_text("#why")


def test_the_box_of_a_face_is_drawn_where_the_row_has_it(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:

        def boxed(route: Any) -> None:
            answer = route.fetch()
            content = answer.json()
            content["predictions"][0]["box"] = [4, 5, 20, 25]
            route.fulfill(response=answer, json=content)

        page.route("**/predict*", boxed)
        drop(page)
        given(page)
        rect = page.locator(".box rect")
        assert [rect.get_attribute(name) for name in ("x", "y", "width", "height")] == ["4", "5", "16", "20"]
        playwright.expect(page.locator(".box")).to_have_attribute("viewBox", "0 0 32 32")


def test_markup_in_names_and_reasons_stays_text(browser: Any, patches: Path, tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    shutil.copytree(patches, folder)
    (folder / "second.patch").rename(folder / f"{NASTY}.patch")
    with served(folder, tmp_path, new_classes=(NASTY,)) as server, opened(browser, server) as page:
        drop(page, LOWER, f"{NASTY}.png")
        given(page)
        page.keyboard.press("4")
        page.get_by_text(f"Kept: {NASTY} is right. Another").wait_for()
        page.click("#tab-patches")
        page.get_by_label(f"Put {NASTY} in force").click()
        confirm(page, NASTY, NASTY)
        page.locator(".card.now", has_text=NASTY).wait_for()
        page.locator("#force", has_text=NASTY).wait_for()
        page.click("#tab-promise")
        page.get_by_text("Not decided so far").wait_for()
        assert page.evaluate("document.hit") is None and page.locator("img[src=x]").count() == 0
        assert verdicts(server) == [(NASTY, "")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_everybody_can_use_every_part_on_every_screen(
    browser: Any, patches: Path, tmp_path: Path, scheme: str, size: dict[str, int]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    options = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce", "has_touch": size is PHONE}
    with (
        served(patches, tmp_path, keep="crop", new_classes=("a class with quite a long name",)) as server,
        opened(browser, server, **options) as page,
    ):
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")

        def check() -> None:
            results = axe.Axe().run(page).response["violations"]
            serious = [each for each in results if each["impact"] in ("serious", "critical")]
            assert serious == [], "\n".join(f"{each['id']}: {each['nodes'][0]['html']}" for each in serious)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

        check()
        for name in ("a.png", "a-name-without-any-space-" * 6):
            drop(page, LOWER, name)
        given(page)
        page.click("[data-name=wrong]")
        check()
        page.click("#mode-waiting")
        page.get_by_text("1 of 2").wait_for()
        check()
        page.click("#tab-promise")
        page.locator("svg.chart").wait_for()
        check()
        page.click("#tab-patches")
        page.get_by_label("Put second in force").wait_for()
        check()
        page.get_by_label("Put second in force").click()
        check()


def test_tabs_follow_the_keyboard_and_the_address(browser: Any, patches: Path, tmp_path: Path) -> None:
    with served(patches, tmp_path) as server, opened(browser, server) as page:
        page.focus("#tab-answer")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.id") == "tab-patches" and page.url.endswith("#patches")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert page.get_attribute("#tab-promise", "aria-selected") == "true" and page.is_hidden("#answer")
        page.reload()
        page.locator("#promise").wait_for()
        assert page.is_hidden("#answer") and page.is_hidden("#patches")
