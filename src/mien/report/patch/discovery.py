"""The page of a discovery: each cluster of strange pictures, to be named."""

from __future__ import annotations

import base64

from mien.deploy.discovery import SHOWN, Discovery
from mien.report.common.layout import render
from mien.types import NO_LABEL


def page(name: str, discovery: Discovery) -> str:
    """Render the page of a discovery as one self-contained HTML file.

    Parameters
    ----------
    name : the folder of the discovery, for the commands on the page.
    """
    sheets = [base64.b64encode(sheet).decode() for sheet in discovery.sheets]
    strange = int((discovery.cluster != NO_LABEL).sum())
    return render("discovery.html", name=name, discovery=discovery, strange=strange, sheets=sheets, most=SHOWN)
