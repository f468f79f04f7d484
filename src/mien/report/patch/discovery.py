"""The page of a discovery: each cluster of strange pictures, to be named."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from mien.report.common.layout import render


@dataclass(frozen=True)
class Cluster:
    """One cluster, as the page shows it.

    Attributes
    ----------
    pictures : how many. score : their mean novelty.
    answers : what the classifier calls them most often, (class, share).
    sheet : PNG of some of its pictures side by side, `shown` of them.
    """

    pictures: int
    score: float
    answers: tuple[tuple[str, float], ...]
    sheet: bytes
    shown: int

    @property
    def encoded(self) -> str:
        """The sheet for a data URI."""
        return base64.b64encode(self.sheet).decode()


def page(name: str, total: int, clusters: Sequence[Cluster], trained_on: int | None = 0) -> str:
    """One self-contained HTML page.

    Parameters
    ----------
    name : the folder of the discovery, for the commands on the page.
    total : pictures that were ranked.
    clusters : the strangest first.
    trained_on : how many of the pictures the classifier was trained on; None where that is not known.
    """
    strange = sum(cluster.pictures for cluster in clusters)
    return render("discovery.html", name=name, total=total, strange=strange, clusters=clusters, trained_on=trained_on)
