"""Files and functions of mien stay short enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src"
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60
MOST_PARAMETERS, MOST_WIDE_FUNCTIONS = 6, 11


def functions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def width(function: ast.FunctionDef) -> int:
    """The number of parameters, without self and cls."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_file_is_long() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert len(sizes) > 100 and not {path: size for path, size in sizes.items() if size > MOST_LINES}


def test_no_function_is_long() -> None:
    long = {
        f"{path}: {function.name}"
        for path, function in functions()
        if (function.end_lineno or 0) - function.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    }
    assert not long


def test_few_functions_have_many_parameters() -> None:
    wide = [f"{path}: {function.name}" for path, function in functions() if width(function) > MOST_PARAMETERS]
    assert len(wide) <= MOST_WIDE_FUNCTIONS, "\n".join(wide)
