"""The case without labels: find pictures that look like nothing f knows; a person names them later.

Pictures are ranked by novelty, the strangest share is clustered, and each cluster is shown. One that a person can name
becomes the labelled pictures of a class: `mien correct BASE DATA --class NAME --found FOLDER:CLUSTER`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from sklearn.cluster import KMeans

from mien.classifiers.contract import Batch, Classifier
from mien.correctors.novelty import Novelty
from mien.data.images import read_pictures
from mien.data.provenance import shared
from mien.data.views import as_png, contact_sheet
from mien.deploy.label_table import FILE, labelled_as
from mien.deploy.settings import DiscoverySettings
from mien.deploy.trained_on import recorded_by
from mien.errors import DataError, UsageError
from mien.features import Embedding
from mien.storage.artifact import Artifact
from mien.storage.files import as_storage_error, write_atomic
from mien.storage.identity import identity
from mien.types import NO_LABEL, Dataset, Floats, Ints, LabelSet, Outputs, Problem

FOUND = Artifact("discovery", "found.json", 2, "mien discover")
COMPONENTS = 64
SHOWN = 24


@dataclass(frozen=True)
class Discovery:
    """Pictures, ranked and grouped.

    Attributes
    ----------
    paths : of the N pictures that could be read.
    classes, answers : class names, and (N,) f's answers.
    score : (N,) novelty, higher is stranger.
    cluster : (N,) number of the group, 0 the strangest; −1 for pictures that are not strange.
    sheets : for each cluster a PNG of its strangest pictures, side by side.
    problems : pictures that could not be read.
    trained_on : how many of the pictures the classifier was trained on; None where that is not known.
    """

    paths: tuple[str, ...]
    classes: tuple[str, ...]
    answers: Ints
    score: Floats
    cluster: Ints
    sheets: tuple[bytes, ...]
    problems: tuple[Problem, ...]
    trained_on: int | None = None

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.cluster.max()) + 1

    def members(self, cluster: int) -> Ints:
        """Rows of one cluster, the strangest first."""
        rows = np.flatnonzero(self.cluster == cluster)
        return rows[np.argsort(-self.score[rows], kind="stable")]

    def mean_score(self, cluster: int) -> float:
        """Mean novelty of a cluster."""
        return float(self.score[self.cluster == cluster].mean())

    def most_frequent_answers(self, cluster: int, most: int = 3) -> tuple[tuple[str, float], ...]:
        """What f calls the pictures of a cluster: (class, share)."""
        counts = np.bincount(self.answers[self.cluster == cluster], minlength=len(self.classes))
        chosen = [row for row in np.argsort(-counts, kind="stable")[:most] if counts[row]]
        return tuple((self.classes[row], float(counts[row] / counts.sum())) for row in chosen)

    def save(self, folder: Path) -> None:
        """Write found.json, and cluster-NUMBER.png of each cluster."""
        for stale in folder.glob("cluster-*.png"):
            stale.unlink()
        for number, sheet in enumerate(self.sheets):
            write_atomic(folder / f"cluster-{number}.png", partial(_write, sheet))
        rows = [
            {
                "file": str(Path(path).resolve()),  # they are looked for from elsewhere, too
                "score": float(score),
                "cluster": int(cluster),
                "answer": self.classes[answer],
            }
            for path, score, cluster, answer in zip(self.paths, self.score, self.cluster, self.answers, strict=True)
        ]
        rows.sort(key=lambda row: -row["score"])
        about = {"id": identity(pictures=rows), "clusters": self.count, "trained_on": self.trained_on}
        FOUND.write(folder, {**about, "pictures": rows})


def discover(
    classifier: Classifier,
    paths: Sequence[Path],
    settings: DiscoverySettings,
    say: Callable[[str], object] = lambda stage: None,
) -> Discovery:
    """Rank pictures by the features that a classifier has of them, and group the strangest.

    Parameters
    ----------
    classifier : one that reads images.
    paths : picture files; labels are not needed. say : called with each stage.

    Raises
    ------
    DataError : fewer than ten pictures that can be read.
    """
    card = classifier.card
    recorded, _ = recorded_by(classifier)
    say("reading pictures")
    data = read_pictures(paths, card.classes, card.images)
    if len(data) < 10:
        why = f" ({data.problems[0].place}: {data.problems[0].cause})" if data.problems else ""
        remedy = "give a folder with many pictures: what is strange shows beside what is usual"
        raise DataError(f"{len(data)} of {len(paths)} pictures can be read{why}", place="discover", remedy=remedy)
    say("reading out")
    outputs = classifier.outputs(Batch(data.pictures, data.ids))
    say("grouping")
    score, cluster = ranked(outputs, settings)
    return Discovery(
        tuple(data.ids.tolist()), card.classes, outputs.predicted, score, cluster, _sheets(data, score, cluster),
        data.problems, None if recorded is None else int(shared(data, "", [recorded]).picture.sum()),
    )  # fmt: skip


def ranked(outputs: Outputs, settings: DiscoverySettings) -> tuple[Floats, Ints]:
    """(N,) novelty, and (N,) cluster among the strangest share: 0 has the strangest mean; −1 for the rest."""
    score = Novelty(NO_LABEL, settings.method).fit(outputs).propose(outputs).score
    strange = np.argsort(-score, kind="stable")[: max(2, round(settings.share * len(score)))]
    vectors = Embedding.fit(outputs, ("*",), COMPONENTS, whiten=0.5).apply(outputs)[strange]
    groups = KMeans(min(settings.clusters, len(strange)), n_init=4, random_state=0).fit_predict(vectors)
    means = [score[strange[groups == group]].mean() for group in range(groups.max() + 1)]
    cluster = np.full(len(score), NO_LABEL)
    cluster[strange] = np.argsort(np.argsort(-np.array(means)))[groups]
    return score, cluster


def _sheets(data: Dataset, score: Floats, cluster: Ints) -> tuple[bytes, ...]:
    """For each cluster its strangest pictures in a row."""
    order = np.argsort(-score, kind="stable")
    chosen = [order[cluster[order] == number][:SHOWN] for number in range(cluster.max() + 1)]
    unlabelled = data.replace(labels=np.zeros(len(data), int), labelset=LabelSet(("cluster",)))
    return tuple(as_png(contact_sheet(unlabelled, rows, len(rows))) for rows in chosen)


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def named_cluster(place: str) -> list[Path]:
    """The picture files of FOLDER:NUMBER, a cluster, or of FOLDER:CLASS, those that a person labelled in its table.

    Raises
    ------
    UsageError : it is neither of them, or there is no such cluster or label. RunError : the folder holds no discovery.
    """
    folder, _, number = place.rpartition(":")
    if not folder or not number:
        remedy = "write FOLDER:NUMBER, such as found:3, or FOLDER:CLASS"
        raise UsageError(f"{place!r} is not understood", place="--found", remedy=remedy)
    again = "run mien discover again"
    stored = FOUND.read(Path(folder), again)
    if not number.isdecimal():
        return labelled_as(Path(folder), number)
    if "class" in stored:
        remedy = f"label them in {Path(folder) / FILE}, and give {folder}:{stored['class']}"
        raise UsageError(
            "its pictures are ranked, not grouped: nobody has looked at them", place="--found", remedy=remedy
        )
    with as_storage_error(Path(folder) / FOUND.file, again):
        files = [Path(row["file"]) for row in stored["pictures"] if str(row["cluster"]) == (number.lstrip("0") or "0")]
        last = int(stored["clusters"]) - 1
    if not files:
        raise UsageError(f"there is no cluster {number}", place="--found", remedy=f"choose from 0 to {last}")
    return files
