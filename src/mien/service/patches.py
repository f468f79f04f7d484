"""The patches that a server may put in force: those in one folder, known by name and hash."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mien.classifiers.contract import Batch, Classifier, ImageSpec, is_identity
from mien.deploy.assurance import promised
from mien.deploy.opening import load_patch
from mien.deploy.patch import Patch
from mien.deploy.patch_io import PATCH
from mien.deploy.patch_record import PatchRecord, target_names
from mien.deploy.predictor import Predictor
from mien.errors import MienError, RunError, UsageError, choice_error
from mien.types import plain

NONE = "none"
"""Stands for no patch: f's answers alone."""
HASH = 8
"""Fewest characters of a hash that name a patch."""
LOADED = 8
"""Most patches that stay in memory."""


@dataclass(frozen=True)
class ListedPatch:
    """A patch in the folder.

    Attributes
    ----------
    name : of its folder, without ".patch". id : the hash; "" where it cannot be read.
    targets : the classes that it corrects. about : when and from what it was made.
    certificate : what it promises, in words.
    problem : why it cannot be put in force; "" where it can.
    """

    name: str
    id: str
    folder: Path
    targets: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    certificate: str = ""
    problem: str = ""

    @property
    def reference(self) -> str:
        """NAME@HASH, which names this very patch."""
        return f"{self.name}@{self.id[:12]}"


class PatchFolder:
    """The patches in a folder that fit a classifier.

    Parameters
    ----------
    folder : that holds folders of patches; None for none.
    classifier : what they correct. beside : folders of single patches that lie elsewhere.
    """

    def __init__(self, folder: Path | None, classifier: Classifier, beside: Sequence[Path] = ()) -> None:
        self.folder, self.classifier, self.beside = folder, classifier, tuple(beside)
        self.uncorrected = Predictor(classifier)
        self._loaded: OrderedDict[str, Predictor] = OrderedDict()
        self._listed: dict[Path, tuple[int, ListedPatch]] = {}
        self._lock = threading.RLock()

    def listed(self) -> list[ListedPatch]:
        """All patches in the folder, by name; those that cannot be put in force have a problem."""
        visible = (path for path in _inside(self.folder) if not path.name.startswith("."))
        places = [path for path in (*self.beside, *visible) if _holds_patch(path)]
        with self._lock:
            self._listed = {path: self._read(path) for path in places}
            return [listed for _, listed in self._listed.values()]

    def find(self, reference: str) -> ListedPatch | None:
        """The patch that a reference names: NAME@HASH, a hash, or a name; None for "none".

        Raises
        ------
        UsageError : no such patch, or more than one.
        """
        if reference == NONE:
            return None
        listed = self.listed()
        name, _, digest = reference.rpartition("@")
        if name:
            matching = [each for each in listed if each.name == name and _begins(each.id, digest)]
        else:
            matching = [each for each in listed if each.name == reference or _begins(each.id, reference)]
        if not matching:
            raise choice_error("patch", reference, [*(each.reference for each in listed), NONE])
        if len({each.id for each in matching}) > 1:
            remedy = f"name one of {', '.join(each.reference for each in matching)}"
            raise UsageError(f"{plain(reference)!r} names {len(matching)} patches", place="patch", remedy=remedy)
        return matching[0]

    def load(self, reference: str) -> Predictor:
        """The classifier with the patch that a reference names, loaded and tried on two pictures.

        Raises
        ------
        UsageError : no such patch. RunError : it is damaged, or was made for another classifier.
        """
        listed = self.find(reference)
        if listed is None:
            return self.uncorrected
        if listed.problem:
            raise RunError(listed.problem, place=listed.name, remedy="make it again with mien correct")
        with self._lock:
            predictor = self._loaded.get(listed.id)
            if predictor is None:
                patch = load_patch(listed.folder, self.classifier)
                if patch.id != listed.id:
                    raise RunError("was exchanged while it was read", place=listed.name, remedy="try again")
                predictor = self.add(patch)
            self._loaded.move_to_end(listed.id)
            return predictor

    def add(self, patch: Patch) -> Predictor:
        """The classifier with a patch that was loaded before; it is tried, and stays in memory."""
        predictor = Predictor(self.classifier, patch)
        predictor.answer(self._trial())
        with self._lock:
            self._loaded[patch.id] = predictor
            while len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)
        return predictor

    def record(self, id: str) -> PatchRecord:
        """What a patch promises, by its id; UsageError where the folder has none."""
        listed = self.find(id)
        if listed is None:
            raise UsageError("no patch has no record", place="patch", remedy="name a patch")
        return PatchRecord.read(listed.folder)

    def _trial(self) -> Batch:
        """A black picture and one of noise."""
        inputs = self.classifier.card.inputs
        assert isinstance(inputs, ImageSpec)
        noise = np.random.default_rng(0).integers(0, 256, inputs.settings.shape, np.uint8)
        return Batch(np.stack([np.zeros_like(noise), noise]))

    def _read(self, path: Path) -> tuple[int, ListedPatch]:
        """A patch's record; read again only where its file changed."""
        name = path.name.removesuffix(".patch")
        try:
            changed = (path / PATCH.file).stat().st_mtime_ns
        except OSError:
            return 0, ListedPatch(name, "", path, problem="disappeared")
        if path in self._listed and self._listed[path][0] == changed:
            return self._listed[path]
        try:
            record = PatchRecord.read(path)
            about = record.stored.part("about") if isinstance(record.stored.get("about"), dict) else {}
            fits = is_identity(self.classifier, str(record.stored["base"]))
            problem = "" if fits else "was made for another classifier"
            words, targets = promised(record), target_names(record.targets)
            return changed, ListedPatch(name, record.id, path, targets, dict(about), words, problem)
        except MienError as error:
            return changed, ListedPatch(name, "", path, problem=f"{error.cause}")


def _inside(folder: Path | None) -> list[Path]:
    """What lies in a folder, by name; nothing in one that is not there or may not be read."""
    try:
        return [] if folder is None else sorted(folder.iterdir())
    except OSError:
        return []


def _holds_patch(path: Path) -> bool:
    """Whether a patch lies there; what may not be looked into, as lost+found on a disk, holds none."""
    try:
        return (path / PATCH.file).is_file()
    except OSError:
        return False


def _begins(digest: str, start: str) -> bool:
    return len(start) >= HASH and digest.startswith(start)
