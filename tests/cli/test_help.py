"""Help: quick, complete, with an example."""

import subprocess
import sys

import click
import pytest
from conftest import Mien

from mien.cli import VERBS, cli

HEAVY = ("torch", "sklearn", "matplotlib", "scipy", "xgboost", "PIL")


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from mien.cli import run; code = run(['--help']);"
        f"sys.exit(code or ' '.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(verb in done.stdout for verb in VERBS)


def whole_verbs() -> list[tuple[str, ...]]:
    """Verbs as they are typed: those of a group with its name before them."""
    found = {verb: cli.get_command(click.Context(cli), verb) for verb in VERBS}
    return [
        (verb, *inner)
        for verb, command in found.items()
        for inner in ([(name,) for name in command.commands] if isinstance(command, click.Group) else [()])
    ]


@pytest.mark.parametrize("verb", whole_verbs(), ids=" ".join)
def test_every_verb_has_help_with_an_example(mien: Mien, verb: tuple[str, ...]) -> None:
    said = mien(*verb, "--help")
    assert said.code == 0
    assert f"Example:\n    mien {' '.join(verb)} " in said.out


def test_version(mien: Mien) -> None:
    said = mien("--version")
    assert said.code == 0 and said.out.startswith("mien, version ")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["stdy"], "Did you mean 'study'?"),
        (["data", "inspct"], "Did you mean 'inspect'?"),
        (["patch", "nonsense"], "Choose from: apply, remove, show"),
        (["nonsense"], "Choose from: data, study"),
        (["study", "synthetic", "--epoch", "3"], "--epochs"),  # click puts it between quotes, since 8.4
        (["study"], "Missing argument 'DATA'"),
        (["predict", "x.png"], "Missing option '--run'"),
    ],
)
def test_wrong_words_are_bad_usage_with_a_hint(mien: Mien, words: list[str], hint: str) -> None:
    mien(*words).refused(2, hint)
