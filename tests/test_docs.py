"""The documentation keeps its word: commands parse, Python runs, links and named files exist, pictures can be made."""

from __future__ import annotations

import ast
import contextlib
import doctest
import re
import shlex
import shutil
import sys
import tomllib
from importlib import util
from pathlib import Path
from types import ModuleType

import click
import pytest

from mien.cli import VERBS, cli

ROOT = Path(__file__).parent.parent
PACKAGES = [path.name for path in (ROOT / "src" / "mien").iterdir() if (path / "__init__.py").exists()]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return [code for found, code in FENCE.findall((ROOT / page).read_text(encoding="utf-8")) if found == language]


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))


def commands(text: str) -> list[str]:
    """Lines that call mien, without their comments."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line.startswith("mien ") and "DATA" not in line]


def page_commands(page: str) -> list[str]:
    spans = "\n".join(span.replace("\n", " ") for span in re.findall(r"`(mien [^`]+)`", prose(page)))
    return commands("\n".join([*blocks(page, "sh"), spans]))


def parse(line: str) -> None:
    """Parse a command line to the end without running it: verbs, flags, choices and types must be right."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="mien")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{line}: there is no verb {words[0]}"
        command, words = found, words[1:]
    if not words:
        return  # the verb is named, not called
    with command.make_context(command.name, words, parent=context):
        pass


COMMANDS = [
    (page, line) for page in NAMES for line in page_commands(page) if line.split()[1] not in ("--help", "--version")
]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with the TOML files that the pages show."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    for page in NAMES:
        for code in blocks(page, "toml"):
            (tmp_path / code.splitlines()[0].removeprefix("# ")).write_text(code)
    return tmp_path


def test_there_are_pages_and_commands_to_check() -> None:
    assert len(PAGES) >= 7 and len(COMMANDS) >= 25


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_parses(page: str, line: str, scratch: Path) -> None:
    parse(line)


def test_a_wrong_flag_would_be_found(scratch: Path) -> None:
    with pytest.raises(click.UsageError):
        parse("mien study synthetic --no-such-flag")


def test_the_readme_shows_every_verb() -> None:
    shown = {line.split()[1] for page, line in COMMANDS if page == "README.md"}
    assert shown == set(VERBS)


def leaves(group: click.Group, context: click.Context) -> list[click.Command]:
    found = [group.get_command(context, name) for name in group.list_commands(context)]
    return [
        leaf
        for command in found
        if command is not None
        for leaf in (leaves(command, context) if isinstance(command, click.Group) else [command])
    ]


def test_the_examples_of_every_help_parse(scratch: Path) -> None:
    for command in leaves(cli, click.Context(cli)):
        examples = commands(command.help or "")
        assert examples, f"{command.name} has no example"
        for line in examples:
            parse(line)


@pytest.mark.parametrize("page", [page for page in NAMES if blocks(page, "python")])
def test_python_runs(page: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks of a page, one after the other in one module."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    namespace = vars(module)
    for number, code in enumerate(blocks(page, "python"), 1):
        exec(compile(code, f"{page}, block {number}", "exec", dont_inherit=True), namespace)
        runner = doctest.DocTestRunner()
        for value in [value for value in namespace.values() if getattr(value, "__module__", "") == "page"]:
            for test in doctest.DocTestFinder(exclude_empty=True).find(value, globs=namespace, module=False):
                runner.run(test)
        assert runner.summarize().failed == 0


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", NAMES)
def test_relative_links_lead_somewhere(page: str) -> None:
    here = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = here / path if path else ROOT / page
        assert found.exists(), f"{page} links to {target}"
        assert not anchor or anchor in anchors(found), f"{page} links to {target}"


@pytest.mark.parametrize("page", NAMES)
def test_named_files_and_modules_exist(page: str) -> None:
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    for span in spans:
        if re.fullmatch(r"(src|tests|docs|examples|benchmarks)/[\w./-]+", span):
            assert (ROOT / span).exists(), f"{page} names {span}"
        if re.fullmatch(rf"({'|'.join(PACKAGES)})(\.(?!html|csv|npz|json)\w+)+", span):
            assert is_there(f"mien.{span}"), f"{page} names {span}"


def test_names_in_docstrings_and_messages_exist() -> None:
    strings = [
        (path, node.value)
        for path in sorted((ROOT / "src").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    names = {(path, name) for path, text in strings for name in re.findall(r"\bmien(?:\.[A-Za-z_]\w*)+", text)}
    groups = {name for _, name in names if name.removeprefix("mien.") in ("classifiers", "correctors", "executors")}
    missing = [f"{path}: {name}" for path, name in names if name not in groups and not is_there(name)]
    assert len(names) > 20 and not missing, "\n".join(missing)


def test_architecture_shows_the_folders_and_layers_that_are_there() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = page.partition("| stage |")[2].partition("\n\n")[0]
    shown = re.findall(r"`(\w+)/`", table)
    assert sorted(shown) == sorted(PACKAGES)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert "\n".join(contracts[0]["layers"]) in page


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or stands in the text of the nearest module above it."""
    module, last = name, ""
    while True:
        with contextlib.suppress(ModuleNotFoundError):
            if found := util.find_spec(module):
                text = Path(found.origin or "").read_text(encoding="utf-8")
                return bool(re.search(rf"\b{last}\b", text))
        module, _, last = module.rpartition(".")


def test_the_make_targets_of_the_pages_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in NAMES:
        text = "\n".join([*blocks(page, "sh"), *re.findall(r"`(make [^`]+)`", prose(page))])
        named = set(re.findall(r"^make (\w+)", text, re.MULTILINE))
        assert named <= targets, f"{page}: {named - targets}"


def test_the_picture_of_the_report_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no chromium on this machine")
    monkeypatch.syspath_prepend(ROOT / "docs")
    monkeypatch.delitem(sys.modules, "make_images", raising=False)
    import make_images  # type: ignore[import-not-found]

    with pytest.raises(SystemExit, match="run the study first"):
        make_images.make(tmp_path)
    (tmp_path / "report.html").write_text("<h1>Report</h1>")
    picture = make_images.make(tmp_path, tmp_path / "images")
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.name in (ROOT / "README.md").read_text()
