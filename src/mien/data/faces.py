"""Synthetic faces, the built-in data set, whose ground truth is known exactly.

Every face is drawn from action units (FACS) of one emotion or a blend of two. Ten simulated annotators vote from the
blend; the given label is one of their votes. So the truth, the wrong labels, the ambiguous faces, the persons and the
duplicates are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.data import profile as profiles
from mien.data.drawing import expression, person
from mien.data.drawing.render import render
from mien.data.labels import EMOTIONS, emotions
from mien.data.profile import quota
from mien.errors import StorageError, UsageError, choice_error
from mien.storage.csv_tables import csv_text
from mien.storage.files import storage_errors, write_text
from mien.storage.folders import appearing
from mien.types import Dataset, Floats, Ints, Texts

ANNOTATORS = 10
SIDES = (16, 512)
"""Least and largest side of a drawn face in pixels."""
PROFILES: Mapping[str, Mapping[str, float]] = {**profiles.PROFILES, "even": dict.fromkeys(EMOTIONS.names, 1.0)}


@dataclass(frozen=True)
class FaceSettings:
    """Number, size, classes and difficulty of synthetic faces; `weakest`, `blending` and `noise` set the difficulty.

    Attributes
    ----------
    n : number of pictures.
    size : height and width, 16 to 512 pixels.
    colour : RGB if true, else grey.
    seed : equal settings and seed give equal pictures.
    profile : shares of the classes: "raf" (RAF-DB's seven), "affectnet" (AffectNet's eight), "even" (all eight), or a
        mapping from class to share.
    weakest : strength of the faintest expression, 0 to 1; strengths are uniform between it and 1.
    blending : share of faces that show two emotions.
    noise : share of votes in which an annotator mistakes an emotion for a similar one.
    duplicates : share of pictures that are exact copies of another.
    occlusion : share of faces partly hidden by a hand, a mask or sunglasses.
    pose : scale of the variation of pose; 0 is upright and centred.
    """

    n: int = 4000
    size: int = 48
    colour: bool = False
    seed: int = 0
    profile: str | Mapping[str, float] = "raf"
    weakest: float = 0.7
    blending: float = 0.2
    noise: float = 0.06
    duplicates: float = 0.01
    occlusion: float = 0.05
    pose: float = 0.6

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {
            "n": (1, 10**7), "size": SIDES, "seed": (0, 2**63), "pose": (0, 2), "weakest": (0, 1),
            "blending": (0, 1), "noise": (0, 1), "occlusion": (0, 1), "duplicates": (0, 0.5),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} is {getattr(self, name)}", place="synthetic", remedy=f"give {low} to {high}")
        if not self.shares:
            raise UsageError("the profile has no class", place="synthetic", remedy="give a class a share above 0")

    @property
    def shares(self) -> dict[str, float]:
        """Class → share, in canonical order and normalised to 1; classes without a share are left out."""
        profile = self.profile
        if isinstance(profile, str):
            if profile not in PROFILES:
                raise choice_error("profile", profile, PROFILES, place="synthetic")
            profile = PROFILES[profile]
        given = {
            EMOTIONS.names[EMOTIONS.index(name, place="synthetic profile")]: share for name, share in profile.items()
        }
        total = sum(given.values())
        return {name: given[name] / total for name in EMOTIONS.names if given.get(name, 0) > 0}

    @classmethod
    def parse(cls, spec: str) -> FaceSettings:
        """Parse settings from a text such as "NAME:size=64,n=200".

        >>> FaceSettings.parse("synthetic:size=64,n=200,colour=true").size
        64
        """
        head, _, rest = spec.partition(":")
        if head != "synthetic":
            remedy = "write synthetic, or synthetic:size=48,n=4000,seed=0"
            raise UsageError(f"{spec!r} means no drawn faces", remedy=remedy)
        kinds = {item.name: type(item.default) for item in fields(cls)}
        values: dict[str, Any] = {}
        for pair in filter(None, (part.strip() for part in rest.split(","))):
            name, _, text = (part.strip() for part in pair.partition("="))
            if name not in kinds:
                raise choice_error("setting", name, kinds, place=spec)
            values[name] = _value(text, kinds[name], name, spec)
        return cls(**values)


def _value(text: str, kind: type, name: str, spec: str) -> object:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return words[text.casefold()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        example = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
        raise UsageError(f"{name}={text!r} cannot be read", place=spec, remedy=f"give {name} {example}") from None


@dataclass(frozen=True)
class DrawnFaces:
    """Synthetic faces with their ground truth.

    Attributes
    ----------
    dataset : pictures, given labels, votes, persons.
    mixture : (N, K) true share of each emotion.
    truth : (N,) index of the dominant emotion.
    actions : (N, A) action unit intensities, 0 to 1.
    action_names : names of the A units.
    identity : (N,) index of the person.
    """

    dataset: Dataset
    mixture: Floats
    truth: Ints
    actions: Floats
    identity: Ints
    action_names: tuple[str, ...] = field(default=tuple(expression.UNITS))


def draw(settings: FaceSettings, *, workers: int | None = None, name: str = "") -> DrawnFaces:
    """Draw the faces, with `workers` threads (all cores by default); the result does not depend on their number.

    >>> faces = draw(FaceSettings(n=20, size=24))
    >>> faces.dataset.pixels.shape, int(faces.dataset.votes.sum(axis=1)[0])
    ((20, 24, 24), 10)
    """
    n, names = settings.n, tuple(settings.shares)
    # one random stream per purpose, so that a change to one does not change the others
    streams = [np.random.default_rng(part) for part in np.random.SeedSequence(settings.seed).spawn(6)]
    layout, moods, faces, views, juries, habits = streams
    truth = layout.permutation(np.repeat(np.arange(len(names)), quota(list(settings.shares.values()), n)))
    origin = _origins(truth, round(settings.duplicates * n), layout)
    identity = _identities(n, layout)[origin]
    persons = int(identity.max()) + 1
    mixture = expression.mixtures(truth, names, settings.blending, moods)[origin]
    habit = habits.uniform(0.8, 1.15, (persons, len(expression.UNITS)))[identity]
    actions = expression.actions(mixture, names, settings.weakest, habit, moods)[origin]
    who = person.people(persons, settings.colour, faces).take(identity)
    shot = person.shots(n, settings.occlusion, settings.pose, settings.colour, views).take(origin)
    chosen = expression.votes(mixture, names, settings.noise, ANNOTATORS, juries)
    labelset = emotions(*names)
    dataset = Dataset(
        ids=np.array([f"face-{row:06d}" for row in range(n)]),
        labels=chosen[:, 0],
        labelset=labelset,
        raw_labels=np.array(labelset.names)[chosen[:, 0]],
        paths=np.full(n, ""),
        pixels=render(who, shot, actions, settings.size, workers),
        votes=(chosen[:, :, None] == np.arange(len(names))).sum(axis=1),
        groups=np.array([f"person-{number:05d}" for number in identity]),
        name=name or f"synthetic:n={n},size={settings.size},seed={settings.seed}",
    )
    return DrawnFaces(dataset, mixture, truth, actions, identity)


def read(spec: str) -> Dataset:
    """The data set of a text such as "synthetic" or "synthetic:size=48,n=4000,seed=0"."""
    return draw(FaceSettings.parse(spec), name=spec).dataset


def _origins(truth: Ints, copies: int, rng: np.random.Generator) -> Ints:
    """(N,) row that each picture is a copy of, its own row for originals; both have the same true class."""
    order = np.lexsort((rng.random(len(truth)), truth))
    first, second = order[:-1:2], order[1::2]  # disjoint pairs, so that no copy is copied
    able = np.flatnonzero(truth[first] == truth[second])
    chosen = rng.permutation(able)[:copies]
    origin = np.arange(len(truth))
    origin[second[chosen]] = first[chosen]
    return origin


def _identities(n: int, rng: np.random.Generator) -> Ints:
    """(N,) index of the person in each picture, with 1 to 3 pictures per person in random order.

    Certificates count persons, not pictures; with few pictures per person, there are enough persons for calibration.
    """
    sizes = rng.integers(1, 4, n)
    return rng.permutation(np.repeat(np.arange(n), sizes)[:n])


def write(faces: DrawnFaces, out: Path) -> None:
    """Write the faces as a folder: OUT/CLASS/ID.png by given label, and OUT/votes.csv.

    The columns of votes.csv are image, label, the votes for each class, person and truth. The folder appears at once,
    when all is written; StorageError where OUT already holds something.
    """
    with storage_errors(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise StorageError("is there already, and not empty", place=str(out), remedy="choose another folder")
        with appearing(out) as folder:
            _write_pictures(faces.dataset, folder)
            write_text(folder / "votes.csv", _votes_csv(faces))


def _write_pictures(dataset: Dataset, folder: Path) -> None:
    assert dataset.pixels is not None
    for name in dataset.labelset.names:
        (folder / name).mkdir()

    def save(place: str, pixels: NDArray[np.uint8]) -> None:
        Image.fromarray(pixels).save(folder / place)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(save, _places(dataset), dataset.pixels):
            pass


def _places(dataset: Dataset) -> Texts:
    """(N,) path of each picture inside the written folder."""
    return np.array([f"{raw}/{key}.png" for raw, key in zip(dataset.raw_labels, dataset.ids, strict=True)])


def _votes_csv(faces: DrawnFaces) -> str:
    dataset = faces.dataset
    assert dataset.votes is not None and dataset.groups is not None
    names = dataset.labelset.names
    header = ["image", "label", *names, "person", "truth"]
    columns = (_places(dataset), dataset.raw_labels, dataset.votes.tolist(), dataset.groups, faces.truth)
    rows = zip(*columns, strict=True)
    return csv_text([header, *([place, label, *votes, who, names[truth]] for place, label, votes, who, truth in rows)])
