"""Messages of failure: true of the command, and with flags that it has."""

import ast
import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from conftest import QUICK_PATCH, Mien

import mien as package
from mien.cli import cli
from mien.cli.failures import FLAG, STOPPED, command_of, flags_of, message, remedy_for
from mien.errors import DiskFullError, StorageError, UsageError


def commands(group: click.Group = cli, words: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its words."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{words}{name} ")
        else:
            yield words + name, command


COMMANDS = dict(commands())
OF_NPM = {"--prefer-offline", "--silent", "--ignore-scripts"}
EVERY_FLAG = OF_NPM.union(*(flags_of(command) for command in COMMANDS.values()))


def texts() -> Iterator[tuple[str, str]]:
    """All text in the source of mien, but for docstrings: (file, text)."""
    root = Path(str(package.__file__)).parent
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield str(path.relative_to(root)), node.value


def test_every_flag_in_a_text_exists() -> None:
    css = re.compile(r"var\(--[\w-]+|--[\w-]+\s*:")
    found = {
        (file, flag) for file, text in texts() for flag in FLAG.findall(css.sub("", re.sub(r"pip install.*", "", text)))
    }
    assert len(found) > 30
    assert not {(file, flag) for file, flag in found if flag not in EVERY_FLAG and not flag.endswith("-")}


def test_every_command_says_what_is_true_when_it_was_stopped(mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    assert STOPPED.keys() == COMMANDS.keys()

    def stop(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    for words, command in COMMANDS.items():
        with monkeypatch.context() as patch:
            patch.setattr(command, "callback", stop)
            needed = ["x" for one in command.params if isinstance(one, click.Argument)]
            for one in command.params:
                if isinstance(one, click.Option) and one.required:
                    needed += [one.opts[0], "x"]
            said = mien(*words.split(), *needed)
        assert said.code == 1 and STOPPED[words] in said.err, words
        goes_on = words in ("study", "train", "compare", "audit")
        assert ("finished work is kept" in said.err) == goes_on


@pytest.mark.parametrize("words", COMMANDS)
def test_a_remedy_has_only_flags_of_the_command(words: str) -> None:
    """Whatever a lower layer says."""
    arguments = words.split()
    for _, text in texts():
        if not FLAG.search(text) or "pip" in text:
            continue
        shown = remedy_for(cli, arguments, text)
        named = re.search(r"\bmien ([a-z]+)", shown)
        allowed = flags_of(command_of(cli, [named.group(1)])[1]) if named else set()
        assert set(FLAG.findall(shown)) <= flags_of(COMMANDS[words]) | allowed


def test_a_place_has_only_a_flag_of_the_command() -> None:
    error = UsageError("is not known", place="--base atention", remedy="choose from: a, b")
    assert message(cli, ["study", "x"], error).startswith("--base atention: ")
    assert message(cli, ["discover", "x"], error).startswith("atention: ")
    assert "--upgrade" in message(cli, ["report"], UsageError("old", remedy="pip install --upgrade mien"))


def test_a_full_disk_promises_nothing_that_is_not_so() -> None:
    full = DiskFullError("cannot write", place="x", remedy="free some space and run the same command again")
    for words in COMMANDS:
        goes_on = words in ("study", "train", "compare", "audit")
        assert ("finished work is kept" in message(cli, words.split(), full)) == goes_on
        elsewhere = message(cli, words.split(), StorageError("x", remedy="make it so, or choose one with --out"))
        assert ("--out" in elsewhere) == ("--out" in flags_of(COMMANDS[words]))


def refusing(*arguments: object, **named: object) -> int:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_a_disk_that_may_not_be_written(
    mien: Mien, trained: Path, patched: Path, faces: Path, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ("--out", tmp_path / "new")
    correct = ("correct", trained, faces, "--class", "sadness", *QUICK_PATCH)
    failing = {
        "patch apply": ("patch", "apply", patched, trained),
        "correct": (*correct, *out),
        "discover": ("discover", trained, faces / "fear", *out),
        "train": ("train", faces, *out),
        "audit": ("audit", faces, *out),
        "data draw": ("data", "draw", tmp_path / "new", "--n", "5"),
    }
    with monkeypatch.context() as disk:
        disk.setattr("mien.storage.files.tempfile.mkstemp", refusing)
        said = mien("report", study)  # it takes no lock
        said.refused(1, "Read-only")
        assert not FLAG.search(said.err)
    monkeypatch.setattr("mien.storage.output.exclusive_lock", refusing)
    for words, command in failing.items():
        said = mien(*command)
        said.refused(1, "Read-only")
        assert set(FLAG.findall(said.err)) == ({"--out"} & flags_of(COMMANDS[words])), words
        assert not said.out and "fitting" not in said.err, "it worked first"
    assert not (tmp_path / "new").exists()


class OutOfMemoryError(RuntimeError):
    """As torch has it."""


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory"), OutOfMemoryError()])
def test_too_little_memory_is_no_fault(mien: Mien, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr("mien.experiments.experiment.prepare", fail)
    mien("train", "synthetic:n=60").refused(1, "memory", "--batch-size")
    monkeypatch.setattr("mien.deploy.opening.open_predictor", fail)
    assert "--" not in mien("predict", __file__, "--run", "x").err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_nobody_takes(faces: Path) -> None:
    command = [sys.executable, "-m", "mien", "data", "inspect", str(faces), "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr and "Traceback" not in done.stderr
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as left:
        assert left.stdout is not None and left.stderr is not None
        left.stdout.close()
        assert left.wait() == 1 and left.stderr.read() == ""


def test_work_goes_on_where_nobody_reads_its_progress(faces: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mien", "train", str(faces), "--epochs", "1", "--size", "16", "--base", "oneconv"]
    with Path(os.devnull).open("w") as nothing:
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([*command, "--out", str(tmp_path / "run")], stdout=nothing, stderr=write)
        os.close(write)
    assert done.returncode == 0 and list(tmp_path.rglob("model.json"))
