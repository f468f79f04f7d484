"""A new patch from the verdicts in a store, put into the folder of patches."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from mien.deploy.calibration_data import CalibrationData
from mien.deploy.patch import Patch
from mien.errors import MienError, StorageError, UsageError
from mien.service.comparison import Comparison
from mien.service.evidence import evidence_of
from mien.service.lesson import Lesson, learn
from mien.service.patches import PatchFolder
from mien.service.recipe import Recipe
from mien.service.settings import ServeSettings
from mien.service.store.judged import judged, last_verdict
from mien.service.store.rows import IN_FORCE, PROPOSE, LogEntry
from mien.service.store.store import Store
from mien.storage.files import storage_errors

MOST_BYTES = 2**30
"""Pixels of live pictures that a refit reads; the newest count."""
UNFINISHED = ".refit-"
"""Beginning of the name of a folder in which a patch is being written."""
DATED = re.compile(r"-\d{4}-\d\d-\d\d(-\d+)?$")
NAME = "verdicts"
"""Of a patch that follows none."""


@dataclass(frozen=True)
class Outcome:
    """What a refit came to.

    Attributes
    ----------
    words : in a sentence, also where there is no patch.
    patch, name : id and name of the new patch, "" for none. previous : id of the one that it is compared with.
    certificate, comparison : of the new patch; None for none.
    better : whether it is certified, and better than the one in force beyond chance.
    sample : the pictures that certify it, one of `mien.service.lesson.SAMPLES`.
    until, verdict : last decision and verdict that were read, as places in the store.
    """

    words: str = ""
    patch: str = ""
    name: str = ""
    previous: str = ""
    certificate: Mapping[str, Any] | None = None
    comparison: Comparison | None = None
    better: bool = False
    sample: str = ""
    until: int = 0
    verdict: int = 0

    @property
    def reference(self) -> str:
        """NAME@HASH of the new patch, "" for none."""
        return f"{self.name}@{self.patch[:12]}" if self.patch else ""

    @property
    def content(self) -> dict[str, Any]:
        """What the log of patches keeps beside the words."""
        kept = {name: getattr(self, name) for name in ("sample", "better", "until", "verdict")}
        comparison = None if self.comparison is None else {**asdict(self.comparison), "words": self.comparison.words}
        return {**(self.certificate or {}), **kept, "comparison": comparison}


def refit(
    store: Store,
    patches: PatchFolder,
    reference: str,
    settings: ServeSettings,
    say: Callable[[str], object] = lambda stage: None,
) -> Outcome:
    """Make a patch from the verdicts in a store, compare it with the one in force, and put it into the folder.

    Parameters
    ----------
    reference : of the patch in force, as `PatchFolder.find` takes it. say : called with each stage.

    Returns
    -------
    An outcome with a patch where it is certified and no worse than the one in force; otherwise with the reason.

    Raises
    ------
    UsageError : no such patch. StorageError : the store or the folder cannot be used.
    """
    in_force, listed = patches.load(reference), patches.find(reference)
    outcome = Outcome(previous=in_force.patch.id if in_force.patch else "", verdict=last_verdict(store))
    try:
        recipe = Recipe.of(in_force, settings)
        say("reading verdicts")
        rows = judged(store, max(1, MOST_BYTES // int(np.prod(patches.classifier.card.images.shape))))
        outcome = replace(outcome, until=max((row.decision.seq for row in rows), default=0))
        crops = store.crops(row.decision.prediction for row in rows)
        data, note = _labelled(patches, recipe)
        evidence = evidence_of(patches.classifier, rows, crops, recipe.classes, data)
        since = rests_on(store.patch_log(), (row.decision.patch for row in rows if row.label is not None))
        lesson = learn(patches.classifier, in_force, evidence, recipe, since, say)
    except StorageError:
        raise
    except MienError as error:
        return replace(outcome, words=": ".join(filter(None, ("no patch", error.place, error.cause))))
    outcome = _with_lesson(outcome, lesson, note)
    if lesson.patch is None or not lesson.proposed:
        return outcome
    say("writing the patch")
    name = put(lesson.patch, patches, listed.name if listed else NAME)
    return replace(outcome, name=name, patch=lesson.patch.id, certificate=vars(lesson.patch.certificate))


def rests_on(log: Iterable[LogEntry], judged: Iterable[str] = ()) -> int:
    """Place in the store of the last decision that some patch rests on which was made from verdicts and gave answers.

    It was in force, or requests named it: `judged` has the patches of the answers that have a verdict.

    What such a patch overrode has verdicts, and which pictures these are depends on the draws that certified it. So
    those draws may not certify a patch that learns from these verdicts.
    """
    entries = list(log)
    used = {entry.patch for entry in entries if entry.action in IN_FORCE} | set(judged)
    made = [entry.certificate for entry in entries if entry.action == PROPOSE and entry.patch in used]
    return max((int(content["until"]) for content in made if content), default=0)


def put(patch: Patch, patches: PatchFolder, name: str) -> str:
    """Write a patch into the folder as NAME-DATE, over none that is there; its name."""
    folder = patches.folder
    if folder is None:
        remedy = "name a folder for patches: --patches DIR"
        raise UsageError("a new patch has no place", place="patches", remedy=remedy)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{UNFINISHED}*"):  # by a refit that was killed: there is one at a time
            shutil.rmtree(left, ignore_errors=True)
    new = folder / f"{UNFINISHED}{token_hex(4)}"
    try:
        patch.save(new)
        with storage_errors(folder):
            return _renamed(new, folder, f"{DATED.sub('', name)}-{time.strftime('%Y-%m-%d')}")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _renamed(new: Path, folder: Path, name: str) -> str:
    """Give a folder the first free of the names NAME, NAME-2, …; a folder with files is never replaced."""
    number, free = 1, name
    while True:
        target = folder / f"{free}.patch"
        if not target.exists() and not (folder / free).exists():
            try:
                new.rename(target)
                return free
            except OSError:
                if not target.exists():
                    raise
        number += 1
        free = f"{name}-{number}"


def _labelled(patches: PatchFolder, recipe: Recipe) -> tuple[CalibrationData | None, str]:
    """The labelled data, and why they play no role; verdicts may suffice without them."""
    try:
        return recipe.labelled(patches.classifier), ""
    except StorageError:
        raise
    except MienError as error:
        return None, f"labelled data play no role: {': '.join(filter(None, (error.place, error.cause)))}"


def _with_lesson(outcome: Outcome, lesson: Lesson, note: str) -> Outcome:
    words = "; ".join(filter(None, (lesson.words, note)))
    return replace(outcome, words=words, comparison=lesson.comparison, sample=lesson.sample, better=lesson.better)
