"""No advice names a folder or file for deletion that may hold what people made."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mien
from mien.cli import run

SOURCES = sorted(Path(mien.__file__).parent.rglob("*.py"))
DELETES = re.compile(r"\b(delete|erase|wipe|discard|rm)\b|\bremove (this|the|that) (one|folder|run|audit|patch|file)\b")


def advice(tree: ast.AST) -> Iterator[str]:
    """All texts that become a remedy: keywords called remedy, and names that end in it."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.keyword) and node.arg == "remedy"
        if isinstance(node, ast.Assign):
            names = {target.id.lower() for target in node.targets if isinstance(target, ast.Name)}
            named = any(name.endswith(("remedy", "remedies", "again")) for name in names)
        if named:
            values = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
            yield from (value for value in values if isinstance(value, str))


def test_no_remedy_in_the_code_tells_to_delete() -> None:
    found = [text for path in SOURCES for text in advice(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(found) > 100
    assert [text for text in found if DELETES.search(text)] == []


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, an audit of them, and a review. Read it only."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE", str(folder / "cache"))
        assert run(["data", "draw", str(folder / "faces"), "--n", "60", "--size", "24"]) == 0
        audit = ["audit", str(folder / "faces"), "--size", "24", "--epochs", "1", "--base", "oneconv"]
        assert run([*audit, "--out", str(folder / "audit")]) == 0
    name = next((folder / "faces" / "fear").iterdir()).name
    (folder / "audit" / "reviews.jsonl").write_text(f'{{"id": "fear/{name}", "label": "anger", "who": "anna"}}\n')
    return folder


@pytest.mark.parametrize("name", ["audit.json", "audit.npz", "reviews.jsonl"])
@pytest.mark.parametrize("damage", ["gone", "empty", "short", "other", "list", "older"])
def test_a_damaged_audit_is_never_to_be_deleted(
    audited: Path, tmp_path: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(audited / "audit", tmp_path / "audit"))
    path = folder / name
    whole = path.read_bytes()
    contents = {"empty": b"", "short": whole[: len(whole) // 2], "other": b"\x00\xff?", "list": b"[1]", "older": b"{}"}
    path.unlink() if damage == "gone" else path.write_bytes(contents[damage])
    code = run(["export", str(folder), "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code in (0, 1, 2) and "Traceback" not in said.err and "fault in mien" not in said.err
    assert not DELETES.search(said.err)
    assert name != "reviews.jsonl" or damage in ("other",) or code == 0, said.err
