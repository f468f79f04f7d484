"""The files of the page of `mien serve`: their types, their ETags, what they may load, and that they stay small."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mien.serve.guard import Guard, Limits
from mien.serve.page import PAGE, STYLE, TYPES, Asset, assets, routes

MOST_LINES, MOST_COLUMNS = 300, 255
TEXTS = {name: asset.content.decode() for name, asset in assets().items()}
SCRIPTS = {name: text for name, text in TEXTS.items() if name.endswith(".js")}


@pytest.fixture
def client() -> TestClient:
    guarded = Guard(Starlette(routes=routes()), Limits(token="0123456789abcdef"))
    return TestClient(guarded, base_url="http://localhost")


def test_every_file_has_its_type_and_needs_no_token(client: TestClient) -> None:
    for name, asset in assets().items():
        answer = client.get(f"/assets/{name}")
        assert answer.status_code == 200 and answer.content == asset.content
        assert answer.headers["content-type"] == TYPES[name[name.rfind(".") :]]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/").content == assets()[PAGE].content
    for path in ("/assets/page.py", "/assets/", "/assets/..%2fpage.py", "/assets/%2e%2e/page.py"):
        assert client.get(path).status_code in (401, 404)


def test_a_file_that_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/assets/page.js")
    again = client.get("/assets/page.js", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get("/assets/page.js", headers={"if-none-match": '"other"'}).status_code == 200
    assert Asset(b"a", "text/css").etag != Asset(b"b", "text/css").etag
    assert len({asset.etag for asset in assets().values()}) == len(assets())


def test_the_policy_allows_the_files_of_the_server_alone(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in policy and "http" not in policy


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    page = TEXTS[PAGE]
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links and all(link.removeprefix("assets/") in assets() for link in links)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", page)
    for name, text in TEXTS.items():
        addresses = re.findall(r"https?://[^\s\"'`)]+", text)
        assert set(addresses) <= {"http://www.w3.org/2000/svg", "https://", "http://localhost."}, name
        assert "@import" not in text and "url(" not in text.replace("url(#plot)", ""), name


def test_scripts_name_files_that_exist_and_make_no_html_of_text() -> None:
    for name, text in SCRIPTS.items():
        imported = re.findall(r'from "\./([^"]+)"', text)
        assert set(imported) <= set(SCRIPTS), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            name
        )


def test_the_page_has_what_the_scripts_look_for() -> None:
    wanted = {match for text in SCRIPTS.values() for match in re.findall(r'\bat\("([\w-]+)"\)', text)}
    assert wanted and wanted <= set(re.findall(r'id="([\w-]+)"', TEXTS[PAGE]))


def test_files_are_short_enough_to_be_read_at_once() -> None:
    for name, text in TEXTS.items():
        if name != STYLE:
            assert len(text.splitlines()) <= MOST_LINES, name
            assert max(map(len, text.splitlines())) <= MOST_COLUMNS, name
