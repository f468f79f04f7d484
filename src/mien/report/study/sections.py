"""The sections of the page, in order. A section is a function Run → Section; to add one, write it and name it here."""

from __future__ import annotations

from collections.abc import Callable

from mien.report.common.again import again
from mien.report.common.layout import Section
from mien.report.study.certificates import certificates, mcnemar
from mien.report.study.experiment import classes, cost, scheme, training
from mien.report.study.headline import headline
from mien.report.study.ranking import confusion, curves, ranking
from mien.report.study.results import gain, restored, retention_harm
from mien.storage.run import Run

__all__ = ["SECTIONS", "Section"]

SECTIONS: tuple[Callable[[Run], Section], ...] = (
    headline,
    classes,
    scheme,
    training,
    retention_harm,
    gain,
    restored,
    curves,
    ranking,
    confusion,
    certificates,
    mcnemar,
    cost,
    again,
)
