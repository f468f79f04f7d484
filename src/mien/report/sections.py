"""The sections of the page, in order. A section is a function Run → Section; to add one, write it and name it here."""

from __future__ import annotations

from collections.abc import Callable

from mien.report.assurance import certificates, mcnemar
from mien.report.comparison import confusion, curves, ranking
from mien.report.experiment import again, classes, cost, scheme, training
from mien.report.layout import Section
from mien.report.results import gain, restored, retention_harm
from mien.report.summary import headline
from mien.runs import Run

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
