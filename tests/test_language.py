"""The style note of CONTRIBUTING.md, where a machine can check it: docstrings, messages, help texts and pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THINGS = (
    "array|file|table|row|column|corrector|classifier|network|run|patch|score|message|label|picture|image|setting|"
    "folder|manifest|card|page|report|test|treatment|certificate|reader|list|data set"
)
BANNED = {
    r"\banew\b": "again",
    r"\bas far as\b": "say what limits it",
    r"\bwhat (that|it) is\b": "name it",
    r"\b(win|wins|won|winning) (\w+ )?back\b": "recover; the class is the target class",
    r"\b(do|does|did) without\b": "needs no …",
    r"\bmay be harmed\b": "the allowed number of harmed …",
    r"(?<!so )\b(go|goes|went|going) on\b": "continue",
    r"\bdear(er|est)?\b": "expensive, slow",
    r"\bby heart\b": "memorised",
    r"\btravel together\b": "belong to one group",
    r"\bbelongs? to nobody\b|\bnobody's\b": "stale",
    rf"\b({THINGS})s? (say|says|said|tell|tells|told|speak|speaks|spoke|think|thinks|want|wants|wanted|hear|hears)\b": (
        "no person for a thing: reports, stores, gives, requires"
    ),
    rf"\b({THINGS})s? (know|knows|knew|does not know|do not know)\b": "was trained on; stores; holds",
    r"^names (none|no seed|no model)\b|\bnot even none\b": "at least one … is required; even zero …",
    r"\bpays? for it\b": "bears most of the harm",
    r"\bholds something else\b|\bdoes not hold what\b": "already exists; is corrupt, or was edited",
    r"\bin its place where\b": "falls back to",
    r"^(The same|Both|Like that)\b[^ ]*\.$": "a sentence that stands alone",
}
"""Turn → what to write instead."""
VAGUE = {"found", "one", "own", "seen", "of", "said", "told"}


@cache
def sources() -> list[tuple[Path, ast.Module]]:
    """Every module of mien, parsed, with its path."""
    return [
        (path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / "src").rglob("*.py"))
    ]


@cache
def sentences() -> list[tuple[str, str]]:
    """(place, text on one line) of every longer text in the source, of every paragraph of the docs, of the pages."""
    return [(place, " ".join(text.split())) for place, text in _sentences()]


def _sentences() -> Iterator[tuple[str, str]]:
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield f"{path}:{node.lineno}", node.value
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "ARCHITECTURE.md"]:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for paragraph in text.split("\n\n"):
            yield str(path.relative_to(ROOT)), paragraph
    for path in sorted((ROOT / "src").rglob("templates/*.html")):
        text = re.sub(
            r"<script.*?</script>|\{[%#].*?[%#]\}|<[^>]*>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL
        )
        for paragraph in text.split("\n"):
            yield str(path.relative_to(ROOT)), paragraph


def summaries() -> Iterator[tuple[str, str]]:
    """(place, first paragraph) of the docstring of everything public."""
    for path, tree in sources():
        for node in ast.walk(tree):
            documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            public = documented and not getattr(node, "name", "").startswith("_")
            if public and (text := ast.get_docstring(node)):
                yield f"{path}:{getattr(node, 'lineno', 1)}", text.split("\n\n")[0]


def test_variables_are_named_by_what_they_hold() -> None:
    """A field of a class may have such a name: `found` is a flag of mien correct."""
    bound = []
    for path, tree in sources():
        nodes = list(ast.walk(tree))
        fields = {id(field.target) for node in nodes if isinstance(node, ast.ClassDef)
                  for field in node.body if isinstance(field, ast.AnnAssign)}  # fmt: skip
        for node in nodes:
            if isinstance(node, ast.arg):
                name = node.arg
            else:
                name = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""
            if name in VAGUE and id(node) not in fields:
                bound.append(f"{path}:{node.lineno}: {name}")
    assert not bound, "\n".join(bound)


@pytest.mark.parametrize("turn", BANNED)
def test_banned_turns_are_not_used(turn: str) -> None:
    found = [f"{place}: {match[0]!r}" for place, text in sentences() if (match := re.search(turn, text, re.IGNORECASE))]
    assert not found, f"write: {BANNED[turn]}\n" + "\n".join(found)


def test_the_first_sentence_of_a_docstring_is_whole() -> None:
    odd = [
        f"{place}: {text}"
        for place, text in summaries()
        if not (text[0].isupper() or text[0] in '(`"0123456789' or text.startswith("mien ") or " = " in text)
        or not text.rstrip().endswith((".", "?", ":", "!"))
        or len(text.split()) < 3
    ]
    assert not odd, "\n".join(odd)


def test_the_check_finds_what_it_bans() -> None:
    examples = {
        "the page is made anew": 1,
        "the corrector says no": 1,
        "classes that the classifier does not know": 1,
        "and so on": 0,
        "the training continues": 0,
        "what the user wants": 0,
    }
    for text, count in examples.items():
        assert sum(bool(re.search(turn, text, re.IGNORECASE)) for turn in BANNED) == count, text
