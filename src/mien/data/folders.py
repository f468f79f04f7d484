"""Reader of class folders: a folder names the class of its pictures, folders above and below people or sources.

    ROOT/happiness/1.png     ROOT/train/happiness/1.png     ROOT/happiness/S010/1.png     ROOT/votes.csv (optional)

`votes.csv` has the columns `image` (path inside ROOT), one per class with its votes, and optionally `person`. Links to
folders are followed; a folder that is reached twice is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mien.data.files import Folder, walk
from mien.data.hints import unnamed_columns
from mien.data.labels import EMOTIONS
from mien.data.levels import PARTS, Levels, are_numbered, are_person_names, levels_of
from mien.data.listing import labelset_of, resolve, spellings
from mien.data.votes import read_votes, votes_in
from mien.errors import DataError
from mien.types import NO_LABEL, Dataset, Problem, Texts, spelling, texts

LAYOUT = "class folders (ROOT/happiness/1.png, ROOT/train/happiness/1.png)"
OPTIONS = ("class_level", "subfolders")
SUBFOLDERS = ("auto", "person", "source")


def looks_like(path: Path) -> bool:
    """Whether there is a folder with pictures anywhere below `path`."""
    return path.is_dir() and any(folder.pictures for folder in walk(path))


def read(
    path: Path, names: Mapping[str, str] | None = None, class_level: int | None = None, subfolders: str = SUBFOLDERS[0]
) -> Dataset:
    """List the pictures of class folders.

    Parameters
    ----------
    path : the root folder.
    names : folder name → class name, required for numeric folders.
    class_level : level of the class folders, counted from 1 below the root; recognised by default.
    subfolders : meaning of the other folders: "person" or "source"; "auto" decides by their names.

    Returns
    -------
    Dataset, not decoded; ids are paths inside `path`.

    Raises
    ------
    DataError : there are no class folders, or two levels of folders may be the classes.
    """
    walked = list(walk(path))
    files, levels, problems = _list(path, walked, names, class_level)
    if not files:
        tables = sorted(entry for entry in path.iterdir() if entry.is_file()) if path.is_dir() else []
        hint = next((f"; or {hint}" for table in tables if (hint := unnamed_columns(table))), "")
        remedy = f"put the pictures into one folder per class{hint}"
        if class_level is not None:
            remedy = f"its folders are not {class_level} levels deep: give another --class-level, or leave it out"
        raise DataError("has no class folders with pictures", place=str(path), remedy=remedy)
    raw = texts([level.label for level in levels])
    meanings = labelset_of(
        [*np.unique(raw).tolist(), *EMOTIONS.names, *(names or {}).values()], names, others=True, place=str(path),
        what="class folders",
    )  # fmt: skip
    tables = [table for folder in walked if (table := votes_in(folder.path))]
    people, sources, guessed = _people_and_sources(levels, subfolders, path)
    votes = read_votes(tables, path, files, meanings)
    labelset = labelset_of([*np.unique(raw).tolist(), *votes.classes], names, others=True)
    labels = resolve(raw, labelset)
    return Dataset(
        ids=texts(files),
        labels=np.where(votes.contradictory, NO_LABEL, labels),
        labelset=labelset,
        raw_labels=raw,
        paths=texts([str(path / file) for file in files]),
        votes=votes.counts(labelset),
        groups=_first_known(votes.people, people),
        sources=sources,
        problems=(*problems, *guessed, *_doubts(raw, path), *votes.problems),
        name=str(path),
    )


def _list(
    root: Path, walked: Sequence[Folder], names: Mapping[str, str] | None, class_level: int | None
) -> tuple[list[str], list[Levels], list[Problem]]:
    """Paths inside root of the pictures in class folders, their Levels, and Problems of folders and other pictures."""
    inside = {folder.path: folder.path.relative_to(root).parts for folder in walked if folder.pictures}
    known = {*EMOTIONS.names, *spellings(names), *spellings(names).values()}
    by_folder = levels_of(
        [parts for parts in inside.values() if parts], lambda name: spelling(name) in known, class_level, str(root)
    )
    files: list[str] = []
    levels: list[Levels] = []
    problems: list[Problem] = []
    for folder in walked:
        level = by_folder.get(inside.get(folder.path, ()), Levels())
        if level.label:
            files += [folder.path.relative_to(root).joinpath(name).as_posix() for name in folder.pictures]
            levels += [level] * len(folder.pictures)
        else:
            remedy = "move it into the folder of its class, or remove it"
            problems += [
                Problem("unlabelled", str(folder.path / name), "is not in a class folder", remedy)
                for name in folder.pictures
            ]
        problems += folder.problems
    return files, levels, problems


def _people_and_sources(
    levels: Sequence[Levels], subfolders: str, root: Path
) -> tuple[Texts | None, Texts | None, list[Problem]]:
    """(N,) person and (N,) source of each picture, "" where unknown, and Problems for folders taken for people."""
    above = [[name for name in level.above if name.casefold() not in PARTS] for level in levels]
    below = [[name for name in level.below if name.casefold() not in PARTS] for level in levels]
    people = np.full(len(levels), "", dtype=object)
    rest: list[list[str]] = [
        [name for name in (*level.above, *level.below) if name.casefold() in PARTS] for level in levels
    ]
    problems = []
    for side in (above, below):
        for depth in range(max(map(len, side))):
            names = [path[depth] if depth < len(path) else "" for path in side]
            given = [name for name in names if name]
            known = all(person for person, name in zip(people, names, strict=True) if name)  # from folders above
            if subfolders == "person" or (subfolders == "auto" and not known and are_person_names(given)):
                people = np.where(people == "", names, people)
                if subfolders == "auto":
                    distinct = sorted(set(given))
                    cause = f"{len(distinct)} folders such as {distinct[0]} are taken for people: "
                    cause += "all pictures of a person stay in one part"
                    remedy = "nothing; or give --subfolders source if they are not people"
                    problems.append(Problem("folders as people", str(root), cause, remedy))
            else:
                rest = [[*parts, name] if name else parts for parts, name in zip(rest, names, strict=True)]
    sources = texts(["/".join(parts) for parts in rest])
    return (
        (texts(people.tolist()) if (people != "").any() else None),
        (sources if (sources != "").any() else None),
        problems,
    )


def _doubts(raw: Texts, root: Path) -> Iterator[Problem]:
    """Problems of class folders with names like people's, and of a table of votes in the folder above."""
    distinct = sorted(set(map(str, raw)))
    if len(distinct) > 1 and are_numbered(distinct) and not all(name.isdecimal() for name in distinct):
        cause = f"the {len(distinct)} class folders such as {distinct[0]} are named like people or recordings"
        remedy = "nothing if they are classes; else sort the pictures into one folder per class, or list their labels"
        yield Problem("classes like people", str(root), cause, remedy)
    above = root.resolve().parent
    if table := None if votes_in(root) else votes_in(above):
        yield Problem("table not used", str(table), "lies above the pictures", f"give {above}, or move it into {root}")


def _first_known(people: Texts | None, others: Texts | None) -> Texts | None:
    """(N,) person from `people`, or from `others` where `people` has none."""
    if people is None or others is None:
        return others if people is None else people
    return np.where(people == "", others, people)
