"""Recognition of the folder in a picture's path that names its class, and of folders that name people.

    happiness/1.png   train/happiness/1.png   happiness/S010/1.png   S010/happiness/1.png   happiness/cropped/1.png

A folder named after an emotion (or one of the user's names) is the class. Folders beside it are classes too. Without
any such name the depth decides; if two levels are possible, the folder tree is refused.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from mien.errors import DataError

Path = tuple[str, ...]
"""Names of the folders from below the root down to a picture."""
PARTS = frozenset(
    {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "images", "data"}
)  # fmt: skip
"""Names of folders that mean a part of a data set, never a class or a person."""
NOT_PEOPLE = PARTS | frozenset(
    {"aligned", "color", "colour", "crop", "cropped", "face", "faces", "gray", "grey", "large", "original",
     "originals", "raw", "rgb", "small"}
)  # fmt: skip
PERSON = re.compile(r"[a-z]{0,3}|s(ub(j(ect)?)?)?|p(ers(on)?|articipant)?|actor|model|user|id", re.IGNORECASE)
"""Prefixes of a person's number: S010, subject_3, AF01."""
FEW = 5
"""Minimum number of different folder names without numbers that count as people."""
SHOWN = 3


@dataclass(frozen=True)
class Levels:
    """The class folder in a picture's path, and the folders above and below it.

    Attributes
    ----------
    label : name of the class folder, "" if there is none.
    above, below : names of the folders above and below it.
    """

    label: str = ""
    above: Path = ()
    below: Path = ()


def levels_of(
    folders: Collection[Path], means_class: Callable[[str], bool], level: int | None = None, place: str = ""
) -> dict[Path, Levels]:
    """Find the class folder in each path.

    Parameters
    ----------
    folders : paths of folders that contain pictures, none of them empty.
    means_class : function that decides whether a name is that of a known class.
    level : level of the class folders, counted from 1 below the root; recognised by default.
    place : the root, for messages.

    Raises
    ------
    DataError : the classes may be on either of two levels.

    Examples
    --------
    >>> found = levels_of([("fear", "S010"), ("bored", "S011")], {"fear"}.__contains__)
    >>> found["bored", "S011"].label, found["fear", "S010"].below
    ('bored', ('S010',))
    """
    if level is not None:
        chosen = {path: level - 1 if len(path) >= level else None for path in folders}
    else:
        named = _by_name(folders, means_class, place)
        chosen = _beside(folders, named) if named else _by_depth(folders, place)
    return {
        path: Levels() if number is None else Levels(path[number], path[:number], path[number + 1 :])
        for path, number in chosen.items()
    }


def _core(path: Path) -> list[int]:
    """Indices of the folders in a path that may be classes."""
    return [index for index, name in enumerate(path) if name.casefold() not in PARTS]


def _by_name(folders: Collection[Path], means_class: Callable[[str], bool], place: str) -> dict[Path, int]:
    """Path → index of the class folder, for paths with a folder that is named after a known class."""
    candidates = {path: [number for number in _core(path) if means_class(path[number])] for path in folders}
    names: defaultdict[int, set[str]] = defaultdict(set)
    for path, numbers in candidates.items():
        for number in numbers:
            names[number].add(path[number])
    chosen = {}
    for path, numbers in candidates.items():
        most = max((len(names[number]) for number in numbers), default=0)
        best = [number for number in numbers if len(names[number]) == most]
        if len(best) > 1:
            raise _ambiguous([path], best[:2], place)
        if best:
            chosen[path] = best[0]
    return chosen


def _beside(folders: Collection[Path], named: dict[Path, int]) -> dict[Path, int | None]:
    """Path → index of the class folder: a known class, a folder beside one, else the folder at the usual depth."""
    parents = {path[:number] for path, number in named.items()}
    usual = Counter(_core(path).index(number) for path, number in named.items()).most_common(1)[0][0]
    chosen: dict[Path, int | None] = {}
    for path in folders:
        core = _core(path)
        beside = (number for number in core if path[:number] in parents)
        chosen[path] = named.get(path, next(beside, core[usual] if len(core) > usual else None))
    return chosen


def _by_depth(folders: Collection[Path], place: str) -> dict[Path, int | None]:
    """Path → class folder without known names: the first level if it has pictures, else the level without people."""
    cores = {path: _core(path) for path in folders}
    deep = [path for path, core in cores.items() if core]
    depth = 0
    if deep and min(len(cores[path]) for path in deep) > 1:
        first, second = ([path[cores[path][depth]] for path in deep] for depth in (0, 1))
        people = [are_numbered(names) for names in (first, second)]
        if len(set(first)) == 1 or people == [True, False]:
            depth = 1
        elif people != [False, True]:
            raise _ambiguous(deep, cores[deep[0]][:2], place)
    return {path: core[depth] if core else None for path, core in cores.items()}


def _ambiguous(paths: Sequence[Path], numbers: Sequence[int], place: str) -> DataError:
    shown = []
    for number in numbers:
        names = sorted({path[number] for path in paths if len(path) > number})
        more = ", …" if len(names) > SHOWN else ""
        shown.append(f"level {number + 1} ({', '.join(names[:SHOWN])}{more})")
    remedy = " or ".join(f"--class-level {number + 1}" for number in numbers)
    cause = f"the classes may be the folders of {' or of '.join(shown)}"
    return DataError(cause, place=place, remedy=f"choose with {remedy}")


def are_numbered(names: Collection[str]) -> bool:
    """Whether all names are numbers, or numbers with a prefix used for people: S010, subject_3, 12.

    >>> are_numbered(["S010", "S011"]), are_numbered(["cropped", "raw"])
    (True, False)
    """
    split = [re.fullmatch(r"(.*?)[\s_-]*\d+[a-z]?", name, re.IGNORECASE) for name in names]
    return bool(split) and all(match and PERSON.fullmatch(match[1]) for match in split)


def are_person_names(names: Sequence[str]) -> bool:
    """Whether the folders of pictures name people: numbered names, or many names none of which holds most pictures."""
    counts = Counter(names)
    if not counts or any(name.casefold() in NOT_PEOPLE for name in counts):
        return False
    return are_numbered(counts) or (len(counts) >= FEW and max(counts.values()) <= sum(counts.values()) / 2)
